#include "dns/spf.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "dns/domain.h"
#include "dns/reverse.h"
#include "dns/spf_record.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

// One evaluation, run anew each time more facts are there.
class Evaluation {
 public:
  Evaluation(Facts& facts, const SpfQuery& query, bool count_only)
      : facts_(facts), query_(query), count_only_(count_only) {}

  // None: facts are missing.
  std::optional<SpfVerdict> Run() {
    SpfVerdict verdict = CheckHost(query_.domain, true);
    if (pending_) return std::nullopt;
    verdict.lookups = lookups_;
    verdict.text = text_;
    return verdict;
  }
  int lookups() const { return lookups_; }

 private:
  enum class Match : uint8_t { kYes, kNo, kStop };  // kStop: `stop_` is the verdict

  SpfVerdict Stop(SpfResult result, std::string why) { return {result, std::move(why), 0, {}}; }
  Match StopMatch(SpfResult result, std::string why) {
    stop_ = Stop(result, std::move(why));
    return Match::kStop;
  }
  // A fact is missing: nothing after it can be judged, but the questions noted so far are asked.
  Match Pend() {
    pending_ = true;
    return StopMatch(SpfResult::kTempError, "pending");
  }

  bool Spend() {
    ++lookups_;
    return lookups_ > (count_only_ ? kSpfCountMax : kSpfLookupsMax);
  }
  Match TooMany() {
    return StopMatch(SpfResult::kPermError,
                     "more than " + std::to_string(kSpfLookupsMax) + " lookups");
  }

  SpfMacros Macros(const std::string& domain) {
    SpfMacros macros{query_.sender, domain, query_.address, query_.helo, {}};
    if (macros.sender.empty()) macros.sender = "postmaster@" + query_.domain;
    if (macros.sender.starts_with('@')) macros.sender.insert(0, "postmaster");
    return macros;
  }

  // What a term is about. None: facts are missing (%{p}).
  std::optional<std::string> Target(const std::string& spec, const std::string& domain) {
    if (spec.empty()) return domain;
    SpfMacros macros = Macros(domain);
    if (UsesValidatedName(spec)) {
      const auto names = FindReverseNames(facts_, query_.address);
      if (!names) return std::nullopt;
      macros.validated = BestValidated(*names, domain);
    }
    return ExpandSpfMacros(spec, macros);
  }

  // The domain itself, else a name below it, else any (7.3).
  static std::string BestValidated(const ReverseNames& names, const std::string& domain) {
    std::string below, any;
    for (size_t i = 0; i < names.names.size(); ++i) {
      const std::string name = Lower(names.names[i]);
      if (!names.confirmed[i]) continue;
      if (name == domain) return name;
      if (below.empty() && name.ends_with("." + domain)) below = name;
      if (any.empty()) any = name;
    }
    return below.empty() ? any : below;
  }

  SpfVerdict CheckHost(const std::string& name, bool top) {
    const std::string domain = Lower(name.ends_with('.') ? name.substr(0, name.size() - 1) : name);
    if (domain.find('.') == std::string::npos || !IsHostName(domain))
      return Stop(SpfResult::kNone, domain + " is no domain name");
    if (std::ranges::find(stack_, domain) != stack_.end())
      return Stop(SpfResult::kPermError, domain + " includes itself");
    const Fact* txt = facts_.Find(domain, RecordType::kTxt);
    if (txt == nullptr) {
      Pend();
      return stop_;
    }
    if (txt->failed()) return Stop(SpfResult::kTempError, txt->detail);
    const std::vector<std::string> records = SpfRecordsOf(*txt);
    if (records.empty()) return Stop(SpfResult::kNone, domain + " has no SPF record");
    if (top) text_ = records.front();
    if (records.size() > 1)
      return Stop(SpfResult::kPermError, domain + " has " + std::to_string(records.size()) +
                                             " SPF records, one is allowed");
    const auto record = ParseSpfRecord(records.front());
    if (!record)
      return Stop(SpfResult::kPermError, "the record of " + domain + ": " + record.error().what);
    stack_.push_back(domain);
    SpfVerdict verdict = Walk(*record, domain);
    stack_.pop_back();
    return verdict;
  }

