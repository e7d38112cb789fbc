#include "smtp/header_scan.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

enum class Field : uint8_t {
  kReceived,
  kDate,
  kMessageId,
  kFrom,
  kListMark,
  kUnsubscribe,
  kUnsubscribePost,
  kPrecedence,
  kSignature,
  kCut,
  kPriorityClass,
  kSchedule,
  kPool,
  kListMember,
  kCampaign,  // from here on: the campaign's fields, first that applies
  kJob,
  kListmonk,
  kCiviMail,
  kPhpList,
  kMautic,
  kFeedbackId,
  kOther,
};

struct Name {
  std::string_view name;
  Field field;
};

constexpr std::array kNames = {
    Name{"Received", Field::kReceived},
    Name{"Date", Field::kDate},
    Name{"Message-ID", Field::kMessageId},
    Name{"From", Field::kFrom},
    Name{"List-Unsubscribe", Field::kUnsubscribe},
    Name{"List-Unsubscribe-Post", Field::kUnsubscribePost},
    Name{"List-Id", Field::kListMark},
    Name{"Precedence", Field::kPrecedence},
    Name{"DKIM-Signature", Field::kSignature},
    Name{"Bcc", Field::kCut},
    Name{"Resent-Bcc", Field::kCut},
    Name{"Return-Path", Field::kCut},
    Name{"X-Virtual-MTA", Field::kPool},
    Name{"X-Pool", Field::kPool},
    Name{"X-Priority-Class", Field::kPriorityClass},
    Name{"X-SMTPAPI", Field::kCut},
    Name{"X-ListMember", Field::kListMember},
    Name{"X-Campaign", Field::kCampaign},
    Name{"X-Job", Field::kJob},
    Name{"X-Listmonk-Campaign", Field::kListmonk},
    Name{"X-CiviMail-Bounce", Field::kCiviMail},
    Name{"X-MessageID", Field::kPhpList},
    Name{"X-EMAIL-ID", Field::kMautic},
    Name{"Feedback-ID", Field::kFeedbackId},
};

// Domains of From that are kept besides the first: more than one is more than is wanted.
constexpr size_t kMoreFromMax = 8;

constexpr std::string_view kCutPrefix = "X-Sluice-";
constexpr std::string_view kSchedulePrefix = "X-Schedule-";

Field FieldOf(std::string_view name) {
  for (const Name& known : kNames)
    if (EqualsNoCase(name, known.name)) return known.field;
  if (StartsWithNoCase(name, kCutPrefix)) return Field::kCut;
  if (StartsWithNoCase(name, kSchedulePrefix)) return Field::kSchedule;
  return Field::kOther;
}

// The name of the field that `line` begins, without the spaces some put before the colon; empty: no
// field begins here.
std::string_view FieldName(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  std::string_view name = line.substr(0, colon);
  while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.remove_suffix(1);
  for (const char c : name)
    if (c < 33 || c > 126) return {};
  return name;
}

// A folded value in one line: line ends go, the white space behind them stays.
std::string Unfold(std::string_view value) {
  std::string out;
  for (const char c : value)
    if (c != '\r' && c != '\n') out += c;
  return std::string(Trim(out));
}

// What may stand in events and listings: UTF-8 without control characters, bounded.
std::string CleanName(std::string_view value) {
  std::string out(value);
  const bool utf8 = IsUtf8(value);
  for (char& c : out)
    if ((c >= 0 && c < 32) || c == 127 || (c < 0 && !utf8)) c = '?';
  if (out.size() > kCampaignMax) {
    size_t end = kCampaignMax;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
    out.resize(end);
  }
  return out;
}

// Calls visit(position, character) for what stands outside comments and quoted strings, which may
// hold any '@', '<' and ','.
template <typename Visit>
void ForEachBare(std::string_view value, Visit&& visit) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\\' && (quoted || depth > 0)) {
      ++i;
    } else if (quoted) {
      quoted = c != '"';
    } else if (depth > 0 || c == '(') {
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    } else if (c == '"') {
      quoted = true;
    } else {
      visit(i, c);
    }
  }
}

