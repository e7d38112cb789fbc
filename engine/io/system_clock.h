// engine/io/system_clock.h — the operating system's time, read at every call.
//
// PURPOSE   For plain threads (queue writer, workers) and tools. A loop has its own clock, which
//           stands still within a turn (uv_loop.h).
// THREADS   Any.

#ifndef SLUICE_ENGINE_IO_SYSTEM_CLOCK_H_
#define SLUICE_ENGINE_IO_SYSTEM_CLOCK_H_

#include "engine/base/time.h"

namespace sluice::io {

class SystemClock final : public Clock {
 public:
  Instant Now() const override;
  WallTime Wall() const override;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SYSTEM_CLOCK_H_