  SpfVerdict Walk(const SpfRecord& record, const std::string& domain) {
    for (const SpfTerm& term : record.terms) {
      if (term.mechanism == SpfMechanism::kAll && count_only_) break;
      switch (Test(term, domain)) {
        case Match::kStop:
          return stop_;
        case Match::kYes:
          if (count_only_) continue;
          return Stop(ResultOf(term.qualifier), term.text + " of " + domain + " matches");
        case Match::kNo:
          continue;
      }
    }
    const bool has_all = std::ranges::any_of(
        record.terms, [](const SpfTerm& term) { return term.mechanism == SpfMechanism::kAll; });
    if (record.redirect.empty() || has_all)
      return Stop(SpfResult::kNeutral, "no term of " + domain + " matches");
    if (Spend()) {
      TooMany();
      return stop_;
    }
    const auto target = Target(record.redirect, domain);
    if (!target) {
      Pend();
      return stop_;
    }
    SpfVerdict verdict = CheckHost(*target, false);
    if (verdict.result == SpfResult::kNone)
      return Stop(SpfResult::kPermError, "redirect: " + verdict.why);
    return verdict;
  }

  static SpfResult ResultOf(char qualifier) {
    switch (qualifier) {
      case '-':
        return SpfResult::kFail;
      case '~':
        return SpfResult::kSoftFail;
      case '?':
        return SpfResult::kNeutral;
      default:
        return SpfResult::kPass;
    }
  }

  Match Test(const SpfTerm& term, const std::string& domain) {
    switch (term.mechanism) {
      case SpfMechanism::kAll:
        return Match::kYes;
      case SpfMechanism::kIp4:
        return InNetwork(term.address, term.prefix4);
      case SpfMechanism::kIp6:
        return InNetwork(term.address, term.prefix6);
      default:
        break;
    }
    if (Spend()) return TooMany();
    const auto target = Target(term.domain, domain);
    if (!target) return Pend();
    switch (term.mechanism) {
      case SpfMechanism::kInclude:
        return Include(*target);
      case SpfMechanism::kA:
        return HasAddress(*target, term);
      case SpfMechanism::kMx:
        return HasMx(*target, term);
      case SpfMechanism::kPtr:
        return HasReverse(*target);
      default:
        return Exists(*target);
    }
  }

  Match InNetwork(const IpAddress& address, int prefix) const {
    return SameSpfNetwork(address, query_.address, prefix) ? Match::kYes : Match::kNo;
  }

  Match Include(const std::string& target) {
    const SpfVerdict verdict = CheckHost(target, false);
    if (pending_) return Match::kStop;
    switch (verdict.result) {
      case SpfResult::kPass:
        return Match::kYes;
      case SpfResult::kFail:
      case SpfResult::kSoftFail:
      case SpfResult::kNeutral:
        return Match::kNo;
      case SpfResult::kTempError:
        return StopMatch(SpfResult::kTempError, verdict.why);
      case SpfResult::kNone:
      case SpfResult::kPermError:
        break;
    }
    return StopMatch(SpfResult::kPermError, "include:" + target + ": " + verdict.why);
  }

  // An answer for a term; null: `stop_` is set. Counts those in vain.
  const Fact* Ask(const std::string& name, RecordType type) {
    const Fact* fact = facts_.Find(name, type);
    if (fact == nullptr) {
      Pend();
      return nullptr;
    }
    if (fact->failed()) {
      StopMatch(SpfResult::kTempError, fact->detail);
      return nullptr;
    }
    if (!fact->found() && ++voids_ > kSpfVoidsMax && !count_only_) {
      StopMatch(SpfResult::kPermError, "more than " + std::to_string(kSpfVoidsMax) +
                                           " lookups in vain, the last of " + name);
      return nullptr;
    }
    return fact;
  }