class Scanner {
 public:
  explicit Scanner(std::string_view header) : header_(header) {}

  HeaderFacts Run() {
    size_t at = 0;
    size_t line = 0;
    while (at < header_.size()) {
      ++line;
      const size_t first = line;
      const size_t start = at;
      const std::string_view name = FieldName(NextLine(at));
      if (name.empty()) return Fault(HeaderFault::kNotAField, first);
      // The field goes on over the lines that begin with white space.
      while (at < header_.size() && (header_[at] == ' ' || header_[at] == '\t')) {
        NextLine(at);
        ++line;
      }
      const std::string_view field = header_.substr(start, at - start);
      if (!Take(FieldOf(name), field, start)) return Fault(HeaderFault::kTwoFrom, first);
    }
    facts_.eight_bit = std::any_of(header_.begin(), header_.end(), [](char c) { return c < 0; });
    ChooseCampaign();
    return std::move(facts_);
  }

 private:
  static constexpr size_t kCandidates = size_t(Field::kOther) - size_t(Field::kCampaign);

  std::string_view NextLine(size_t& at) {
    const size_t lf = header_.find('\n', at);
    CHECK(lf != std::string_view::npos);
    CHECK(lf > at);
    const std::string_view line = header_.substr(at, lf - 1 - at);
    at = lf + 1;
    return line;
  }

  HeaderFacts Fault(HeaderFault fault, size_t line) {
    facts_.fault = fault;
    facts_.fault_line = line;
    return std::move(facts_);
  }

  void Cut(size_t offset, size_t length) {
    if (!facts_.cuts.empty() && facts_.cuts.back().offset + facts_.cuts.back().length == offset)
      facts_.cuts.back().length += length;
    else
      facts_.cuts.push_back({offset, length});
  }

  // False: a second From.
  bool Take(Field kind, std::string_view field, size_t offset) {
    const std::string_view value = field.substr(field.find(':') + 1);
    switch (kind) {
      case Field::kOther:
        break;
      case Field::kReceived:
        ++facts_.received;
        break;
      case Field::kDate:
        facts_.date = true;
        break;
      case Field::kMessageId:
        facts_.message_id = true;
        break;
      case Field::kUnsubscribe:
        facts_.list_mail = facts_.unsubscribe = true;
        facts_.unsubscribe_https |= Lower(Unfold(value)).contains("<https://");
        break;
      case Field::kUnsubscribePost:
        facts_.one_click |= EqualsNoCase(Unfold(value), "List-Unsubscribe=One-Click");
        break;
      case Field::kListMark:
        facts_.list_mail = true;
        break;
      case Field::kSignature:
        facts_.is_signed = true;
        break;
      case Field::kCut:
        Cut(offset, field.size());
        break;
      case Field::kPriorityClass:
        if (facts_.priority_class.empty()) facts_.priority_class = CleanName(Unfold(value));
        Cut(offset, field.size());
        break;
      case Field::kSchedule:
        if (facts_.schedule.size() < kScheduleFieldsMax)
          facts_.schedule.push_back(
              {CleanName(Trim(field.substr(0, field.find(':')))), CleanName(Unfold(value))});
        Cut(offset, field.size());
        break;
      case Field::kPool:
        if (facts_.pool.empty()) facts_.pool = CleanName(Unfold(value));
        Cut(offset, field.size());
        break;
      case Field::kListMember:
        list_member_ = true;
        break;
      case Field::kFrom:
        if (facts_.from) return false;
        facts_.from = true;
        TakeFrom(value);
        break;
      case Field::kPrecedence: {
        const std::string word = Unfold(value);
        if (EqualsNoCase(word, "bulk") || EqualsNoCase(word, "list")) facts_.list_mail = true;
        break;
      }
      default: {
        std::string_view& candidate = candidates_[size_t(kind) - size_t(Field::kCampaign)];
        if (candidate.data() == nullptr) candidate = value;
      }
    }
    return true;
  }

