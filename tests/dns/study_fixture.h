// tests/dns/study_fixture.h — a scripted DNS with a resolver, and studies (dns/inquiry.h) run on
// it.

#ifndef SLUICE_TESTS_DNS_STUDY_FIXTURE_H_
#define SLUICE_TESTS_DNS_STUDY_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "dns/inquiry.h"
#include "tests/dns/fake_dns.h"
#include "tests/dns/manual_clock.h"

namespace sluice::dns {

class StudyWorld {
 public:
  // Runs it to its end with a resolver that knows nothing yet.
  template <typename T>
  T Study(const std::function<std::optional<T>(Facts&)>& study) {
    Resolver resolver(dns, clock, 10'000);
    Inquiry inquiry(resolver);
    std::optional<T> out;
    bool ended = false;
    inquiry.Start([&](Facts& facts) { out = study(facts); }, [&](Facts&) { ended = true; });
    for (int i = 0; i < 200 && !ended; ++i) clock.Advance(timers, std::chrono::seconds(11));
    EXPECT_TRUE(ended);
    EXPECT_TRUE(out.has_value());
    return out ? *std::move(out) : T{};
  }

  ManualClock clock;
  TimerQueue timers;
  FakeDns dns{timers, clock};
};

inline IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

}  // namespace sluice::dns

#endif  // SLUICE_TESTS_DNS_STUDY_FIXTURE_H_
