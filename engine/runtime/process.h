// engine/runtime/process.h — what the process asks of the system once, before anything else runs.

#ifndef SLUICE_ENGINE_RUNTIME_PROCESS_H_
#define SLUICE_ENGINE_RUNTIME_PROCESS_H_

#include <cstdint>

namespace sluice::engine {

// A seed that nobody can guess.
uint64_t SystemDice();

// Connections are files: as many as we may have.
void RaiseFileLimit();

// The queue's records are read through mapped memory: a page that the disk does not give ends the
// process, as nothing could go on. It says so; then the fault happens again, and is final.
void TellOfBadPages();

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_PROCESS_H_
