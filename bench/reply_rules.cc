// Question: what does it cost to ask the shipped reply rules about one refusal? Method: the same
// replies over and over, as a shard does it: provider of the host, then the matcher. Prediction: a
// reply whose code no rule of the provider speaks of, 0.2 us (the provider is most of it); one that
// ends at code and enhanced code, 0.3 us; one whose words are looked at, 2 us, for RE2 walks about
// 150 octets at 2-4 ns and a set lists its hits; delivered mail costs nothing, it is never asked.
//
//   reply_rules [SECONDS-A-CASE]

#include <cstdio>
#include <cstdlib>
#include <string>

#include "config/reply_rules_parser.h"
#include "engine/base/check.h"
#include "engine/delivery/rule_book.h"
#include "engine/io/system_clock.h"

namespace sluice::engine {
namespace {

struct Case {
  const char* what;
  const char* host;
  Stage stage;
  const char* written;
};
constexpr Case kCases[] = {
    {"450 of a small receiver, no rule", "mx.example.net", Stage::kRcpt,
     "450 4.2.0 <jane@example.net>: Recipient address rejected: Try again later"},
    {"550 of a small receiver, no rule", "mx.example.net", Stage::kRcpt,
     "550 5.1.1 <jane@example.net>: Recipient address rejected: User unknown"},
    {"550 5.1.1 of Google, by code", "gmail-smtp-in.l.google.com", Stage::kRcpt,
     "550 5.1.1 The email account that you tried to reach does not exist. - gsmtp"},
    {"421 of Google, by words", "gmail-smtp-in.l.google.com", Stage::kDot,
     "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP "
     "address. To protect our users from spam, mail has been temporarily rate limited. - gsmtp"},
    {"421 of Yahoo, by words", "mta7.am0.yahoodns.net", Stage::kMail,
     "421 4.7.0 [TSS04] Messages from 192.0.2.10 temporarily deferred due to unexpected volume or "
     "user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes"},
    {"451 greylisting of a small receiver", "mx.example.net", Stage::kRcpt,
     "451 4.7.1 <jane@example.net>: Recipient address rejected: Greylisted, please try again"},
};

void Run(const RuleBook& book, const Case& c, const io::SystemClock& clock, Duration time) {
  const auto sample = config::ParseReplySample(c.written);
  CHECK(sample.has_value());
  AttemptResult result;
  result.stage = c.stage;
  result.host = std::string(c.host) + " [192.0.2.9]:25";
  result.code = sample->code;
  result.enhanced = sample->enhanced;
  result.text = sample->text;
  uint64_t rounds = 0;
  const Instant begin = clock.Now();
  Instant now = begin;
  std::optional<RuleMatch> match;
  while (now - begin < time) {
    for (int i = 0; i < 1'000; ++i) match = book.Match(result);
    rounds += 1'000;
    now = clock.Now();
  }
  std::printf("%-40s %6.0f ns  %s\n", c.what, double((now - begin).count()) * 1e3 / double(rounds),
              match ? match->rule->name.c_str() : "-");
}

int Main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 0.5;
  const io::SystemClock clock;
  const Instant begin = clock.Now();
  auto rules = config::LoadReplyRules("");
  CHECK(rules.has_value());
  const Instant loaded = clock.Now();
  RuleBook book;
  book.Use(std::make_shared<const config::ReplyRuleSet>(std::move(*rules)));
  std::printf("read and proven in %.1f ms, compiled for a shard in %.1f ms\n",
              double((loaded - begin).count()) / 1e3, double((clock.Now() - loaded).count()) / 1e3);
  for (const Case& c : kCases) Run(book, c, clock, Duration(int64_t(seconds * 1e6)));
  return 0;
}

}  // namespace
}  // namespace sluice::engine

int main(int argc, char** argv) { return sluice::engine::Main(argc, argv); }
