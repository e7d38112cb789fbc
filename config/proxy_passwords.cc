#include "config/proxy_passwords.h"

#include <string>
#include <utility>

#include "config/source_text.h"

namespace sluice::config {
namespace {

// One octet tells its length (RFC 1929 section 2).
constexpr size_t kProxyPasswordMax = 255;

std::optional<Problem> ReadProxyPassword(Source& source, const Surroundings& machine) {
  auto text = ReadWhole(source.proxy_password_file, "the password of a proxy", machine);
  if (!text) return text.error();
  if (text->ends_with('\n')) text->pop_back();
  if (text->ends_with('\r')) text->pop_back();
  if (text->empty() || text->size() > kProxyPasswordMax || text->contains('\n'))
    return Problem{source.proxy_password_file,
                   {},
                   "",
                   "must hold one line of 1 to 255 octets: the password of proxy_user"};
  source.proxy_password = *std::move(text);
  return std::nullopt;
}

}  // namespace

std::optional<Problem> ReadProxyPasswords(Config& config, const Surroundings& machine) {
  for (Source& source : config.sources) {
    if (source.proxy_password_file.empty()) continue;
    if (auto wrong = ReadProxyPassword(source, machine)) return wrong;
  }
  return std::nullopt;
}

}  // namespace sluice::config
