// config/keys_row.h — how a row of the key table is tied to the member it is read into.
//
// NOT HERE  The rows (keys_host.h, keys_mail.h). Included by those alone.

#ifndef SLUICE_CONFIG_KEYS_ROW_H_
#define SLUICE_CONFIG_KEYS_ROW_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/keys.h"
#include "config/reader.h"
#include "config/units.h"

namespace sluice::config {

inline constexpr int64_t kKiB = int64_t(1) << 10;
inline constexpr int64_t kMiB = int64_t(1) << 20;
inline constexpr int64_t kGiB = int64_t(1) << 30;
inline constexpr int64_t kMs = 1'000;
inline constexpr int64_t kSecond = 1'000'000;
inline constexpr int64_t kMinute = 60 * kSecond;
inline constexpr int64_t kHour = 60 * kMinute;
inline constexpr int64_t kDay = 24 * kHour;

// ---- the default of a member, as the reference shows it ----

template <typename T>
std::string Print(const Key& key, const T& value) {
  if constexpr (std::is_enum_v<T>) {
    return "`\"" + std::string(SplitChoices(key.choices)[size_t(value)]) + "\"`";
  } else if constexpr (std::is_same_v<T, bool>) {
    if (key.kind == Kind::kChoice)
      return "`\"" + std::string(SplitChoices(key.choices)[value ? 1 : 0]) + "\"`";
    return value ? "`true`" : "`false`";
  } else if constexpr (std::is_integral_v<T>) {
    if (key.kind == Kind::kSize) return "`\"" + FormatSize(value) + "\"`";
    return "`" + std::to_string(value) + "`";
  } else if constexpr (std::is_same_v<T, Duration>) {
    return "`\"" + FormatDuration(value) + "\"`";
  } else if constexpr (std::is_same_v<T, std::vector<Duration>>) {
    std::string out = "`[";
    for (const Duration& gap : value)
      out += (out.size() > 2 ? ", \"" : "\"") + FormatDuration(gap) + "\"";
    return out + "]`";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value.empty() ? "" : "`\"" + value + "\"`";
  } else {
    return "";  // lists and optional values: none, told by default_text where that needs words
  }
}

template <typename T>
struct MemberOf;
template <typename S, typename T>
struct MemberOf<T S::*> {
  using Struct = S;
  using Type = T;
};

// "path" of &Queue::path, from the text "... M = &sluice::config::Queue::path" that the compiler
// gives for its own name.
template <auto M>
constexpr std::string_view MemberName() {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_prefix(name.find("M = &"));
  name = name.substr(0, name.find_first_of(";]"));
  return name.substr(name.rfind(':') + 1);
}

// Ties a row to the member it is read into.
template <auto M>
constexpr Key Row(Key key) {
  using Struct = typename MemberOf<decltype(M)>::Struct;
  using Type = typename MemberOf<decltype(M)>::Type;
  key.member = MemberName<M>();
  key.read = [](Reader& reader, const Key& self, const std::string& path, const Value& value,
                void* section) {
    Type& out = static_cast<Struct*>(section)->*M;
    if constexpr (std::is_enum_v<Type>) {
      if (const auto place = ReadChoice(reader, self, path, value)) out = Type(*place);
    } else {
      ReadValue(reader, self, path, value, out);
    }
  };
  key.print_default = [](const Key& self) {
    if (!self.default_text.empty()) return std::string(self.default_text);
    const Struct fresh{};
    return Print(self, fresh.*M);
  };
  return key;
}

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_KEYS_ROW_H_
