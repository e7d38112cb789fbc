#include "engine/shard/campaign_tally.h"

#include <algorithm>

namespace sluice::engine {
namespace {

constexpr int64_t kMinute = 60'000'000;

int64_t MinuteOf(WallTime t) { return MicrosOf(t) / kMinute; }

}  // namespace

// Minutes without anything are empty. A clock that was set back starts anew.
void CampaignCounts::MoveTo(int64_t now_minute) {
  if (now_minute < minute || now_minute - minute >= kMinutes) ended.fill(0);
  for (int64_t m = std::max(minute + 1, now_minute - kMinutes + 1); m <= now_minute; ++m)
    ended[size_t(m % kMinutes)] = 0;
  minute = now_minute;
}

void CampaignCounts::Add(const CampaignCounts& other) {
  accepted += other.accepted;
  delivered += other.delivered;
  deferrals += other.deferrals;
  bounced += other.bounced;
  expired += other.expired;
  cancelled += other.cancelled;
  if (first == WallTime{} || (other.first != WallTime{} && other.first < first))
    first = other.first;
  last = std::max(last, other.last);
  CampaignCounts theirs = other;
  const int64_t newest = std::max(minute, theirs.minute);
  MoveTo(newest);
  theirs.MoveTo(newest);
  for (size_t i = 0; i < ended.size(); ++i) ended[i] += theirs.ended[i];
}

double CampaignCounts::Rate(WallTime now) const {
  CampaignCounts here = *this;
  here.MoveTo(MinuteOf(now));
  uint64_t sum = 0;
  for (const uint32_t n : here.ended) sum += n;
  // From the beginning of the oldest minute, or of the campaign.
  const WallTime oldest = WallFromMicros((here.minute - kMinutes + 1) * kMinute);
  const Duration span = now - std::max(oldest, first);
  return span < std::chrono::seconds(1) ? 0 : double(sum) * 1e6 / double(span.count());
}

CampaignCounts* CampaignTally::Of(const queue::Message& message, WallTime now) {
  if (message.campaign.empty() || (message.flags & queue::kFlagReport) != 0) return nullptr;
  const auto [it, fresh] = known_.try_emplace({message.tenant, message.campaign});
  CampaignCounts& counts = it->second.counts;
  if (fresh) {
    it->second.age = ages_.insert(ages_.end(), &it->first);
    counts.first = now;
  } else {
    ages_.splice(ages_.end(), ages_, it->second.age);
  }
  if (known_.size() > kCampaignsMax) {
    known_.erase(known_.find(*ages_.front()));
    ages_.pop_front();
  }
  counts.last = now;
  return &counts;
}

void CampaignTally::Accepted(const queue::Message& message, uint64_t recipients, WallTime now) {
  if (CampaignCounts* counts = Of(message, now)) counts->accepted += recipients;
}

void CampaignTally::Ended(const queue::Message& message, Outcome outcome, WallTime now) {
  CampaignCounts* counts = Of(message, now);
  if (counts == nullptr) return;
  switch (outcome) {
    case Outcome::kDelivered:
      ++counts->delivered;
      break;
    case Outcome::kDeferred:
      ++counts->deferrals;
      return;
    case Outcome::kBounced:
      ++counts->bounced;
      break;
    case Outcome::kExpired:
      ++counts->expired;
      return;
    case Outcome::kCancelled:
      ++counts->cancelled;
      return;
  }
  counts->MoveTo(MinuteOf(now));
  ++counts->ended[size_t(counts->minute % CampaignCounts::kMinutes)];
}

}  // namespace sluice::engine
