// SPF records of others' making, in three zones that may name each other: an end, within the
// limits.

#include <string>
#include <string_view>

#include "dns/inquiry.h"
#include "dns/spf.h"
#include "dns/spf_record.h"
#include "engine/base/check.h"
#include "tests/fuzz/fuzz_target.h"

namespace sluice::dns {
namespace {

constexpr int kRoundsMax = 3'000;

// Lines of the input are the records of n0.test, n1.test, ...; every other name has an address.
Fact Answer(const Question& question, std::string_view input) {
  Fact fact;
  fact.kind = AnswerKind::kRecords;
  Record record;
  record.type = question.type;
  record.address = IpAddress::V4(0xc6336401);
  record.data = "n1.test";
  if (question.type == RecordType::kTxt) {
    size_t line = question.name.size() > 1 ? size_t(question.name[1] - '0') : 9;
    for (; line > 0 && !input.empty(); --line)
      input = input.substr(std::min(input.find('\n'), input.size() - 1) + 1);
    record.data = input.substr(0, input.find('\n'));
    if (record.data.empty()) fact.kind = AnswerKind::kNoData;
  }
  if (fact.found()) fact.records.push_back(record);
  return fact;
}

void Use(std::string_view input) {
  const std::string first(input.substr(0, input.find('\n')));
  if (const auto record = ParseSpfRecord(first)) {
    CHECK(record->terms.size() <= kSpfTermsMax);
    const SpfMacros macros{"a-b+c@x.test", "x.test", IpAddress::V4(1), "h.test", ""};
    for (const SpfTerm& term : record->terms) (void)ExpandSpfMacros(term.domain, macros);
  }
  Facts facts;
  const SpfQuery query{IpAddress::V4(0xc0000201), "n0.test", "u@n0.test", "helo.test"};
  for (int round = 0;; ++round) {
    CHECK(round < kRoundsMax);
    const auto verdict = CheckSpf(facts, query);
    const auto count = CountSpfLookups(facts, query.domain);
    const auto wanted = facts.TakeWanted();
    CHECK(!wanted.empty() || (verdict && count));
    if (wanted.empty()) {
      CHECK(verdict->lookups <= kSpfLookupsMax + 1);
      CHECK(*count <= kSpfCountMax + 1);
      return;
    }
    for (const Question& question : wanted) facts.Put(question, Answer(question, input));
  }
}

}  // namespace
}  // namespace sluice::dns

FUZZ_TARGET(dns_spf) { sluice::dns::Use(input); }
