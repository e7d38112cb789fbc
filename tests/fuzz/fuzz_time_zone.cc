// Time zone files: none crashes, and days follow each other in what is taken.

#include "engine/base/check.h"
#include "engine/base/time_zone.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(time_zone) {
  const auto zone = sluice::TimeZone::Parse(input);
  if (!zone) return;
  sluice::WallTime t = sluice::WallFromMicros(1'262'304'000'000'000);
  for (int i = 0; i < 50; ++i) {
    CHECK(zone->DayOf(t) <= t);
    const sluice::WallTime next = zone->DayAfter(t);
    CHECK(next > t);
    t = next;
  }
}
