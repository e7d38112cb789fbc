// engine/runtime/queue_options.h — the queue as the configuration wants it.

#ifndef SLUICE_ENGINE_RUNTIME_QUEUE_OPTIONS_H_
#define SLUICE_ENGINE_RUNTIME_QUEUE_OPTIONS_H_

#include "config/config.h"
#include "engine/runtime/process.h"
#include "queue/queue.h"

namespace sluice::engine {

inline queue::QueueOptions QueueOptionsOf(const config::Queue& settings) {
  queue::QueueOptions options;
  options.path = settings.path;
  options.map_size = settings.map_size;
  options.max_bytes = settings.max_bytes;
  options.segment_bytes = settings.segment_bytes;
  options.min_free_bytes = settings.min_free_bytes;
  options.seed = SystemDice();
  return options;
}

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_QUEUE_OPTIONS_H_
