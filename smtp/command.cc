#include "smtp/command.h"

#include <array>
#include <charconv>
#include <utility>

#include "engine/base/text.h"
#include "smtp/original_recipient.h"

namespace sluice::smtp {
namespace {

// RFC 3461 4.4: octets of an ENVID= value.
constexpr size_t kEnvidMax = 100;

constexpr std::array<std::pair<std::string_view, Verb>, 14> kVerbs = {{
    {"HELO", Verb::kHelo},
    {"EHLO", Verb::kEhlo},
    {"MAIL", Verb::kMail},
    {"RCPT", Verb::kRcpt},
    {"DATA", Verb::kData},
    {"BDAT", Verb::kBdat},
    {"RSET", Verb::kRset},
    {"NOOP", Verb::kNoop},
    {"QUIT", Verb::kQuit},
    {"VRFY", Verb::kVrfy},
    {"EXPN", Verb::kExpn},
    {"HELP", Verb::kHelp},
    {"STARTTLS", Verb::kStartTls},
    {"AUTH", Verb::kAuth},
}};
static_assert(kVerbs.size() == size_t(Verb::kUnknown));

std::unexpected<Answer> No(uint16_t code, const char* enhanced, std::string text) {
  return std::unexpected(Answer{code, enhanced, std::move(text)});
}

struct Parameter {
  std::string_view key;
  std::string_view value;
  bool has_value = false;
};

// Takes the next "KEY[=VALUE]" off `rest`; none: nothing is left.
std::optional<Parameter> NextParameter(std::string_view& rest) {
  rest = Trim(rest);
  if (rest.empty()) return std::nullopt;
  const size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end);
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return Parameter{word, {}, false};
  return Parameter{word.substr(0, equals), word.substr(equals + 1), true};
}

std::unexpected<Answer> Twice(std::string_view key) {
  return No(501, "5.5.4", "Parameter given twice: " + std::string(key));
}

std::unexpected<Answer> Unknown(std::string_view key) {
  return No(555, "5.5.4", "Unsupported parameter: " + std::string(key));
}

std::unexpected<Answer> BadValue(std::string_view key) {
  return No(501, "5.5.4", "Bad value of parameter " + std::string(key));
}

// Splits "FROM:<path> parameters"; the spaces that real clients put around the colon are let in.
std::expected<std::string_view, Answer> AfterColon(std::string_view arguments,
                                                   std::string_view word) {
  if (!StartsWithNoCase(arguments, word)) {
    return No(501, "5.5.4", "Syntax: " + std::string(word) + ":<address>");
  }
  arguments = Trim(arguments.substr(word.size()));
  if (!arguments.starts_with(':')) {
    return No(501, "5.5.4", "Syntax: " + std::string(word) + ":<address>");
  }
  return Trim(arguments.substr(1));
}

std::unexpected<Answer> BadPath(PathFault fault, bool sender) {
  const char* text = Describe(fault);
  switch (fault) {
    case PathFault::kNeedsUtf8:
    case PathFault::kBadUtf8:
      return No(553, "5.6.7", text);
    case PathFault::kLiteral:
      return No(550, sender ? "5.1.7" : "5.1.2", text);
    default:
      return No(501, sender ? "5.1.7" : "5.1.3", text);
  }
}

// The parameters must begin with a space: "<a@b>SIZE=1" is no command.
bool SpaceOrEnd(std::string_view rest) { return rest.empty() || rest[0] == ' ' || rest[0] == '\t'; }

enum MailKey : unsigned { kSize = 1, kBody = 2, kUtf8 = 4, kRet = 8, kEnvid = 16, kAuthKey = 32 };

unsigned MailKeyOf(std::string_view key) {
  if (EqualsNoCase(key, "SIZE")) return kSize;
  if (EqualsNoCase(key, "BODY")) return kBody;
  if (EqualsNoCase(key, "SMTPUTF8")) return kUtf8;
  if (EqualsNoCase(key, "RET")) return kRet;
  if (EqualsNoCase(key, "ENVID")) return kEnvid;
  if (EqualsNoCase(key, "AUTH")) return kAuthKey;
  return 0;
}

// False: the value is none that this key takes.
bool SetMailParameter(MailCommand& mail, unsigned key, const Parameter& parameter) {
  const std::string_view value = parameter.value;
  switch (key) {
    case kSize:
      mail.size = ParseNumber(value);
      return mail.size.has_value();
    case kBody:
      if (EqualsNoCase(value, "7BIT"))
        mail.body = BodyType::k7Bit;
      else if (EqualsNoCase(value, "8BITMIME"))
        mail.body = BodyType::k8BitMime;
      return mail.body != BodyType::kUnset;
    case kUtf8:
      mail.utf8 = true;
      return !parameter.has_value;
    case kRet:
      if (EqualsNoCase(value, "FULL"))
        mail.ret = Ret::kFull;
      else if (EqualsNoCase(value, "HDRS"))
        mail.ret = Ret::kHeaders;
      return mail.ret != Ret::kUnset;
    case kEnvid:
      mail.envid = value;
      return !value.empty() && value.size() <= kEnvidMax && IsXtext(value);
    case kAuthKey:
      return value == "<>" || IsXtext(value);  // RFC 4954 5: read, not used
    default:
      return false;
  }
}

// "NEVER" or a list of "SUCCESS", "FAILURE", "DELAY"; none: neither.
std::optional<uint8_t> ParseNotify(std::string_view value) {
  if (EqualsNoCase(value, "NEVER")) return kNotifyNever;
  uint8_t bits = 0;
  for (;;) {
    const size_t comma = std::min(value.find(','), value.size());
    const std::string_view word = value.substr(0, comma);
    if (EqualsNoCase(word, "SUCCESS"))
      bits |= kNotifySuccess;
    else if (EqualsNoCase(word, "FAILURE"))
      bits |= kNotifyFailure;
    else if (EqualsNoCase(word, "DELAY"))
      bits |= kNotifyDelay;
    else
      return std::nullopt;
    if (comma == value.size()) return bits;
    value.remove_prefix(comma + 1);
  }
}

// "addr-type;xtext". RFC 6533 lets UTF-8 in for the type utf-8.
bool IsOrcpt(std::string_view value, bool utf8) {
  const size_t semicolon = value.find(';');
  if (value.size() > kOrcptMax || semicolon == 0 || semicolon == std::string_view::npos)
    return false;
  for (const char c : value.substr(0, semicolon))
    if (!IsAlpha(c) && !IsDigit(c) && c != '-') return false;
  const std::string_view address = value.substr(semicolon + 1);
  if (IsXtext(address)) return true;
  if (!utf8 || !EqualsNoCase(value.substr(0, semicolon), "utf-8") || !IsUtf8(address)) return false;
  for (const char c : address)
    if (c >= 0 && (c <= 32 || c == 127)) return false;
  return true;
}

}  // namespace

