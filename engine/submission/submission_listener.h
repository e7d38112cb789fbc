// engine/submission/submission_listener.h — all sessions that came in by one configured listener,
// on one shard.
//
// PURPOSE   Takes accepted streams, gives each a SubmissionSession, keeps the limits they share.
// NOT HERE  Sockets and their hand-over between shards (engine/shard, engine/io), the protocol
//           (smtp/server_session.h), one session's wishes (submission_session.h).
// THREADS   Confined to its shard, but for the ConnectionGate, which all shards share.
// LIFETIME  Outlives its streams (see sessions()) and every `done` it gave to Intake and
//           Authenticator. To end: Stop(), wait for sessions() == 0 or Abort() and wait, destroy.

#ifndef SLUICE_ENGINE_SUBMISSION_SUBMISSION_LISTENER_H_
#define SLUICE_ENGINE_SUBMISSION_SUBMISSION_LISTENER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "config/config.h"
#include "engine/base/slab.h"
#include "engine/base/timer_queue.h"
#include "engine/io/net.h"
#include "engine/shard/context.h"
#include "engine/submission/authenticator.h"
#include "engine/submission/certificate_users.h"
#include "engine/submission/connection_gate.h"
#include "engine/submission/content_spool.h"
#include "engine/submission/fault_alerts.h"
#include "engine/submission/intake.h"
#include "engine/submission/submission_counters.h"
#include "smtp/server_session.h"

namespace sluice::engine {

class SubmissionSession;

// What a listener and its sessions work with; all outlive it.
struct SubmissionParts {
  ShardContext& context;
  Intake& intake;
  Authenticator& authenticator;
  ConnectionGate& gate;
  SpoolRoom& spools;
};

class SubmissionListener {
 public:
  // `tls` is null exactly when settings.tls is kNone.
  SubmissionListener(const SubmissionParts& parts, const config::Listener& settings,
                     std::shared_ptr<io::TlsServerContext> tls);
  ~SubmissionListener();
  SubmissionListener(const SubmissionListener&) = delete;
  SubmissionListener& operator=(const SubmissionListener&) = delete;

  // Takes over an accepted stream, as io::Net::AcceptFn does. Never null: a connection over the
  // limits hears 421 and is closed.
  io::StreamEvents* Accept(io::Stream* stream);

  // context.config has been replaced; certificates, TLS mode, role and trusted networks count for
  // new connections, limits and users for all.
  void Reload(const config::Listener& settings, std::shared_ptr<io::TlsServerContext> tls);

  // Idle sessions hear 421 now, those within a transaction after its reply; new ones at once.
  void Stop();
  // Resets whatever is still open. Their OnClosed still comes from the loop.
  void Abort();

  size_t sessions() const { return sessions_.size(); }
  const SubmissionCounters& counters() const { return counters_; }

 private:
  friend class SubmissionSession;

  void LookAtUsers();
  bool Trusted(const IpAddress& peer) const;
  smtp::ServerRules RulesFor(bool trusted) const;
  // The body budget is used up: the session that holds most of an unfinished body gives it to the
  // disk, or stops reading, but never the last one that reads. Called by a session that reads
  // content.
  void RelieveMemory();
  void OnMemoryTimer();
  // `count` messages of `sender` were refused for faults of their own, the last one with `fault`.
  void TellFaults(const std::string& sender, const smtp::Answer& fault, uint64_t count);
  // A message of `sender` was refused for its From.
  void TellRefusal(const std::string& sender, const smtp::Answer& refusal);
  void Erase(Handle<SubmissionSession> session);

  const SubmissionParts parts_;
  config::Listener settings_;
  std::shared_ptr<io::TlsServerContext> tls_;
  bool every_user_has_scram_ = false;
  std::optional<CertificateUsers> certificate_users_;  // where clients are asked for certificates
  bool stopping_ = false;
  SubmissionCounters counters_;
  FaultAlerts fault_alerts_;
  FaultAlerts refusal_alerts_;
  Slab<SubmissionSession> sessions_;
  Timer memory_timer_;  // set while sessions wait for the body budget
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_SUBMISSION_LISTENER_H_
