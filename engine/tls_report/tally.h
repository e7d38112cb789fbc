// engine/tls_report/tally.h — the TLS sessions of one day, counted by domain, policy and failure.
//
// LIMITS    kDomainsMax domains a day, kPoliciesMax policies a domain, kFailuresMax kinds of
//           failure a policy. Failures beyond are counted by their type alone; sessions of a domain
//           or policy beyond are only counted as left_out.
// THREADS   Plain values.
// TESTS     tests/policy/tls_tally_test.cc

#ifndef SLUICE_ENGINE_TLS_REPORT_TALLY_H_
#define SLUICE_ENGINE_TLS_REPORT_TALLY_H_

#include <cstdint>
#include <map>
#include <string>

#include "engine/base/time.h"
#include "engine/tls_report/session.h"

namespace sluice::engine {

struct PolicyTally {
  uint64_t good = 0;
  std::map<TlsFailureTold, uint64_t> failures;

  uint64_t bad() const;
  friend bool operator==(const PolicyTally&, const PolicyTally&) = default;
};

using DomainTally = std::map<TlsPolicyTold, PolicyTally>;

struct DayTally {
  // A day's mail of ours goes to fewer; at about 500 octets each this is some 10 MB.
  static constexpr size_t kDomainsMax = 20'000;
  // Hosts with TLSA records of their own make a policy each.
  static constexpr size_t kPoliciesMax = 16;
  static constexpr size_t kFailuresMax = 32;
  static constexpr size_t kReasonMax = 200;
  // Of a policy's text. Real ones have under 30 lines.
  static constexpr size_t kLinesMax = 64;

  std::map<std::string, DomainTally> domains;
  uint64_t left_out = 0;  // sessions that nobody hears of

  void Add(TlsSession session, uint64_t times = 1);
  void Merge(const DayTally& other);
  bool empty() const { return domains.empty() && left_out == 0; }
  friend bool operator==(const DayTally&, const DayTally&) = default;
};

// Days of UTC since 1970.
using TlsDays = std::map<int64_t, DayTally>;
constexpr Duration kDay = std::chrono::hours(24);
constexpr int64_t DayOf(WallTime time) { return time.time_since_epoch() / kDay; }
constexpr WallTime BeginOfDay(int64_t day) { return WallTime(kDay * day); }

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_TLS_REPORT_TALLY_H_