  void TakeFrom(std::string_view value) {
    for (const std::string_view mailbox : SplitMailboxes(value)) {
      std::string domain = FromDomain(mailbox);
      if (domain.empty() || domain == facts_.from_domain) continue;
      if (facts_.from_domain.empty())
        facts_.from_domain = std::move(domain);
      else if (facts_.more_from_domains.size() < kMoreFromMax)
        facts_.more_from_domains.push_back(std::move(domain));
    }
  }

  // The name that one candidate gives; empty: it does not apply.
  std::string NameFrom(Field kind, std::string_view value) const {
    std::string text = Unfold(value);
    if (kind == Field::kCiviMail) {
      const std::string_view job = CiviMailJob(text);
      return job.empty() ? "" : "civimail-" + std::string(job);
    }
    if (kind == Field::kPhpList && !list_member_) return "";
    if (kind == Field::kFeedbackId) text = std::string(Trim(text.substr(0, text.find(':'))));
    return CleanName(text);
  }

  void ChooseCampaign() {
    for (size_t i = 0; i < kCandidates; ++i) {
      if (candidates_[i].data() == nullptr) continue;
      facts_.campaign = NameFrom(Field(i + size_t(Field::kCampaign)), candidates_[i]);
      if (!facts_.campaign.empty()) return;
    }
  }

  const std::string_view header_;
  HeaderFacts facts_;
  std::array<std::string_view, kCandidates> candidates_{};
  bool list_member_ = false;
};

}  // namespace

HeaderFacts ScanHeader(std::string_view header) {
  CHECK(header.empty() || header.ends_with("\r\n"));
  return Scanner(header).Run();
}

std::string FromDomain(std::string_view value) {
  std::string bare;
  ForEachBare(value, [&](size_t, char c) { bare += c; });
  std::string_view rest = bare;
  size_t at = rest.find('@');
  if (const size_t open = rest.find('<'); open != std::string_view::npos) {
    // Within the brackets the last @ counts: a source route may stand before the mailbox.
    rest = rest.substr(open + 1);
    rest = rest.substr(0, rest.find('>'));
    at = rest.rfind('@');
  }
  if (at == std::string_view::npos) return "";
  rest.remove_prefix(at + 1);
  size_t end = 0;
  while (end < rest.size() && !std::strchr(" \t\r\n>,;:()<", rest[end])) ++end;
  rest = rest.substr(0, end);
  if (rest.ends_with('.')) rest.remove_suffix(1);
  if (rest.size() > 255) return "";
  return CleanName(Lower(rest));
}

std::vector<std::string_view> SplitMailboxes(std::string_view value) {
  std::vector<std::string_view> out;
  size_t start = 0;
  bool brackets = false;
  ForEachBare(value, [&](size_t i, char c) {
    if (c == '<' || c == '>') {
      brackets = c == '<';
    } else if (!brackets && (c == ',' || c == ':' || c == ';')) {
      out.push_back(value.substr(start, i - start));
      start = i + 1;
    }
  });
  out.push_back(value.substr(start));
  return out;
}

std::string_view CiviMailJob(std::string_view value) {
  value = value.substr(0, value.rfind('@'));
  // From the right: 16 hex digits, separator, digits, the same separator, digits, the same, b.
  const auto take = [&value](auto&& is_part) {
    size_t n = 0;
    while (n < value.size() && is_part(value[value.size() - 1 - n])) ++n;
    const std::string_view part = value.substr(value.size() - n);
    value.remove_suffix(n);
    return part;
  };
  const auto is_hex = [](char c) {
    return IsDigit(c) || (LowerChar(c) >= 'a' && LowerChar(c) <= 'f');
  };
  const auto is_digit = [](char c) { return IsDigit(c); };
  if (take(is_hex).size() != 16 || value.empty()) return {};
  const char separator = value.back();
  value.remove_suffix(1);
  if (take(is_digit).empty() || !value.ends_with(separator)) return {};
  value.remove_suffix(1);
  const std::string_view job = take(is_digit);
  if (job.empty() || job.size() > 20 || !value.ends_with(separator)) return {};
  value.remove_suffix(1);
  if (!value.ends_with('b')) return {};
  return job;
}

}  // namespace sluice::smtp
