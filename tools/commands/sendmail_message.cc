#include "tools/commands/sendmail_message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/text.h"
#include "tools/commands/address_list.h"

namespace sluice::tools {
namespace {

// Base64 in one encoded word of RFC 2047, of 75 characters at most: 45 octets make 60.
constexpr size_t kEncodedWordOctets = 45;

// The line at the start of `text`, with its end.
std::string_view LineOf(std::string_view text) { return text.substr(0, text.find('\n') + 1); }
// Where the last line has no end, LineOf() is empty.
std::string_view FirstLine(std::string_view text) {
  const std::string_view line = LineOf(text);
  return line.empty() ? text : line;
}

bool IsBlank(std::string_view line) { return line == "\n" || line == "\r\n" || line.empty(); }

bool IsFolded(std::string_view line) { return line.starts_with(' ') || line.starts_with('\t'); }

// RFC 5322 2.2; spaces before the colon are an old custom that the engine takes too.
std::string_view NameOf(std::string_view line) {
  std::string_view name = Trim(line.substr(0, line.find(':')));
  const bool good = line.contains(':') && !name.empty() && !IsFolded(line) &&
                    std::ranges::all_of(name, [](char c) { return c > 32 && c < 127; });
  return good ? name : std::string_view();
}

// `visit(field)` for each whole field of `header`.
template <typename Visit>
void ForEachField(std::string_view header, Visit visit) {
  while (!header.empty()) {
    size_t length = FirstLine(header).size();
    while (length < header.size() && IsFolded(header.substr(length)))
      length += FirstLine(header.substr(length)).size();
    visit(header.substr(0, length));
    header.remove_prefix(length);
  }
}

bool HasField(std::string_view header, std::string_view name) {
  return !FieldValues(header, name).empty();
}

bool IsAtomText(char c) {
  return IsAlpha(c) || IsDigit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~ ").contains(c);
}

std::string EncodeWords(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t take = std::min(text.size(), kEncodedWordOctets);
    while (take < text.size() && take > 0 &&
           (static_cast<unsigned char>(text[take]) & 0xc0) == 0x80)
      --take;
    if (take == 0) take = std::min(text.size(), kEncodedWordOctets);
    out += (out.empty() ? "=?UTF-8?B?" : "\n =?UTF-8?B?") + Base64Encode(text.substr(0, take));
    out += "?=";
    text.remove_prefix(take);
  }
  return out;
}

}  // namespace

Result<std::string> ReadSubmission(std::FILE* in, bool dot_is_text, size_t max) {
  std::string text;
  size_t line = 0;  // where the line in hand begins
  for (int c = 0; (c = getc_unlocked(in)) != EOF;) {
    if (text.size() >= max)
      return Fail(ErrorCode::kInvalid, "the message is over " + std::to_string(max) + " octets");
    text += char(c);
    if (c != '\n') continue;
    const std::string_view whole = std::string_view(text).substr(line);
    if (!dot_is_text && (whole == ".\n" || whole == ".\r\n")) {
      text.resize(line);
      return text;
    }
    line = text.size();
  }
  if (std::ferror(in) != 0) return Fail(ErrorCode::kIo, "cannot read standard input");
  return text;
}

Split SplitMessage(std::string_view text) {
  // "From : a@b.test", in the old custom, is a field.
  if (text.starts_with("From ") && NameOf(FirstLine(text)).empty())
    text.remove_prefix(FirstLine(text).size());
  size_t end = 0;
  while (end < text.size()) {
    const std::string_view line = FirstLine(text.substr(end));
    const bool field = end > 0 && IsFolded(line) && !IsBlank(line);
    if (!field && NameOf(line).empty()) break;
    end += line.size();
  }
  const std::string_view rest = text.substr(end);
  const std::string_view next = FirstLine(rest);
  return {text.substr(0, end), IsBlank(next) ? rest.substr(next.size()) : rest};
}

std::vector<std::string_view> FieldValues(std::string_view header, std::string_view name) {
  std::vector<std::string_view> out;
  ForEachField(header, [&](std::string_view field) {
    if (EqualsNoCase(NameOf(FirstLine(field)), name))
      out.push_back(field.substr(field.find(':') + 1));
  });
  return out;
}

std::expected<std::vector<std::string>, std::string> HeaderRecipients(std::string_view header) {
  static constexpr std::array<std::string_view, 3> kResent = {"Resent-To", "Resent-Cc",
                                                              "Resent-Bcc"};
  static constexpr std::array<std::string_view, 3> kOrdinary = {"To", "Cc", "Bcc"};
  const bool resent =
      std::ranges::any_of(kResent, [&](std::string_view name) { return HasField(header, name); });
  std::vector<std::string> out;
  for (const std::string_view name : resent ? kResent : kOrdinary) {
    for (const std::string_view value : FieldValues(header, name)) {
      auto list = ParseAddressList(value);
      if (!list)
        return std::unexpected("the field " + std::string(name) +
                               " is no address list: " + list.error());
      std::ranges::move(*list, std::back_inserter(out));
    }
  }
  return out;
}

std::string FormatAuthor(const Author& author) {
  const std::string& name = author.full_name;
  if (name.empty()) return author.address;
  std::string phrase;
  if (std::ranges::any_of(name, [](char c) { return c < 32 || c > 126; })) {
    phrase = EncodeWords(name);
  } else if (std::ranges::all_of(name, IsAtomText)) {
    phrase = name;
  } else {
    phrase = "\"";
    for (const char c : name) {
      if (c == '"' || c == '\\') phrase += '\\';
      phrase += c;
    }
    phrase += '"';
  }
  return phrase + " <" + author.address + ">";
}

std::string Xtext(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (c > 32 && c < 127 && c != '+' && c != '=') {
      out += c;
    } else {
      const auto octet = static_cast<unsigned char>(c);
      out += {'+', kHex[octet >> 4], kHex[octet & 15]};
    }
  }
  return out;
}

std::string Complete(std::string_view text, const Author& author, std::string_view date) {
  const Split split = SplitMessage(text);
  std::string out;
  out.reserve(text.size() + 256);
  if (!HasField(split.header, "From")) out += "From: " + FormatAuthor(author) + "\n";
  if (!HasField(split.header, "Date")) out += "Date: " + std::string(date) + "\n";
  out += split.header;
  if (!split.header.empty() && !split.header.ends_with('\n')) out += '\n';
  out += '\n';
  out += split.body;
  return out;
}

}  // namespace sluice::tools