  Match HasAddress(const std::string& name, const SpfTerm& term) {
    const Fact* fact = Ask(name, AddressType(query_.address));
    if (fact == nullptr) return Match::kStop;
    const int prefix = query_.address.is_v4() ? term.prefix4 : term.prefix6;
    for (const Record& record : fact->records)
      if (SameSpfNetwork(record.address, query_.address, prefix)) return Match::kYes;
    return Match::kNo;
  }

  Match HasMx(const std::string& name, const SpfTerm& term) {
    const Fact* mx = Ask(name, RecordType::kMx);
    if (mx == nullptr) return Match::kStop;
    if (mx->records.size() > kSpfMxMax)
      return StopMatch(SpfResult::kPermError, name + " has more than 10 MX records");
    std::vector<const Record*> hosts;
    for (const Record& record : mx->records) {
      hosts.push_back(&record);
      (void)facts_.Find(record.data, AddressType(query_.address));  // all in one round
    }
    std::ranges::sort(hosts, {}, [](const Record* r) { return std::pair(r->preference, r->data); });
    for (const Record* host : hosts) {
      const Match match = HasAddress(host->data, term);
      if (match != Match::kNo) return match;
    }
    return Match::kNo;
  }

  // Faults of reverse DNS only make it not match (5.5).
  Match HasReverse(const std::string& target) {
    const auto names = FindReverseNames(facts_, query_.address);
    if (!names) return Pend();
    const std::string wanted = Lower(target);
    for (size_t i = 0; i < names->names.size(); ++i) {
      const std::string name = Lower(names->names[i]);
      if (names->confirmed[i] && (name == wanted || name.ends_with("." + wanted)))
        return Match::kYes;
    }
    return Match::kNo;
  }

  Match Exists(const std::string& target) {
    const Fact* fact = Ask(target, RecordType::kA);
    if (fact == nullptr) return Match::kStop;
    return fact->found() ? Match::kYes : Match::kNo;
  }

  // Borrowed.
  Facts& facts_;
  const SpfQuery& query_;
  // Only `lookups_` is wanted: terms that match end nothing, and only kSpfCountMax is too much.
  const bool count_only_;

  std::vector<std::string> stack_;  // the domains whose records are being walked
  std::string text_;
  SpfVerdict stop_;
  bool pending_ = false;
  int lookups_ = 0;
  int voids_ = 0;
};

}  // namespace

std::string_view SpfResultText(SpfResult result) {
  switch (result) {
    case SpfResult::kNone:
      return "none";
    case SpfResult::kNeutral:
      return "neutral";
    case SpfResult::kPass:
      return "pass";
    case SpfResult::kFail:
      return "fail";
    case SpfResult::kSoftFail:
      return "softfail";
    case SpfResult::kTempError:
      return "temperror";
    case SpfResult::kPermError:
      return "permerror";
  }
  std::unreachable();
}

std::vector<std::string> SpfRecordsOf(const Fact& txt) {
  std::vector<std::string> out;
  for (const Record& record : txt.records)
    if (IsSpfRecord(record.data)) out.push_back(record.data);
  return out;
}

std::optional<SpfVerdict> CheckSpf(Facts& facts, const SpfQuery& query) {
  return Evaluation(facts, query, false).Run();
}

std::optional<int> CountSpfLookups(Facts& facts, const std::string& domain) {
  // 192.0.2.0/24 is for documentation: no record of the world lists it.
  const SpfQuery query{IpAddress::V4(0xc0000201), domain, {}, domain};
  Evaluation evaluation(facts, query, true);
  if (!evaluation.Run()) return std::nullopt;
  return evaluation.lookups();
}

}  // namespace sluice::dns
