// tests/fuzz/fuzz_target.h — one source, two builds: a libFuzzer target and a corpus replay.
//
//   FUZZ_TARGET(smtp_reply) { ... use `input` (std::string_view) ... }
//
// Preset fuzz: each source becomes its own libFuzzer program. Every other preset: all sources are
// linked into `fuzz_replay`, which feeds each target its folder tests/fuzz/corpus/<name>/.

#ifndef SLUICE_TESTS_FUZZ_FUZZ_TARGET_H_
#define SLUICE_TESTS_FUZZ_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::fuzz {

using TargetFn = void (*)(std::string_view input);

// Adds a target to the list that fuzz_replay walks. Defined in replay_main.cc.
int Register(const char* name, TargetFn target);

}  // namespace sluice::fuzz

#ifdef SLUICE_LIBFUZZER
#define FUZZ_TARGET(name)                                                   \
  static void name##Target(std::string_view input);                         \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { \
    name##Target({reinterpret_cast<const char*>(data), size});              \
    return 0;                                                               \
  }                                                                         \
  static void name##Target(std::string_view input)
#else
#define FUZZ_TARGET(name)                              \
  static void name##Target(std::string_view input);    \
  [[maybe_unused]] static const int name##Registered = \
      ::sluice::fuzz::Register(#name, name##Target);   \
  static void name##Target(std::string_view input)
#endif

#endif  // SLUICE_TESTS_FUZZ_FUZZ_TARGET_H_
