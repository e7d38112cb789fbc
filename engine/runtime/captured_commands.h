// engine/runtime/captured_commands.h — `sluice captured list|show|release`: mail of users whose
// configuration says deliver = "capture" (design 12.15).

#ifndef SLUICE_ENGINE_RUNTIME_CAPTURED_COMMANDS_H_
#define SLUICE_ENGINE_RUNTIME_CAPTURED_COMMANDS_H_

#include "engine/control/control_server.h"
#include "engine/shard/shard.h"

namespace sluice::engine {

class CapturedCommands {
 public:
  // Lanes and captured recipients that `list` looks at, and messages it shows.
  static constexpr size_t kRowsLooked = 100'000;
  static constexpr size_t kMessagesShown = 1'000;

  // Outlives this.
  explicit CapturedCommands(Shard& shard) : shard_(shard) {}
  void Register(ControlServer& server);

 private:
  void List(const ControlDone& done);
  void Show(const ControlRequest& request, const ControlDone& done);
  void Release(const ControlRequest& request, const ControlDone& done);
  void ReleaseSome(MessageId id, size_t before, const ControlDone& done);

  Shard& shard_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_CAPTURED_COMMANDS_H_
