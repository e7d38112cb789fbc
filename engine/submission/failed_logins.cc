#include "engine/submission/failed_logins.h"

#include <utility>

#include "engine/base/counted.h"
#include "engine/base/text.h"
#include "engine/submission/login_guard.h"

namespace sluice::engine {
namespace {

// Printable ASCII; what else there is could be an escape to somebody's terminal.
std::string Shown(std::string_view name) {
  std::string out(name.substr(0, FailedLogins::kNameShown));
  for (char& c : out)
    if (c < 0x20 || c > 0x7e || c == '"') c = '?';
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
