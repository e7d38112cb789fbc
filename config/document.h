// config/document.h — a TOML text as a plain tree that knows where everything stands.
//
// PURPOSE   The parser and the checks walk this tree; each value has its line and column for the
//           error text. toml++ is included by document.cc alone.
// LIMITS    kMaxFileBytes; deeper nesting than toml++ allows is a syntax error.

#ifndef SLUICE_CONFIG_DOCUMENT_H_
#define SLUICE_CONFIG_DOCUMENT_H_

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

// A hundred thousand users fit; a file handed over by mistake (a log, a disk) does not.
inline constexpr size_t kMaxFileBytes = size_t(32) << 20;

struct Position {
  uint32_t line = 0;  // counted from 1; 0: not known
  uint32_t column = 0;

  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Member;

struct Value {
  enum class Kind : uint8_t { kText, kInteger, kReal, kBoolean, kTime, kList, kTable };

  Kind kind = Kind::kTable;
  bool boolean = false;
  Position at;
  int64_t integer = 0;
  std::string text;
  std::vector<Value> items;     // of a list
  std::vector<Member> members;  // of a table

  const Member* Find(std::string_view name) const;
};

struct Member {
  std::string name;
  Position at;  // of the key
  Value value;
};

struct SyntaxError {
  Position at;
  std::string what;
};

std::expected<Value, SyntaxError> ParseToml(std::string_view text);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_DOCUMENT_H_
