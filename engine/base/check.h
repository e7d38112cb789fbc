// engine/base/check.h — assertions that stay on in production.
//
// PURPOSE   CHECK ends the process when our own code is wrong. Never CHECK what a peer, a file or a
//           configuration can influence: that is an Error (error.h).
// NOT HERE  DCHECK is for byte loops only; it vanishes from release builds.

#ifndef SLUICE_ENGINE_BASE_CHECK_H_
#define SLUICE_ENGINE_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace sluice {

[[noreturn]] inline void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace sluice

#define CHECK(condition)                                     \
  do {                                                       \
    if (!(condition)) [[unlikely]]                           \
      ::sluice::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)

#ifdef NDEBUG
#define DCHECK(condition) \
  do {                    \
  } while (false)
#else
#define DCHECK(condition) CHECK(condition)
#endif

#endif  // SLUICE_ENGINE_BASE_CHECK_H_
