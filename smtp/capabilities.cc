// smtp/capabilities.cc — see capabilities.h.

#include "smtp/capabilities.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

// Takes what stands before the next of `separators` off the front of `text`.
std::string_view TakeWord(std::string_view& text, std::string_view separators) {
  const size_t end = std::min(text.find_first_of(separators), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

template <typename T>
std::optional<T> Number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void TakeLimits(std::string_view words, Capabilities& out) {
  while (!words.empty()) {
    std::string_view value = TakeWord(words, " \t");
    const std::string_view name = TakeWord(value, "=");
    if (EqualsNoCase(name, "MAILMAX")) out.mail_max = Number<uint32_t>(value).value_or(0);
    if (EqualsNoCase(name, "RCPTMAX")) out.rcpt_max = Number<uint32_t>(value).value_or(0);
  }
}

void TakeLine(std::string_view line, Capabilities& out) {
  const std::string_view keyword = TakeWord(line, " \t=");
  const std::string_view rest = Trim(line);
  if (EqualsNoCase(keyword, "PIPELINING")) {
    out.pipelining = true;
  } else if (EqualsNoCase(keyword, "8BITMIME")) {
    out.eight_bit = true;
  } else if (EqualsNoCase(keyword, "SMTPUTF8")) {
    out.utf8 = true;
  } else if (EqualsNoCase(keyword, "DSN")) {
    out.dsn = true;
  } else if (EqualsNoCase(keyword, "CHUNKING")) {
    out.chunking = true;
  } else if (EqualsNoCase(keyword, "STARTTLS")) {
    out.starttls = true;
  } else if (EqualsNoCase(keyword, "SIZE")) {
    out.size = true;
    out.size_max = Number<uint64_t>(rest).value_or(0);
  } else if (EqualsNoCase(keyword, "LIMITS")) {
    TakeLimits(rest, out);
  }
}

}  // namespace

Capabilities ParseCapabilities(std::string_view text) {
  Capabilities out;
  TakeWord(text, "\n");  // the greeting: a host name and words of its own
  while (!text.empty()) TakeLine(Trim(TakeWord(text, "\n")), out);
  return out;
}

}  // namespace sluice::smtp
