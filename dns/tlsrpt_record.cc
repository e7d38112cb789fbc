#include "dns/tlsrpt_record.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "dns/domain.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

constexpr std::string_view kVersion = "v=TLSRPTv1";
constexpr std::string_view kMailto = "mailto:";
constexpr std::string_view kHttps = "https://";
constexpr std::string_view kPlaces = "rua=";
// RFC 5321 4.5.3.1.1.
constexpr size_t kLocalPartMax = 64;
constexpr size_t kPortDigitsMax = 5;

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  const char lower = LowerChar(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// RFC 3986 2.1. None: a percent sign without two digits.
std::optional<std::string> Decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || HexValue(text[i + 1]) < 0 || HexValue(text[i + 2]) < 0)
      return std::nullopt;
    out.push_back(char(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2])));
    i += 2;
  }
  return out;
}

// RFC 5322 3.2.3 atext, and dots. Quoted local parts have no place in reports.
bool IsDotAtom(std::string_view text) {
  constexpr std::string_view kAlso = "!#$%&'*+-/=?^_`{|}~.";
  return !text.empty() && text.size() <= kLocalPartMax && text.front() != '.' &&
         text.back() != '.' && text.find("..") == std::string_view::npos &&
         std::ranges::all_of(text, [&](char c) {
           return IsAlpha(c) || IsDigit(c) || kAlso.find(c) != std::string_view::npos;
         });
}

std::optional<TlsRptPlace> Mailto(std::string_view uri) {
  // What stands behind a question mark are header fields (RFC 6068), which are not ours to write.
  const std::string_view rest = uri.substr(kMailto.size());
  const std::optional<std::string> to = Decoded(rest.substr(0, rest.find('?')));
  if (!to) return std::nullopt;
  const size_t at = to->rfind('@');
  if (at == std::string::npos || !IsDotAtom(std::string_view(*to).substr(0, at)))
    return std::nullopt;
  const std::string domain = Lower(std::string_view(*to).substr(at + 1));
  if (!IsHostName(domain)) return std::nullopt;
  TlsRptPlace place;
  place.uri = uri;
  place.mailbox = to->substr(0, at + 1) + domain;
  return place;
}

std::optional<TlsRptPlace> Https(std::string_view uri) {
  const std::string_view rest = uri.substr(kHttps.size());
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, end);
  TlsRptPlace place;
  place.uri = uri;
  if (const size_t colon = authority.find(':'); colon != std::string_view::npos) {
    const std::string_view digits = authority.substr(colon + 1);
    const char* const last = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), last, place.port);
    if (digits.empty() || digits.size() > kPortDigitsMax || at != last || error != std::errc() ||
        place.port == 0)
      return std::nullopt;
    authority = authority.substr(0, colon);
  }
  place.host = Lower(authority);
  if (!IsHostName(place.host)) return std::nullopt;
  const std::string_view path = rest.substr(end);
  place.path = path.substr(0, path.find('#'));
  if (!place.path.starts_with('/')) place.path.insert(0, "/");
  return place;
}

std::vector<TlsRptPlace> PlacesOf(std::string_view list) {
  std::vector<TlsRptPlace> out;
  while (!list.empty() && out.size() < kTlsRptPlacesMax) {
    const size_t end = std::min(list.find(','), list.size());
    auto place = ParseTlsRptUri(Trim(list.substr(0, end)));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (place && std::ranges::find(out, *place) == out.end()) out.push_back(*std::move(place));
  }
  return out;
}

// "v=TLSRPTv1" and a semicolon, with or without blanks between (RFC 8460 3, field-delim).
bool IsTlsRpt(std::string_view record) {
  return record.starts_with(kVersion) && Trim(record.substr(kVersion.size())).starts_with(';');
}

}  // namespace

std::optional<TlsRptPlace> ParseTlsRptUri(std::string_view uri) {
  const bool plain = std::ranges::all_of(uri, [](char c) { return c > ' ' && c <= '~'; });
  if (!plain || uri.size() > kTlsRptRecordMax) return std::nullopt;
  if (StartsWithNoCase(uri, kMailto)) return Mailto(uri);
  if (StartsWithNoCase(uri, kHttps)) return Https(uri);
  return std::nullopt;
}

std::vector<TlsRptPlace> TlsRptPlaces(std::span<const std::string> txt) {
  if (std::ranges::count_if(txt, IsTlsRpt) != 1) return {};
  std::string_view rest = *std::ranges::find_if(txt, IsTlsRpt);
  if (rest.size() > kTlsRptRecordMax) return {};
  rest.remove_prefix(rest.find(';') + 1);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view field = Trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (field.starts_with(kPlaces)) return PlacesOf(field.substr(kPlaces.size()));
  }
  return {};
}

}  // namespace sluice::dns
