// tools/showcase/tally.h — what became of every recipient, read from the engine's event log.
//
// PURPOSE   Follows the log as it grows and keeps one octet for each recipient of the source: so an
//           event too many is seen as well as one too few.
// NOT HERE  A JSON library: a quarter of a million lines are scanned for four fields each.

#ifndef SLUICE_TOOLS_SHOWCASE_TALLY_H_
#define SLUICE_TOOLS_SHOWCASE_TALLY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tools/blast/latency.h"
#include "tools/showcase/world.h"

namespace sluice::tools {

// The value of a top-level field of a line of JSON: the text without its quotes, or the number as
// written. Nothing when there is no such field. (Escapes are left as they are.)
std::optional<std::string_view> JsonField(std::string_view line, std::string_view key);
int64_t JsonNumber(std::string_view line, std::string_view key);
// Microseconds since 1970 of "2026-11-21T07:51:00.000123Z".
std::optional<int64_t> ParseRfc3339(std::string_view text);

struct DomainTally {
  int64_t recipients = 0;  // accepted
  int64_t at_once = 0;     // delivered without a deferral before
  int64_t later = 0;       // delivered after one
  int64_t bounced = 0;     // bounced, expired, suppressed, cancelled
  int64_t first_us = 0;    // of the deliveries
  int64_t last_us = 0;
  LatencyHistogram latency;  // acceptance to delivery

  int64_t delivered() const { return at_once + later; }
  double rate() const;
};

class Tally {
 public:
  Tally(const std::vector<DemoDomain>& domains, int64_t recipients);

  // Whole lines and parts of lines, as they are read.
  void Feed(std::string_view bytes);

  int64_t accepted() const { return accepted_; }
  int64_t delivered() const { return delivered_; }
  int64_t delivered_later() const { return delivered_later_; }
  int64_t bounced() const { return bounced_; }
  int64_t waiting() const { return waiting_; }  // deferred and not yet final
  int64_t finals() const { return delivered_ + bounced_; }
  int64_t reports() const { return reports_; }  // delivered to kReportDomain
  const std::vector<DomainTally>& domains() const { return domains_; }

  // After the end: recipients without a final event, and with more than one.
  int64_t Unaccounted() const;
  int64_t Repeated() const;

 private:
  // Of one recipient.
  static constexpr uint8_t kAccepted = 1;
  static constexpr uint8_t kDeferred = 2;
  static constexpr uint8_t kFinal = 4;
  static constexpr uint8_t kFinalAgain = 8;

  void TakeLine(std::string_view line);
  void TakeFinal(std::string_view line, uint8_t& state, DomainTally& domain, bool delivered);

  std::unordered_map<std::string, size_t> index_;
  std::vector<DomainTally> domains_;
  std::vector<uint8_t> states_;
  std::string partial_;
  int64_t accepted_ = 0;
  int64_t delivered_ = 0;
  int64_t delivered_later_ = 0;
  int64_t bounced_ = 0;
  int64_t waiting_ = 0;
  int64_t reports_ = 0;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SHOWCASE_TALLY_H_
