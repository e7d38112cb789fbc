// tools/sink/sink_command.cc — see sink_command.h.

#include "tools/sink/sink_command.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/base/text.h"

namespace sluice::tools {
namespace {

constexpr std::pair<std::string_view, Verb> kVerbs[] = {
    {"MAIL", Verb::kMail}, {"RCPT", Verb::kRcpt}, {"DATA", Verb::kData},
    {"BDAT", Verb::kBdat}, {"RSET", Verb::kRset}, {"EHLO", Verb::kEhlo},
    {"HELO", Verb::kHelo}, {"NOOP", Verb::kNoop}, {"QUIT", Verb::kQuit},
    {"VRFY", Verb::kVrfy}, {"EXPN", Verb::kExpn}, {"STARTTLS", Verb::kStartTls},
};

}  // namespace

Verb VerbOf(std::string_view word) {
  for (const auto& [name, verb] : kVerbs)
    if (EqualsNoCase(word, name)) return verb;
  return Verb::kUnknown;
}

std::optional<Path> ParsePath(std::string_view argument, std::string_view keyword) {
  if (!StartsWithNoCase(argument, keyword)) return std::nullopt;
  std::string_view rest = Trim(argument.substr(keyword.size()));
  if (!rest.starts_with('<')) return std::nullopt;
  bool quoted = false;
  for (size_t i = 1; i < rest.size(); ++i) {
    if (quoted && rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '"') {
      quoted = !quoted;
    } else if (rest[i] == '>' && !quoted) {
      return Path{rest.substr(1, i - 1), Trim(rest.substr(i + 1))};
    }
  }
  return std::nullopt;
}

std::optional<int64_t> ParseSize(std::string_view text) {
  int64_t value = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
  if (value < 0) return std::nullopt;
  return value;
}

std::string_view TakeWord(std::string_view& text) {
  text = Trim(text);
  const size_t cut = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, cut);
  text.remove_prefix(cut);
  return word;
}

}  // namespace sluice::tools
