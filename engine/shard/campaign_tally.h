// engine/shard/campaign_tally.h — how campaigns get on: what was accepted and what became of it.
//
// PURPOSE   Counts since the start of the engine, for `sluice campaign`, and how fast a campaign
//           has been ending lately, from which its end is estimated.
// LIMITS    kCampaignsMax campaigns a shard; beyond them the one heard of longest ago is forgotten.
// THREADS   Confined to its shard; counts of several shards are added up (Add).

#ifndef SLUICE_ENGINE_SHARD_CAMPAIGN_TALLY_H_
#define SLUICE_ENGINE_SHARD_CAMPAIGN_TALLY_H_

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <utility>

#include "engine/base/time.h"
#include "engine/delivery/verdict.h"

namespace sluice::engine {

// (tenant, campaign)
using CampaignName = std::pair<std::string, std::string>;

struct CampaignCounts {
  // Minutes of which it is known how many recipients ended; the running one is among them.
  static constexpr int64_t kMinutes = 16;

  uint64_t accepted = 0;
  uint64_t delivered = 0;
  uint64_t deferrals = 0;  // attempts
  uint64_t bounced = 0;
  uint64_t expired = 0;
  uint64_t cancelled = 0;
  WallTime first{};  // when it was heard of first and last
  WallTime last{};
  std::array<uint32_t, kMinutes> ended{};  // delivered and bounced, by minute modulo kMinutes
  int64_t minute = 0;                      // the last of `ended`

  void Add(const CampaignCounts& other);
  void MoveTo(int64_t now_minute);
  // Recipients that ended in a second, over the last minutes that are whole; 0: none did.
  double Rate(WallTime now) const;
};

class CampaignTally {
 public:
  static constexpr size_t kCampaignsMax = 2'000;

  void Accepted(const queue::Message& message, uint64_t recipients, WallTime now);
  void Ended(const queue::Message& message, Outcome outcome, WallTime now);

  // A campaign, and its place among those heard of longest ago.
  struct Known {
    CampaignCounts counts;
    std::list<const CampaignName*>::iterator age;
  };
  // Mail without a campaign is not counted.
  const std::map<CampaignName, Known>& all() const { return known_; }

 private:
  CampaignCounts* Of(const queue::Message& message, WallTime now);

  std::map<CampaignName, Known> known_;
  std::list<const CampaignName*> ages_;  // heard of longest ago first
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_CAMPAIGN_TALLY_H_
