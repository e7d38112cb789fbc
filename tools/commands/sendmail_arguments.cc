#include "tools/commands/sendmail_arguments.h"

#include <string_view>
#include <utility>

#include "engine/base/text.h"

namespace sluice::tools {
namespace {

// Letters with a value; the other known letters have none.
constexpr std::string_view kWithValue = "bBcCdfFhLNoOpqrRVX";
// Of those, the value must be glued: `-q` and `-d` alone are whole.
constexpr std::string_view kOnlyGlued = "dq";
// Nothing to do with us: aliases, verbosity, "me too", From_ lines, gateway mode, 8 bit.
constexpr std::string_view kIgnored = "aAGUmnsvBdhLOpX";

class ArgumentReader {
 public:
  explicit ArgumentReader(std::span<const std::string> arguments) : arguments_(arguments) {}

  std::expected<SendmailOptions, std::string> Run();

 private:
  bool Word(const std::string& word);
  bool Cluster(std::string_view letters);
  bool Take(char letter, std::string_view value);
  bool TakeMode(std::string_view value);
  bool TakeNotify(std::string_view value);
  bool Fault(std::string what) {
    error_ = std::move(what);
    return false;
  }

  const std::span<const std::string> arguments_;
  size_t at_ = 0;
  SendmailOptions out_;
  std::string error_;
};

std::expected<SendmailOptions, std::string> ArgumentReader::Run() {
  while (at_ < arguments_.size()) {
    const std::string& word = arguments_[at_];
    if (word == "--") {
      ++at_;
      break;
    }
    if (word.size() < 2 || word[0] != '-') break;
    ++at_;
    if (!Word(word)) return std::unexpected(error_);
  }
  out_.recipients.assign(arguments_.begin() + ptrdiff_t(at_), arguments_.end());
  for (const std::string& recipient : out_.recipients)
    if (recipient.starts_with('-'))
      return std::unexpected("'" + recipient + "': options come before the recipients");
  return std::move(out_);
}

bool ArgumentReader::Word(const std::string& word) {
  if (!word.starts_with("--")) return Cluster(std::string_view(word).substr(1));
  const size_t equals = word.find('=');
  const std::string name = word.substr(0, equals);
  if (name == "--help") return out_.help = true;
  if (name != "--socket" && name != "--config") return Fault("unknown option " + name);
  std::string& to = name == "--socket" ? out_.engine.socket : out_.engine.config;
  if (equals != std::string::npos) {
    to = word.substr(equals + 1);
  } else if (at_ < arguments_.size()) {
    to = arguments_[at_++];
  } else {
    return Fault(name + " needs a value");
  }
  return true;
}

bool ArgumentReader::Cluster(std::string_view letters) {
  while (!letters.empty()) {
    const char letter = letters.front();
    letters.remove_prefix(1);
    if (!kWithValue.contains(letter)) {
      if (!Take(letter, {})) return false;
      continue;
    }
    std::string_view value = letters;
    if (value.empty() && !kOnlyGlued.contains(letter)) {
      if (at_ >= arguments_.size()) return Fault(std::string("-") + letter + " needs a value");
      value = arguments_[at_++];
    }
    return Take(letter, value);
  }
  return true;
}

bool ArgumentReader::Take(char letter, std::string_view value) {
  switch (letter) {
    case 't':
      return out_.recipients_in_header = true;
    case 'i':
      return out_.dot_is_text = true;
    case 'o':
      if (value == "i") out_.dot_is_text = true;
      return true;
    case 'f':
    case 'r':
      out_.sender = value == "<>" ? std::string() : std::string(value);
      return true;
    case 'F':
      out_.full_name = value;
      return true;
    case 'N':
      return TakeNotify(value);
    case 'R':
      out_.ret = EqualsNoCase(value, "full") ? "FULL" : "HDRS";
      return EqualsNoCase(value, "full") || EqualsNoCase(value, "hdrs") ||
             Fault("-R is hdrs or full");
    case 'V':
      out_.envid = value;
      return true;
    case 'c':
    case 'C':
      out_.engine.config = value;
      return true;
    case 'b':
      return TakeMode(value);
    case 'q':
      return Fault("-q: the engine works its queue off by itself; see `sluice queues`");
    default:
      return kIgnored.contains(letter) || Fault(std::string("unknown option -") + letter);
  }
}

bool ArgumentReader::TakeMode(std::string_view value) {
  if (value == "m") return true;
  if (value == "p") return Fault("-bp: `sluice queues` lists what waits");
  if (value == "d" || value == "D") return Fault("-bd: `sluice run` is the daemon");
  return Fault("-b" + std::string(value) +
               " is not offered: only -bm, a message on standard input");
}

bool ArgumentReader::TakeNotify(std::string_view value) {
  std::string list;
  bool never = false;
  for (std::string_view rest = value; !rest.empty();) {
    const size_t comma = rest.find(',');
    std::string_view word = Trim(rest.substr(0, comma));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    std::string upper;
    for (const std::string_view known : {"NEVER", "SUCCESS", "FAILURE", "DELAY"})
      if (EqualsNoCase(word, known)) upper = known;
    if (upper.empty()) return Fault("-N is never, or a list of success, failure, delay");
    never = never || upper == "NEVER";
    list += (list.empty() ? "" : ",") + upper;
  }
  if (list.empty() || (never && list != "NEVER"))
    return Fault("-N is never, or a list of success, failure, delay");
  out_.notify = list;
  return true;
}

}  // namespace

std::expected<SendmailOptions, std::string> ParseSendmailArguments(
    std::span<const std::string> arguments) {
  return ArgumentReader(arguments).Run();
}

}  // namespace sluice::tools
