// engine/runtime/shard_runtime.h — a Shard on its real loop: sockets, DNS, TLS, listeners.
//
// PURPOSE   Makes what a shard's seams need in production and drives it. Accepted sockets go to the
//           shard that has fewest connections, because few long ones spread unevenly.
// LIFETIME  Made and destroyed on the main thread while no loop runs; Run on the shard's own
//           thread.

#ifndef SLUICE_ENGINE_RUNTIME_SHARD_RUNTIME_H_
#define SLUICE_ENGINE_RUNTIME_SHARD_RUNTIME_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dns/cares_transport.h"
#include "engine/base/random.h"
#include "engine/base/workers.h"
#include "engine/io/uv_loop.h"
#include "engine/runtime/signer_pool.h"
#include "engine/shard/shard.h"
#include "engine/signing/signing.h"
#include "engine/submission/connection_gate.h"
#include "engine/submission/submission_listener.h"

namespace sluice::engine {

// What a reload replaces.
struct Settings {
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const Keyring> keyring;  // of that configuration
  std::shared_ptr<const smtp::TokenSecrets> tokens;
  std::shared_ptr<const config::ReplyRuleSet> rules;
};

using TlsContexts = std::vector<std::shared_ptr<io::TlsServerContext>>;

using TlsClients = std::vector<std::shared_ptr<io::TlsClientContext>>;

struct MadeTlsContexts {
  TlsContexts contexts;
  bool failed = false;  // some are those of before
};

// One context per listener, null for clear text. Errors name the file.
// Where `before`, of the same listeners, has a context, what cannot be read is taken from there,
// with an error in the log. What `kept` has is taken as it is: nothing is read for it.
Result<MadeTlsContexts> MakeTlsContexts(io::Net& net, const config::Config& config,
                                        const TlsContexts& before = {},
                                        const TlsContexts& kept = {});
// `count` contexts as [tls] says, one a shard.
Result<TlsClients> MakeTlsClients(io::Net& net, const config::Config& config, uint32_t count);

// One for each shard.
using Mailboxes = std::vector<std::unique_ptr<Mailbox>>;
Mailboxes MakeMailboxes(uint32_t shards);
std::vector<Mailbox*> Pointers(const Mailboxes& mailboxes);

class ShardRuntime {
 public:
  // Errors: the DNS servers or the files of [tls] cannot be used.
  static Result<std::unique_ptr<ShardRuntime>> Make(uint32_t index, const Settings& settings,
                                                    const ShardCommon& common, BodyBudget& bodies,
                                                    SignerPool& signers, uint64_t seed);
  ~ShardRuntime();

  // Opens the ports. `authenticator` is this shard's way to the password checker, `disk` writes the
  // large bodies that arrive here, `tls` has one
  // context per listener (null for clear text), shared by all shards so that a session ticket
  // of one is good on all; the peers are all runtimes by number. Errors name the address.
  Status Open(Authenticator& authenticator, ConnectionGate& gate, Workers& disk,
              const TlsContexts& tls, std::span<ShardRuntime* const> peers);
  void Run() { loop_.Run(); }

  // From the shard's own loop. Without a `tls_client` the one in force stays.
  void Reload(const Settings& settings, const TlsContexts& tls,
              std::shared_ptr<io::TlsClientContext> tls_client);
  void StopAccepting();
  void Stop();   // idle sessions hear 421, running transactions end
  void Abort();  // what is still open is cut
  bool Stopped() const;
  void Quit() { loop_.Stop(); }

  uint32_t index() const { return index_; }
  io::UvLoop& loop() { return loop_; }
  Shard& shard() { return *shard_; }
  dns::DnsTransport& transport() { return *transport_; }
  const std::vector<std::unique_ptr<SubmissionListener>>& listeners() const { return listeners_; }

 private:
  ShardRuntime(uint32_t index, uint64_t seed, SignerPool& signers, Mailbox& mailbox)
      : index_(index), random_(seed), signers_(signers, mailbox), signing_(signers_) {}
  void BeforePoll();
  Status Listen(size_t listener, const Endpoint& at);
  void TakeSocket(size_t listener, int fd);
  void Adopt(size_t listener, int fd);

  const uint32_t index_;
  io::UvLoop loop_;
  Random random_;
  SignerPool::Door signers_;
  Signing signing_;
  std::unique_ptr<dns::DnsTransport> transport_;
  std::unique_ptr<Shard> shard_;
  std::optional<SpoolRoom> spools_;
  std::vector<std::unique_ptr<SubmissionListener>> listeners_;  // an open port each
  std::vector<std::unique_ptr<io::Listener>> sockets_;
  std::vector<ShardRuntime*> peers_;
  std::atomic<uint32_t> connections_{0};  // given to this shard, still open
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_SHARD_RUNTIME_H_
