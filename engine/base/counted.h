// engine/base/counted.h — numbers with their nouns, for people.

#ifndef SLUICE_ENGINE_BASE_COUNTED_H_
#define SLUICE_ENGINE_BASE_COUNTED_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice {

// "1 recipient", "2 recipients".
inline std::string Counted(uint64_t n, std::string_view noun) {
  return std::to_string(n) + " " + std::string(noun) + (n == 1 ? "" : "s");
}

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_COUNTED_H_
