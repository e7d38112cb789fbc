// smtp/mime_fields.cc — see mime_fields.h.

#include "smtp/mime_fields.h"

#include <algorithm>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

constexpr std::string_view kBetween = " \t\r\n";

// Drops white space, line folds and comments off the front.
void SkipBetween(std::string_view& rest) {
  int depth = 0;
  while (!rest.empty()) {
    const char c = rest[0];
    if (depth > 0 && c == '\\' && rest.size() > 1) {
      rest.remove_prefix(2);
      continue;
    }
    if (c == '(') {
      ++depth;
    } else if (c == ')' && depth > 0) {
      --depth;
    } else if (depth == 0 && kBetween.find(c) == std::string_view::npos) {
      return;
    }
    rest.remove_prefix(1);
  }
}

std::string_view TakeToken(std::string_view& rest) {
  SkipBetween(rest);
  const size_t end = std::min(rest.find_first_of(" \t\r\n;=\"(),<>"), rest.size());
  const std::string_view token = rest.substr(0, end);
  rest.remove_prefix(end);
  SkipBetween(rest);
  return token;
}

std::string TakeValue(std::string_view& rest) {
  SkipBetween(rest);
  if (!rest.starts_with('"')) return std::string(TakeToken(rest));
  rest.remove_prefix(1);
  std::string out;
  while (!rest.empty() && rest[0] != '"') {
    if (rest[0] == '\\' && rest.size() > 1) rest.remove_prefix(1);
    if (rest[0] != '\r' && rest[0] != '\n') out.push_back(rest[0]);
    rest.remove_prefix(1);
  }
  if (!rest.empty()) rest.remove_prefix(1);
  SkipBetween(rest);
  return out;
}

}  // namespace

MimeSplit SplitPart(std::string_view part) {
  if (part.starts_with("\r\n")) return {{}, part.substr(0, 2), part.substr(2)};
  const size_t end = part.find("\r\n\r\n");
  if (end == std::string_view::npos) return {part, {}, {}};
  return {part.substr(0, end + 2), part.substr(end + 2, 2), part.substr(end + 4)};
}

std::optional<HeaderField> FindField(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    size_t end = header.find("\r\n");
    while (end != std::string_view::npos && end + 2 < header.size() &&
           (header[end + 2] == ' ' || header[end + 2] == '\t'))
      end = header.find("\r\n", end + 2);
    const size_t length = end == std::string_view::npos ? header.size() : end + 2;
    const std::string_view whole = header.substr(0, length);
    const size_t colon = whole.find(':');
    if (colon != std::string_view::npos && EqualsNoCase(Trim(whole.substr(0, colon)), name))
      return HeaderField{whole, whole.substr(colon + 1)};
    header.remove_prefix(length);
  }
  return std::nullopt;
}

ContentType ParseContentType(std::string_view value) {
  ContentType out;
  out.type = Lower(TakeToken(value));
  while (!value.empty()) {
    if (value[0] != ';') {
      value.remove_prefix(1);  // not ours to understand: on to the next parameter
      continue;
    }
    value.remove_prefix(1);
    const std::string_view name = TakeToken(value);
    if (!value.starts_with('=')) continue;
    value.remove_prefix(1);
    const std::string parameter = TakeValue(value);
    if (EqualsNoCase(name, "boundary") && out.boundary.empty()) out.boundary = parameter;
  }
  return out;
}

std::string LowerToken(std::string_view value) { return Lower(TakeToken(value)); }

}  // namespace sluice::smtp
