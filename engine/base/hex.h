// engine/base/hex.h — octets as digits, for people and files.

#ifndef SLUICE_ENGINE_BASE_HEX_H_
#define SLUICE_ENGINE_BASE_HEX_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

// Two lower-case digits an octet.
inline std::string HexOf(std::string_view octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * octets.size());
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    out += kDigits[octet >> 4];
    out += kDigits[octet & 15];
  }
  return out;
}
inline std::string HexOf(const unsigned char* octets, size_t size) {
  return HexOf({reinterpret_cast<const char*>(octets), size});
}

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_HEX_H_