CommandLine ParseCommandLine(std::string_view line) {
  line = Trim(line);
  const size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, end);
  for (const auto& [name, verb] : kVerbs)
    if (EqualsNoCase(word, name)) return {verb, Trim(line.substr(end))};
  return {Verb::kUnknown, Trim(line.substr(end))};
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  if (text.empty() || text.size() > 20) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool IsXtext(std::string_view text) {
  const auto is_hex = [](char c) { return IsDigit(c) || (c >= 'A' && c <= 'F'); };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '+') {
      if (text.size() - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 2;
    } else if (c < 33 || c > 126 || c == '=') {
      return false;
    }
  }
  return true;
}

std::expected<MailCommand, Answer> ParseMail(std::string_view arguments, bool literals) {
  auto after = AfterColon(arguments, "FROM");
  if (!after) return std::unexpected(after.error());
  // SMTPUTF8 stands behind the path it allows; so the path is first taken as UTF-8.
  const auto path = ParsePath(*after, {.utf8 = true, .literals = literals});
  if (!path) return BadPath(path.error(), true);
  std::string_view rest = after->substr(path->consumed);
  if (!SpaceOrEnd(rest)) return No(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]");
  MailCommand mail;
  mail.sender = path->address;
  unsigned seen = 0;
  while (const auto parameter = NextParameter(rest)) {
    const unsigned key = MailKeyOf(parameter->key);
    if (key == 0) return Unknown(parameter->key);
    if ((seen & key) != 0) return Twice(parameter->key);
    seen |= key;
    if (!SetMailParameter(mail, key, *parameter)) return BadValue(parameter->key);
  }
  if (!mail.utf8 && Has8Bit(mail.sender)) return BadPath(PathFault::kNeedsUtf8, true);
  return mail;
}

std::expected<RcptCommand, Answer> ParseRcpt(std::string_view arguments, const PathRules& rules) {
  auto after = AfterColon(arguments, "TO");
  if (!after) return std::unexpected(after.error());
  const auto path = ParsePath(*after, rules);
  if (!path) return BadPath(path.error(), false);
  if (path->address.empty()) return BadPath(PathFault::kSyntax, false);
  std::string_view rest = after->substr(path->consumed);
  if (!SpaceOrEnd(rest)) return No(501, "5.5.4", "Syntax: RCPT TO:<address> [parameters]");
  RcptCommand rcpt;
  rcpt.address = path->address;
  bool notify_seen = false;
  while (const auto parameter = NextParameter(rest)) {
    if (EqualsNoCase(parameter->key, "NOTIFY")) {
      if (std::exchange(notify_seen, true)) return Twice(parameter->key);
      const auto bits = ParseNotify(parameter->value);
      if (!bits) return BadValue(parameter->key);
      rcpt.notify = *bits;
    } else if (EqualsNoCase(parameter->key, "ORCPT")) {
      if (!rcpt.orcpt.empty()) return Twice(parameter->key);
      if (!IsOrcpt(parameter->value, rules.utf8)) return BadValue(parameter->key);
      rcpt.orcpt = parameter->value;
    } else {
      return Unknown(parameter->key);
    }
  }
  return rcpt;
}

std::optional<uint64_t> BdatSize(std::string_view arguments) {
  return ParseNumber(arguments.substr(0, arguments.find_first_of(" \t")));
}

std::expected<BdatCommand, Answer> ParseBdat(std::string_view arguments) {
  const size_t end = std::min(arguments.find_first_of(" \t"), arguments.size());
  const auto size = BdatSize(arguments);
  const std::string_view last = Trim(arguments.substr(end));
  if (!size || (!last.empty() && !EqualsNoCase(last, "LAST")))
    return No(501, "5.5.4", "Syntax: BDAT size [LAST]");
  return BdatCommand{*size, !last.empty()};
}

}  // namespace sluice::smtp
