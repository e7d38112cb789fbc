// engine/delivery/delivery.h — one outbound connection: from the hosts of a route to transactions.
//
// PURPOSE   Walks the route's hosts (one round), connects, gets TLS where it is offered, runs Jobs
//           over one smtp::ClientSession until there are none, says goodbye. Facts go to the owner.
// NOT HERE  The protocol (smtp/client_session.h), what facts mean (verdict.h), limits and choice of
//           work (the scheduler, DeliveryOwner).
// FLOW      Start(job) -> addresses -> connect -> session -> OnResult... -> NextJob ... ->
// OnClosed. RULES     protocol.md 11, 15, 16: at most kAddressesMax addresses and kSessionsMax
// established
//           sessions a round. Every recipient of every job is answered exactly once.
// THREADS   Confined to its shard. No owner call happens inside Start, Poke, Stop or Abort.
// LIFETIME  The owner destroys it after OnClosed, from a later turn of the loop.

#ifndef SLUICE_ENGINE_DELIVERY_DELIVERY_H_
#define SLUICE_ENGINE_DELIVERY_DELIVERY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/route.h"
#include "engine/base/timer_queue.h"
#include "engine/delivery/broken_tls.h"
#include "engine/delivery/job.h"
#include "engine/delivery/verdict.h"
#include "engine/io/net.h"
#include "engine/shard/context.h"

namespace sluice::engine {

// What all deliveries of a shard share. Outlives them.
struct DeliveryShared {
  ShardContext& shard;
  dns::MxRouter& router;
  BrokenTlsMemory& broken_tls;
  const ReplyRules& rules;
  std::shared_ptr<io::TlsClientContext> tls;  // null: STARTTLS is never used
};

class Delivery final : public io::StreamEvents {
 public:
  // Addresses tried in one round, and of those that accepted the connection.
  static constexpr uint32_t kAddressesMax = 5;
  static constexpr uint32_t kSessionsMax = 2;

  Delivery(DeliveryShared& shared, DeliveryOwner& owner, DeliveryPath path);
  ~Delivery() override;
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // Once, first. The work begins in the next turn of the loop.
  void Start(Job first);
  // There may be work: an idle delivery asks NextJob in the next turn. Otherwise nothing happens.
  void Poke();
  // Finishes the transaction that runs (bounded by the owner, who may Abort), then QUIT. A job
  // that has not begun is returned untried.
  void Stop();
  // Ends now. What runs is answered with kShutdown, or returned untried when nothing of it can have
  // been taken by the receiver.
  void Abort();

  // Waits for a Poke with a ready connection.
  bool idle() const;
  // The connection is up and has seen its EHLO reply.
  bool ready() const;
  const DeliveryPath& path() const;
  // Transactions with a reply to their end of data, on this connection.
  uint32_t transactions() const;

  // From the Net.
  void OnConnected() override;
  void OnRead(std::string_view bytes) override;
  void OnWritable() override;
  void OnTlsReady(const io::TlsInfo& info) override;
  void OnEof() override;
  void OnClosed(const io::CloseInfo& info) override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_DELIVERY_H_
