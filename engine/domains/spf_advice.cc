#include "engine/domains/spf_advice.h"

#include <algorithm>
#include <utility>

#include "dns/spf.h"
#include "dns/spf_record.h"
#include "engine/base/text.h"

namespace sluice::engine {
namespace {

std::vector<std::string> Words(const std::string& record) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : record + " ") {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  if (!words.empty()) words.erase(words.begin());  // v=spf1
  return words;
}

bool EndsRecord(const std::string& word) {
  const std::string lower = Lower(word);
  return lower == "all" || (lower.size() == 4 && lower.ends_with("all")) ||
         lower.starts_with("redirect=");
}

bool AllowsEverybody(const std::string& text) {
  const auto record = dns::ParseSpfRecord(text);
  return record && std::ranges::any_of(record->terms, [](const dns::SpfTerm& term) {
           return term.qualifier == '+' &&
                  (term.mechanism == dns::SpfMechanism::kAll ||
                   (term.mechanism == dns::SpfMechanism::kIp4 && term.prefix4 == 0));
         });
}

// What a permerror asks for.
std::string AdviceForFault(const std::string& why) {
  if (why.find("lookups in vain") != std::string::npos)
    return "take out the terms whose names do not exist any more";
  if (why.find("lookups") != std::string::npos)
    return "take out includes that are not needed, or put the addresses themselves in their place";
  if (why.find("includes itself") != std::string::npos)
    return "take out the include that leads back";
  return "put it right at the place that is quoted";
}

// The first source whose verdict is not "pass".
struct Refused {
  const UsedSource* source = nullptr;
  dns::SpfVerdict verdict;
};

// None: facts are missing.
std::optional<Refused> FindRefused(dns::Facts& facts, const std::string& name,
                                   const std::vector<UsedSource>& sources) {
  Refused refused;
  bool pending = false;
  for (const UsedSource& source : sources) {
    if (!source.address) continue;
    const auto verdict =
        dns::CheckSpf(facts, {*source.address, name, "postmaster@" + name, source.ehlo});
    pending |= !verdict;
    if (verdict && verdict->result != dns::SpfResult::kPass && refused.source == nullptr)
      refused = {&source, *verdict};
  }
  if (pending) return std::nullopt;
  return refused;
}

std::string Allowed(const std::vector<UsedSource>& sources) {
  std::string out;
  for (const UsedSource& source : sources)
    if (source.address) out += (out.empty() ? "allows " : ", ") + source.address->ToString();
  return out.empty() ? "is there" : out;
}

}  // namespace

std::string MergeSpf(const std::vector<std::string>& records,
                     const std::vector<UsedSource>& sources) {
  std::vector<std::string> terms;
  const auto add = [&](const std::string& term) {
    const bool there =
        std::ranges::any_of(terms, [&](const auto& t) { return EqualsNoCase(t, term); });
    if (!there) terms.push_back(term);
  };
  std::string end;
  for (const UsedSource& source : sources) add(SpfMechanismOf(source));
  for (const std::string& record : records)
    for (const std::string& word : Words(record)) {
      if (!EndsRecord(word))
        add(word);
      else if (end.empty())
        end = word;
    }
  std::string out = "v=spf1";
  for (const std::string& term : terms) out += " " + term;
  // "+all" allows everybody: it is never what is wanted.
  const bool open = EqualsNoCase(end, "+all") || EqualsNoCase(end, "all");
  return out + " " + (end.empty() || open ? "~all" : end);
}

std::optional<Finding> CheckSpfRecord(dns::Facts& facts, Role role, const std::string& name,
                                      const std::vector<UsedSource>& sources,
                                      const std::string& wanted) {
  const dns::Fact* txt = facts.Find(name, dns::RecordType::kTxt);
  if (txt == nullptr) return std::nullopt;
  Finding out{role, Judgement::kRight, "TXT", name, {}, {}, {}};
  const auto judge = [&](Judgement judgement, std::string what, std::string advice,
                         std::string publish) {
    out.judgement = judgement;
    out.what = std::move(what);
    out.advice = std::move(advice);
    out.publish = std::move(publish);
    return out;
  };
  if (txt->failed())
    return judge(Judgement::kCannotTell, txt->detail,
                 "try again; if it stays, ask whoever runs the "
                 "name servers of this zone",
                 "");
  const std::vector<std::string> records = dns::SpfRecordsOf(*txt);
  if (records.empty())
    return judge(Judgement::kMissing, "there is no SPF record", "publish this TXT record", wanted);
  if (records.size() > 1)
    return judge(Judgement::kWrong,
                 "there are " + std::to_string(records.size()) +
                     " SPF records: receivers take that for an error",
                 "delete all of them and publish this one", MergeSpf(records, sources));
  const std::string& text = records.front();
  const auto refused = FindRefused(facts, name, sources);
  if (!refused) return std::nullopt;
  if (refused->source != nullptr) {
    const dns::SpfVerdict& verdict = refused->verdict;
    if (verdict.result == dns::SpfResult::kTempError)
      return judge(Judgement::kCannotTell, verdict.why, "try again later", "");
    if (verdict.result == dns::SpfResult::kPermError)
      return judge(Judgement::kWrong, verdict.why, AdviceForFault(verdict.why), "");
    return judge(Judgement::kWrong,
                 "does not allow " + refused->source->address->ToString() + " (source " +
                     refused->source->name + "): " + verdict.why + ", so SPF gives " +
                     std::string(dns::SpfResultText(verdict.result)),
                 "replace the record by this one", MergeSpf(records, sources));
  }
  if (AllowsEverybody(text))
    return judge(Judgement::kWrong, "allows every address of the world: " + text,
                 "replace the record by this one", MergeSpf(records, sources));
  const auto lookups = dns::CountSpfLookups(facts, name);
  if (!lookups) return std::nullopt;
  if (*lookups > dns::kSpfLookupsMax)
    return judge(Judgement::kWrong,
                 "takes " + std::to_string(*lookups) +
                     (*lookups > dns::kSpfCountMax ? " or more" : "") +
                     " lookups, 10 are allowed: beyond them receivers take it for an error",
                 AdviceForFault("lookups"), "");
  return judge(Judgement::kRight,
               Allowed(sources) + " (" + std::to_string(*lookups) + " of 10 lookups)", "", "");
}

}  // namespace sluice::engine
