// engine/delivery/job.h — one transaction's worth of work for an outbound connection, and what came
// of it. Facts only: what they mean for a recipient is decided in verdict.h.
//
// FLOW      The scheduler starts a Delivery with a first Job (it may be the probe of a dead site);
//           when a transaction is done the Delivery asks for the next one, until there is none.

#ifndef SLUICE_ENGINE_DELIVERY_JOB_H_
#define SLUICE_ENGINE_DELIVERY_JOB_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "dns/route.h"
#include "engine/base/body.h"
#include "engine/base/error.h"
#include "engine/base/ref.h"
#include "engine/io/proxied_stream.h"
#include "queue/body_file.h"
#include "queue/records.h"

namespace sluice::engine {

// A message head shared by all its recipients in memory.
struct SharedMessage : RefCounted<SharedMessage> {
  explicit SharedMessage(queue::Message m) : message(std::move(m)) {}
  const queue::Message message;
};

struct Shape;  // shape.h

struct Job {
  uint64_t id = 0;  // the scheduler's name for it
  Ref<const SharedMessage> message;
  std::vector<queue::Recipient> recipients;  // one or more, of one site
  // What connections that carry it must be, where no [[route]] says more than opportunistic.
  config::RouteTls tls = config::RouteTls::kOpportunistic;
  // The stored body, when it is in memory (always for messages up to kWindowBytes). Else null: the
  // Delivery asks DeliveryOwner::LoadWindow.
  Ref<const Body> content;
};

// Messages above this are never held whole for delivery; they are read and sent by windows.
inline constexpr uint32_t kWindowBytes = queue::kBodyBlock;

// Where an attempt ended.
enum class Stage : uint8_t {
  kConnect,
  kGreeting,
  kEhlo,
  kStartTls,
  kMail,
  kRcpt,
  kData,
  kContent,
  kDot,
  kLocal
};

// What happened there, when it was not a reply that counts.
enum class Fault : uint8_t {
  kNone,               // a reply decided: see code
  kRefused,            // TCP refused, reset or unreachable before the greeting
  kTimeout,            // connect or reply timeout
  kLost,               // connection lost at this stage
  kTls,                // handshake failed where TLS was demanded
  kProtocol,           // garbage, over-long reply, unsolicited reply
  kNoAddress,          // host names of the route have no usable address
  kTooLarge,           // receiver's SIZE is smaller: not sent (5.3.4)
  kNoUtf8,             // SMTPUTF8 needed and not offered (5.6.7)
  kNo8Bit,             // 8-bit content, no 8BITMIME and no conversion possible (5.6.3)
  kContentUnreadable,  // our own stored body could not be read
  kShutdown,           // we stop: no attempt of the schedule is used up
  kTlsPolicy,          // the host must not be used under the TLS policy: not even tried
  kSourceAddress,      // the source's address cannot be used on this machine
  kProxy,              // the proxy that the source's address lives behind cannot be used
};

// One recipient's share of an attempt.
struct AttemptResult {
  Stage stage = Stage::kLocal;
  Fault fault = Fault::kNone;
  uint16_t code = 0;       // basic code of the deciding reply; 0: none
  std::string enhanced;    // "5.1.1" or empty
  std::string text;        // cleaned (control characters removed), lines joined by " ", bounded
  bool after_dot = false;  // lost or timed out after the final dot: may be a duplicate next time
  bool dsn_passed_on = false;  // the host offers DSN (RFC 3461): success reports are its business
  std::string host;            // "mx1.example.net [192.0.2.1]:25"
  std::string tls;             // "TLSv1.3 TLS_AES_256_GCM_SHA384", empty: in clear
  std::string tls_policy;      // DescribeTls (tls_policy.h); empty: no host was looked at
};

// How the connection (the whole round over the route's hosts, before any transaction) failed.
struct RoundFailure {
  AttemptResult last;  // of the last host tried
  uint32_t hosts_tried = 0;
  bool established = false;  // some host accepted the TCP connection
  // A TLS policy of the recipient's domain alone kept a host away: other domains of the site are
  // not concerned.
  bool domains_own = false;
  // Every address was of another family than the source's: another source may do.
  bool other_family = false;

  // It is the source's trouble, not the site's.
  bool of_source() const {
    return last.fault == Fault::kSourceAddress || last.fault == Fault::kProxy || other_family;
  }
};

class Delivery;

// The scheduler's side. All calls come from the loop, never from inside Start or Stop.
class DeliveryOwner {
 public:
  virtual ~DeliveryOwner() = default;
  // The connection is ready for another transaction: one more, or none. With none the Delivery
  // waits its shape's idle time for a Poke(), then quits.
  virtual std::optional<Job> NextJob(Delivery& delivery) = 0;
  // Every recipient of a job is answered exactly once, by this or by OnJobReturned.
  virtual void OnResult(Delivery& delivery, Job& job, size_t recipient,
                        const AttemptResult& result) = 0;
  // These recipients were not tried (connection ended between messages, 452 too many recipients,
  // the round failed: `failure` then says how): they are still due. All indices not answered
  // before.
  virtual void OnJobReturned(Delivery& delivery, Job job, std::vector<size_t> untried,
                             const RoundFailure* failure) = 0;
  // The receiver ended a connection with a 421 in place of one more transaction. That is nobody's
  // attempt (the job is returned, to go over another connection), but it says what the receiver
  // thinks of us. `recipient` is one of those it might have been about.
  virtual void OnTurnedAway(Delivery&, const Job&, size_t /*recipient*/, const AttemptResult&) {}
  // An address is about to be connected to: the receiver counts it.
  virtual void OnConnect(Delivery&) {}
  // A transaction with these recipients is about to begin. False: not yet; the job is returned.
  virtual bool MayBegin(Delivery&, const Job&) { return true; }
  // The last call; the owner then destroys the Delivery (from a later turn of the loop).
  virtual void OnClosed(Delivery& delivery) = 0;
  // Reads [offset, offset + length) of the job's stored body, for jobs without content.
  virtual void LoadWindow(const Job& job, uint32_t offset, uint32_t length,
                          std::function<void(Result<std::string>)> done) = 0;
};

// From where and to where a Delivery connects.
struct DeliveryPath {
  std::string site;
  std::string source;  // name
  std::string ehlo;
  std::optional<IpAddress> address;
  std::optional<io::ProxySettings> proxy{};  // where `address` lives; none: here
  std::vector<dns::MxHost> hosts;            // in the order to try
  bool configured = false;  // hosts are from a [[route]]: loopback and private are allowed
  std::shared_ptr<const Shape> shape{};  // null: PlainShape
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_JOB_H_
