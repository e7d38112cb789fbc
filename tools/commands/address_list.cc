#include "tools/commands/address_list.h"

#include <utility>

namespace sluice::tools {
namespace {

constexpr bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// One pass. `words_` gathers what stands outside of <>, which is the address when no <> follows.
class ListReader {
 public:
  explicit ListReader(std::string_view value) : value_(value) {}

  std::expected<std::vector<std::string>, std::string> Run();

 private:
  bool Comment();
  bool Quoted(std::string& to);
  bool Literal(std::string& to);
  bool InAngles();
  bool Colon();
  bool EndOfOne();
  bool Fault(std::string what) {
    error_ = std::move(what);
    return false;
  }
  bool Step();

  const std::string_view value_;
  size_t at_ = 0;
  std::vector<std::string> found_;
  std::string error_;

  std::string words_;       // of the address in hand
  bool gap_ = false;        // white space came after words_
  bool two_words_ = false;  // white space stands within words_: no address, a display name
  bool angled_ = false;     // <...> came
  bool in_group_ = false;
};

std::expected<std::vector<std::string>, std::string> ListReader::Run() {
  while (at_ < value_.size())
    if (!Step()) return std::unexpected(error_);
  if (!EndOfOne()) return std::unexpected(error_);
  return std::move(found_);
}

bool ListReader::Step() {
  const char c = value_[at_];
  if (IsSpace(c)) {
    gap_ = true;
    ++at_;
    return true;
  }
  switch (c) {
    case '(':
      gap_ = true;
      return Comment();
    case '<':
      return InAngles();
    case ':':
      return Colon();
    case ';':
      in_group_ = false;
      [[fallthrough]];
    case ',':
      ++at_;
      return EndOfOne();
    default:
      break;
  }
  // "a @ b" and "a . b" are one address in the old grammar: dots and @ bind across white space.
  const auto binds = [](char x) { return x == '@' || x == '.'; };
  if (gap_ && !words_.empty() && !binds(c) && !binds(words_.back())) two_words_ = true;
  gap_ = false;
  if (c == '"') return Quoted(words_);
  if (c == '[') return Literal(words_);
  words_ += c;
  ++at_;
  return true;
}

// Nested ones too.
bool ListReader::Comment() {
  size_t depth = 0;
  for (; at_ < value_.size(); ++at_) {
    const char c = value_[at_];
    if (c == '\\') {
      ++at_;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0) {
      ++at_;
      return true;
    }
  }
  return Fault("a comment has no end");
}

// Kept with its quotes, as RCPT TO wants it; line ends of folding go.
bool ListReader::Quoted(std::string& to) {
  to += '"';
  for (++at_; at_ < value_.size(); ++at_) {
    const char c = value_[at_];
    if (c == '\r' || c == '\n') continue;
    to += c;
    if (c == '\\' && at_ + 1 < value_.size()) {
      to += value_[++at_];
    } else if (c == '"') {
      ++at_;
      return true;
    }
  }
  return Fault("a quoted text has no end");
}

bool ListReader::Literal(std::string& to) {
  const size_t end = value_.find(']', at_);
  if (end == std::string_view::npos) return Fault("a [ has no ]");
  for (const char c : value_.substr(at_, end + 1 - at_))
    if (!IsSpace(c)) to += c;
  at_ = end + 1;
  return true;
}

bool ListReader::InAngles() {
  if (angled_) return Fault("two <...> without a comma between");
  angled_ = true;
  std::string address;
  ++at_;
  while (at_ < value_.size() && value_[at_] != '>') {
    const char c = value_[at_];
    bool good = true;
    if (c == '(') {
      good = Comment();
    } else if (c == '"') {
      good = Quoted(address);
    } else if (c == '[') {
      good = Literal(address);
    } else {
      if (c == '<') return Fault("a < within <...>");
      if (!IsSpace(c)) address += c;
      ++at_;
    }
    if (!good) return false;
  }
  if (at_ >= value_.size()) return Fault("a < has no >");
  ++at_;
  // "@a,@b:user@c": a source route, which means nothing any more.
  if (address.starts_with('@')) {
    const size_t colon = address.find(':');
    address.erase(0, colon == std::string::npos ? address.size() : colon + 1);
  }
  if (address.empty()) return Fault("an empty <>");
  words_.clear();
  found_.push_back(std::move(address));
  return true;
}

// The words so far name a group.
bool ListReader::Colon() {
  if (in_group_ || angled_ || words_.empty())
    return Fault("a ':' in \"" + std::string(value_.substr(0, at_ + 1)) + "\"");
  in_group_ = true;
  words_.clear();
  two_words_ = gap_ = false;
  ++at_;
  return true;
}

bool ListReader::EndOfOne() {
  const bool angled = std::exchange(angled_, false);
  const bool two = std::exchange(two_words_, false);
  gap_ = false;
  std::string words = std::exchange(words_, {});
  if (angled) return words.empty() || Fault("\"" + words + "\" after <...>");
  if (words.empty()) return true;
  if (two) return Fault("\"" + words + "\" is more than one word and has no <...>");
  found_.push_back(std::move(words));
  return true;
}

}  // namespace

std::expected<std::vector<std::string>, std::string> ParseAddressList(std::string_view value) {
  return ListReader(value).Run();
}

}  // namespace sluice::tools
