// engine/runtime/sendmail_command.h — `sluice sendmail`: mail of local users, over the control
// socket and over the socket that is open to all of them (design 12.15).
//
// PURPOSE   Takes the request apart, submits, answers when the message is durable. Whose mail it is
//           follows from the peer's uid alone (`[[user]] local_users`), never from the request; the
//           envelope sender is the caller's choice, as with every sendmail, and the Received field
//           names the uid.
// THREADS   Lives on shard 0.

#ifndef SLUICE_ENGINE_RUNTIME_SENDMAIL_COMMAND_H_
#define SLUICE_ENGINE_RUNTIME_SENDMAIL_COMMAND_H_

#include <cstdint>

#include "engine/base/workers.h"
#include "engine/control/control_server.h"
#include "engine/shard/shard.h"
#include "engine/submission/fault_alerts.h"

namespace sluice::engine {

class SendmailCommand {
 public:
  // Both outlive this. `worker` decodes and reads large messages.
  SendmailCommand(Shard& shard, Workers& worker)
      : shard_(shard),
        worker_(worker),
        fault_alerts_(kMessageFault, shard.context(), shard),
        refusal_alerts_(kSenderRefused, shard.context(), shard) {}
  // `server` must not outlive this.
  void Register(ControlServer& server);

  // Messages that were refused for a fault of their own.
  uint64_t message_faults() const { return message_faults_; }
  // Or for their From.
  uint64_t sender_refusals() const { return sender_refusals_; }

 private:
  struct Handing;

  void Submit(const ControlRequest& request, const ControlDone& done);
  void Finish(Handing& handing);
  void Refuse(const Handing& handing, const smtp::Answer& answer);
  void TellFault(uint32_t uid, const smtp::Answer& answer);

  Shard& shard_;
  Workers& worker_;
  FaultAlerts fault_alerts_;
  FaultAlerts refusal_alerts_;
  uint64_t message_faults_ = 0;
  uint64_t sender_refusals_ = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_SENDMAIL_COMMAND_H_
