#include "dns/domain.h"

#include <idn2.h>

#include <algorithm>
#include <memory>

#include "dns/message.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

// Far above what can become 253 octets; keeps libidn2 away from megabytes.
constexpr size_t kInputMax = 1024;

struct IdnFree {
  void operator()(char* text) const { idn2_free(text); }
};

Result<std::string> ToAscii(const std::string& domain) {
  char* raw = nullptr;
  const int rc = idn2_to_ascii_8z(domain.c_str(), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, IdnFree> out(raw);
  if (rc != IDN2_OK)
    return Fail(ErrorCode::kInvalid, std::string("no domain name: ") + idn2_strerror(rc));
  return std::string(out.get());
}

bool IsHostChar(char c) { return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-' || c == '_'; }

}  // namespace

bool IsHostName(std::string_view name) {
  if (name.empty() || name.size() > kNameCharsMax) return false;
  std::string_view label;
  while (true) {
    const size_t dot = name.find('.');
    label = name.substr(0, dot);
    if (label.empty() || label.size() > kLabelCharsMax) return false;
    if (!std::all_of(label.begin(), label.end(), IsHostChar)) return false;
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
  }
  return !std::all_of(label.begin(), label.end(), IsDigit);
}

Result<std::string> NormalizeDomain(std::string_view domain) {
  if (domain.size() > kInputMax) return Fail(ErrorCode::kInvalid, "domain name is too long");
  if (domain.find('\0') != std::string_view::npos)
    return Fail(ErrorCode::kInvalid, "NUL in a domain name");
  std::string name(domain);
  if (!IsAscii(name)) {
    auto ascii = ToAscii(name);
    if (!ascii) return ascii;
    name = std::move(*ascii);
  }
  if (!name.empty() && name.back() == '.') name.pop_back();
  name = Lower(name);
  if (!IsHostName(name)) return Fail(ErrorCode::kInvalid, "no domain name");
  return name;
}

std::optional<IpAddress> ParseAddressLiteral(std::string_view domain) {
  if (domain.size() < 2 || domain.front() != '[' || domain.back() != ']') return std::nullopt;
  domain = domain.substr(1, domain.size() - 2);
  constexpr std::string_view kTag = "IPv6:";
  const bool is_tagged = StartsWithNoCase(domain, kTag);
  if (is_tagged) domain.remove_prefix(kTag.size());
  const auto address = IpAddress::Parse(domain);
  // "[::1]" without its tag is a general literal that nobody defined.
  if (!address || address->is_v4() == is_tagged) return std::nullopt;
  return address;
}

}  // namespace sluice::dns
