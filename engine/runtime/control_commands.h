// engine/runtime/control_commands.h — what the control socket's commands do.
//
// PURPOSE   status, queues, explain and reload: asks every shard on its own loop, merges, answers.
//           The shapes of requests and responses are in docs/control.md.
// THREADS   Lives on shard 0; what it reads of other shards is read on their loops.

#ifndef SLUICE_ENGINE_RUNTIME_CONTROL_COMMANDS_H_
#define SLUICE_ENGINE_RUNTIME_CONTROL_COMMANDS_H_

#include <functional>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/control/control_server.h"
#include "engine/runtime/explainer.h"
#include "engine/runtime/sendmail_command.h"
#include "engine/runtime/shard_runtime.h"

namespace sluice::engine {

struct ControlParts {
  std::vector<ShardRuntime*> shards;
  queue::Queue& queue;
  Writer& writer;
  const SendmailCommand& sendmail;
  // Gives the changed keys that need a restart, or why nothing has changed.
  std::function<Result<std::string>()> reload;
  std::function<Status()> exporter_health;
};

class ControlCommands {
 public:
  explicit ControlCommands(ControlParts parts);
  // `server` must not outlive this.
  void Register(ControlServer& server);

 private:
  void ShowStatus(const ControlDone& done);

  const ControlParts parts_;
  const Instant started_;
  Explainer explainer_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_CONTROL_COMMANDS_H_
