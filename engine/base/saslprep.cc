#include "engine/base/saslprep.h"

#include <stringprep.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "engine/base/text.h"

namespace sluice {
namespace {

struct FreeText {
  void operator()(char* text) const { std::free(text); }
};

bool IsControl(char c) { return (c >= 0 && c < 32) || c == 127; }

}  // namespace

Result<std::string> SaslPrep(std::string_view text, SaslUse use) {
  if (std::ranges::any_of(text, IsControl))
    return Fail(ErrorCode::kInvalid, "has control characters, which SASL forbids");
  if (IsAscii(text)) return std::string(text);
  if (!IsUtf8(text)) return Fail(ErrorCode::kInvalid, "is not UTF-8, which SASL needs");
  char* raw = nullptr;
  const auto flags =
      use == SaslUse::kStored ? STRINGPREP_NO_UNASSIGNED : Stringprep_profile_flags(0);
  const int rc = stringprep_profile(std::string(text).c_str(), &raw, "SASLprep", flags);
  const std::unique_ptr<char, FreeText> made(raw);
  if (rc != STRINGPREP_OK)
    return Fail(ErrorCode::kInvalid,
                std::string("cannot be used with SASL: ") + stringprep_strerror(Stringprep_rc(rc)));
  if (*made == '\0') return Fail(ErrorCode::kInvalid, "has nothing in it that SASL would keep");
  return std::string(made.get());
}

std::string SaslName(std::string_view name) {
  return SaslPrep(name, SaslUse::kQuery).value_or(std::string(name));
}

}  // namespace sluice
