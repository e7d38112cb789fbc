#include "engine/submission/failed_logins.h"

#include <utility>

#include "engine/base/counted.h"
#include "engine/base/text.h"
#include "engine/submission/login_guard.h"

namespace sluice::engine {
namespace {

std::string Shown(std::string_view name) {
  const bool utf8 = IsUtf8(name);
  std::string out;
  for (const char c : name.substr(0, FailedLogins::kNameShown)) {
    const auto octet = static_cast<unsigned char>(c);
    const bool odd = octet < 0x20 || octet == 0x7f || octet == '"' || (octet >= 0x80 && !utf8);
    out += odd ? '?' : c;
  }
  // Cut within a character: not the whole of it is there.
  while (utf8 && !IsUtf8(out)) out.pop_back();
  return out + (name.size() > FailedLogins::kNameShown ? "..." : "");
}

}  // namespace

std::optional<std::string> FailedLogins::Failed(std::string_view user, const IpAddress& peer,
                                                Instant now) {
  if (now - began_ >= kWindow) {
    began_ = now;
    told_.clear();
  }
  if (told_.size() >= kLinesMax || !told_.insert(ClientOf(peer)).second) {
    ++unsaid_;
    return std::nullopt;
  }
  std::string line = "failed as \"" + Shown(user) + "\" from " + peer.ToString();
  if (const uint64_t n = std::exchange(unsaid_, 0); n > 0)
    line += "; " + Counted(n, "more failed login") + " since the last line";
  return line;
}

}  // namespace sluice::engine
