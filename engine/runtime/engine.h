// engine/runtime/engine.h — the whole engine in one process: threads, start, reload, stop.
//
// PURPOSE   Opens the queue, makes the shards and the threads, tells the service manager, ends in
//           order: stop accepting, finish what runs, everything durable, events written.
// THREADS   Shard 0 runs on the thread that calls Run, with signals and the control socket; the
//           other shards, the writer, the readers, the exporter and the password worker have one
//           thread each, the signer pool one a core. Threads (threads.h) makes them all.

#ifndef SLUICE_ENGINE_RUNTIME_ENGINE_H_
#define SLUICE_ENGINE_RUNTIME_ENGINE_H_

#include <memory>
#include <string>

#include "config/config.h"
#include "engine/base/error.h"

namespace sluice::engine {

class Engine {
 public:
  // Everything that can go wrong at start goes wrong here, with an error that says what to do.
  static Result<std::unique_ptr<Engine>> Open(const config::Config& config);
  virtual ~Engine() = default;

  // Serves until SIGTERM or SIGINT, reloads at SIGHUP. Returns the exit status.
  virtual int Run() = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_ENGINE_H_
