#include "engine/shard/lane_report.h"

#include <algorithm>
#include <utility>

#include "config/keys_shaping.h"
#include "engine/base/counted.h"
#include "engine/base/text.h"

namespace sluice::engine {
namespace {

// Captured mail has no next try.
WallTime NextDueOf(const Lane& lane) {
  const bool known = lane.on_disk > 0 && lane.next_due != queue::kCapturedDue;
  return known ? lane.next_due : WallTime::max();
}

// "shaping.toml:26 [[provider]] google": the last line that made a value.
std::string LineOf(const config::Config& config, const Site& site, const std::string& domain,
                   const RateWait& wait) {
  if (config.shaping == nullptr) return {};
  const config::Effective values =
      config.shaping->Resolve(config::ShapingBase(config), site.provider, domain, wait.source);
  const std::vector<config::ShapingStep>& steps = values[size_t(wait.key)].steps;
  if (steps.empty() || steps.back().block == nullptr) return {};
  const config::ShapingStep& last = steps.back();
  return " (" + config.shaping->file + ":" + std::to_string(last.setting->at.line) + " " +
         config::TitleOf(*last.block) + ")";
}

std::string WordsOf(const config::Config& config, const Site& site, const LaneName& lane,
                    const RateWait& wait) {
  std::string whose = "source " + wait.source;
  if (wait.key == config::ShapingKey::kTenantRate) whose = "tenant " + lane.tenant;
  if (wait.key == config::ShapingKey::kCampaignRate)
    whose = "campaign " + std::string(queue::CampaignOf(lane.campaign));
  return "rate: " + std::string(config::ShapingKeyOf(wait.key).name) + " of " + whose + " is " +
         config::FormatRate(wait.rate) +
         (wait.order > 0 ? " (order " + std::to_string(wait.order) + ")"
                         : LineOf(config, site, lane.domain, wait));
}

// Not before what holds all of the lane ends.
WallTime NextTryOf(const Lane& lane, const LaneReport& report, WallTime now) {
  const bool in_memory = lane.ready() > 0 || report.in_flight > 0;
  return std::max(in_memory ? now : report.next_due, report.until);
}

const char* WordsOf(CloseReason reason) {
  switch (reason) {
    case CloseReason::kPause:
      return "the tenant or campaign is paused";
    case CloseReason::kSchedule:
      return "outside the hours of its schedule (X-Schedule-Hours)";
    case CloseReason::kSuspension:
      return "the tenant or campaign is suspended after what receivers answered";
  }
  std::unreachable();
}

// "about 12.5/s, 3 connections: 421 ...".
std::string LearntNote(const PathRates::Learnt& learnt) {
  std::string out;
  if (learnt.rate != AdaptiveRate::kNoRate) out = "about " + RateText(learnt.rate);
  if (learnt.connections != UINT32_MAX)
    out += (out.empty() ? "" : ", ") + Counted(learnt.connections, "connection");
  return out + ": " + learnt.why;
}

// "the receiver takes about 12.5/s from source mailing-1, as it has shown: 421 ...".
std::string LearntWords(const LearntWait& wait) {
  return "the receiver takes about " + RateText(wait.learnt.rate) + " from source " + wait.source +
         ", as it has shown: " + wait.learnt.why;
}

// What keeps the whole lane back, whatever connections are free. False: nothing does.
bool GiveHold(const Lane& lane, Shard& shard, LaneReport& report) {
  Scheduler& scheduler = shard.scheduler();
  const ShardContext& context = shard.context();
  const Instant now = context.clock.Now();
  const WallTime wall = context.clock.Wall();
  Site* site = lane.site;
  if (const queue::Order* pause = scheduler.orders().PauseOf(lane.key)) {
    report.reason = WhyPaused(*pause);
    if (pause->until != WallTime::max()) report.until = pause->until;
  } else if (site != nullptr && now < site->suspended_until) {
    report.reason = site->failures == 0
                        ? "no source may be used for the site now: " + site->trouble
                        : "the site is suspended after " + Counted(site->failures, "failed round") +
                              ": " + site->trouble;
    report.until = wall + (site->suspended_until - now);
  } else if (site != nullptr && site->probing) {
    report.reason = "the site is being probed with one message after: " + site->trouble;
  } else if (const auto rate = lane.ready() > 0 && lane.window->paced
                                   ? scheduler.WaitOfOwner(*site, lane.key)
                                   : std::nullopt) {
    report.reason = WordsOf(*context.config, *site, lane.key, *rate);
    if (rate->until != kNever) report.until = wall + (rate->until - now);
  } else if (lane.ready() > 0 && lane.window->paced && queue::IsReportLane(lane.key.campaign)) {
    report.reason = "reports to one mailbox leave evenly, " +
                    std::to_string(context.config->reports.per_minute) +
                    " a minute (reports.per_minute)";
    report.until = wall + (scheduler.report_pace().next(lane) - now);
  } else if (const auto closed = scheduler.ClosedBy(lane); closed && lane.ready() > 0) {
    report.reason = WordsOf(closed->first);
    if (closed->second != kNever) report.until = wall + (closed->second - now);
  } else if (const auto learnt = lane.ready() > 0 ? scheduler.WaitOfLearnt(*site) : std::nullopt) {
    report.reason = LearntWords(*learnt);
    if (learnt->until != kNever) report.until = wall + (learnt->until - now);
  } else if (const auto wait =
                 lane.ready() > 0 ? scheduler.WaitOfRate(*site, lane.key.domain) : std::nullopt) {
    report.reason = WordsOf(*context.config, *site, lane.key, *wait);
    if (wait->until != kNever) report.until = wall + (wait->until - now);
  } else {
    return false;
  }
  return true;
}

// Why a lane's recipients are not gone yet.
void GiveReason(const Lane& lane, Shard& shard, LaneReport& report) {
  if (GiveHold(lane, shard, report)) return;
  Scheduler& scheduler = shard.scheduler();
  const Instant now = shard.context().clock.Now();
  const WallTime wall = shard.context().clock.Wall();
  const Site* site = lane.site;
  const bool being_sent = lane.window && lane.window->in_flight > 0;
  if (lane.ready() > 0 && !site->proven && site->open > 0) {
    report.reason = "the site has not answered yet: it gets one connection until it has";
  } else if (lane.ready() > 0 &&
             site->open >= scheduler.ConnectionsOf(*lane.site, lane.key.domain)) {
    report.reason = "all " + std::to_string(site->open) +
                    " connections to the site are busy (`sluice shaping " + lane.key.domain +
                    "` says which line limits them)";
  } else if (lane.ready() > 0 && now < site->open_not_before) {
    report.reason = "one more connection could not be opened: " + site->trouble;
    report.until = wall + (site->open_not_before - now);
  } else if (lane.ready() > 0 && site->opening) {
    report.reason = "waits for a route or for a free connection of the path";
  } else if (being_sent && shard.policies().Awaited(lane.key.domain)) {
    report.reason = "waits for the domain's MTA-STS policy, half a minute at most";
  } else if (being_sent) {
    report.reason = "is being sent";
  } else if (lane.ready() > 0) {
    report.reason = "its turn comes next";
  } else if (lane.on_disk > 0 && lane.next_due == queue::kCapturedDue) {
    report.reason = "captured: kept until `sluice captured release`";
  } else if (lane.on_disk > 0 && lane.next_due > wall && lane.next_due != WallTime::max()) {
    // Who deferred it is known of each recipient (`sluice explain ID`), not of the lane.
    report.reason = "waits until its next attempt is due";
    report.until = lane.next_due;
  } else if (report.in_flight > 0) {
    report.reason = "is being written to disk";
  } else {
    report.reason = "is being read from disk";
  }
}

}  // namespace

LaneFilter OfDomainSiteOrCampaign(std::string of) {
  return [of = std::move(of)](const Lane& lane) {
    return of.empty() || lane.key.domain == of || (lane.site != nullptr && lane.site->name == of) ||
           EqualsNoCase(queue::CampaignOf(lane.key.campaign), of);
  };
}

std::vector<LaneReport> ReportLanes(Shard& shard, const LaneFilter& meant, size_t limit) {
  std::vector<LaneReport> out;
  Scheduler& scheduler = shard.scheduler();
  scheduler.lanes().ForEach([&](LaneHandle, Lane& lane) {
    if (!meant(lane)) return;
    LaneReport report{.key = lane.key.ToKey(),
                      .site = {},
                      .next_due = NextDueOf(lane),
                      .reason = {},
                      .suspension = {}};
    if (lane.window) {
      report.in_flight = lane.window->in_flight + lane.window->committing;
      // What has a due row and is in memory counts once.
      report.waiting =
          lane.ready() + report.in_flight +
          (lane.on_disk - std::min<uint64_t>(lane.on_disk, lane.window->loaded.size()));
    } else {
      report.waiting = lane.on_disk;
    }
    if (report.waiting == 0) return;
    if (lane.site != nullptr) {
      report.site = lane.site->provisional ? "" : lane.site->name;
      report.connections = lane.site->open;
      const queue::SuspensionId id{queue::SuspensionKind::kSite, lane.site->name};
      const auto& all = scheduler.suspensions().all();
      if (const auto it = all.find(id); it != all.end()) report.suspension = {id, it->second};
    }
    GiveReason(lane, shard, report);
    report.next_try = NextTryOf(lane, report, shard.context().clock.Wall());
    if (shard.links().writer().broken())
      report.reason =
          "nothing is sent until a restart: the queue could not be written (see the log)";
    out.push_back(std::move(report));
  });
  const size_t keep = std::min(limit, out.size());
  std::ranges::partial_sort(out, out.begin() + std::ptrdiff_t(keep),
                            [](const auto& a, const auto& b) { return a.waiting > b.waiting; });
  out.resize(keep);
  return out;
}

std::string ReasonOf(const Lane& lane, Shard& shard) {
  LaneReport report{};
  if (lane.window) report.in_flight = lane.window->in_flight + lane.window->committing;
  GiveReason(lane, shard, report);
  return std::move(report.reason);
}

std::string_view SuspensionKindName(queue::SuspensionKind kind) {
  if (kind == queue::SuspensionKind::kRate) return kLearntName;
  return kSuspensionNames.at(size_t(kind) - 1);  // the queue knows no others
}

std::vector<SuspensionReport> ReportSuspensions(Shard& shard) {
  std::vector<SuspensionReport> out;
  const WallTime wall = shard.context().clock.Wall();
  for (const auto& [id, entry] : shard.scheduler().suspensions().all())
    if (entry.until > wall || (!entry.remembered && entry.failures > 0)) out.push_back({id, entry});
  for (const auto& [path, learnt] : shard.scheduler().path_rates().learnt())
    out.push_back({{queue::SuspensionKind::kRate, NameOfPath(path)},
                   {.until = WallTime::max(), .reason = LearntNote(learnt)}});
  return out;
}

}  // namespace sluice::engine
