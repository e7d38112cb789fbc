// engine/base/parent_domain.h — the walk from a domain to those above it.

#ifndef SLUICE_ENGINE_BASE_PARENT_DOMAIN_H_
#define SLUICE_ENGINE_BASE_PARENT_DOMAIN_H_

#include <string_view>

namespace sluice {

// "a.b.example" -> "b.example" -> "example" -> "".
constexpr std::string_view ParentDomain(std::string_view domain) {
  const size_t dot = domain.find('.');
  return dot == std::string_view::npos ? std::string_view() : domain.substr(dot + 1);
}

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_PARENT_DOMAIN_H_
