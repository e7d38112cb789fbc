#include "config/public_mail.h"

#include <algorithm>

namespace sluice::config {
namespace {

constexpr std::string_view kDomains[] = {
#include <public_mail_domains.inc>  // made of public_mail_domains.txt by CMakeLists.txt
};
static_assert(std::ranges::is_sorted(kDomains));

}  // namespace

std::span<const std::string_view> PublicMailDomains() { return kDomains; }

bool IsPublicMailDomain(std::string_view domain) {
  while (true) {
    if (std::ranges::binary_search(kDomains, domain)) return true;
    const size_t dot = domain.find('.');
    if (dot == std::string_view::npos) return false;
    domain.remove_prefix(dot + 1);
  }
}

}  // namespace sluice::config
