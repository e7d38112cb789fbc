// engine/shard/stops.cc — the part of the Scheduler that keeps to what reply rules have stopped or
// narrowed: sources at a receiver, mail of a sender towards it.
//
// Each is a row of the Suspensions, known to all shards and kept over restarts. One that ends with
// its time has no failures. A hold has: when its time is over, whoever comes first moves it on by
// the time of a probe and goes; all others wait for what comes of that (design 12.3).

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/text.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {
namespace {

using queue::SuspensionId;
using queue::SuspensionKind;

// A site without a source looks again at least this often: a source may come back before its time.
constexpr Duration kPathLookAgain = std::chrono::minutes(15);
// What has been learnt of a source is forgotten after this.
constexpr Duration kLearntFor = std::chrono::hours(30 * 24);

// What may stop a source at the site, from the widest.
std::array<SuspensionId, 3> PathIds(const std::string& source, const Site& site) {
  const std::string front = source + " > ";
  return {SuspensionId{SuspensionKind::kPath, front + "*"},
          {SuspensionKind::kPath, front + "@" + site.replies_of},
          {SuspensionKind::kPath, front + site.name}};
}

// The keys are those of AboutOf (reactions.h).
std::array<SuspensionId, 3> MailIds(const queue::Message& message, const std::string& receiver) {
  ReplyContext about;
  about.receiver = receiver;
  about.sending_domain = DomainOf(message.sender);
  about.tenant = message.tenant;
  about.campaign = message.campaign;
  return {SuspensionId{SuspensionKind::kSendingDomain,
                       AboutOf(config::ReplyTarget::kSendingDomain, about)},
          {SuspensionKind::kTenant, AboutOf(config::ReplyTarget::kTenant, about)},
          {SuspensionKind::kCampaign, AboutOf(config::ReplyTarget::kCampaign, about)}};
}

// A tenant or campaign, and at which receiver.
struct StoppedOwner {
  MailOwner owner;
  std::string receiver;
};

// No receiver's name has a blank, no tenant's a slash.
std::optional<StoppedOwner> OwnerOf(const SuspensionId& id) {
  if (id.kind != SuspensionKind::kTenant && id.kind != SuspensionKind::kCampaign)
    return std::nullopt;
  const size_t arrow = id.key.rfind(" > ");
  const size_t slash = id.kind == SuspensionKind::kCampaign ? id.key.find('/') : arrow;
  if (arrow == std::string::npos || slash > arrow) return std::nullopt;
  StoppedOwner out{{.tenant = id.key.substr(0, slash)}, id.key.substr(arrow + 3)};
  if (slash < arrow) out.owner.campaign = id.key.substr(slash + 1, arrow - slash - 1);
  return out;
}

}  // namespace

std::string Scheduler::ReceiverOf(const Site& site) {
  return site.replies_of.empty() ? site.name : "@" + site.replies_of;
}

// The past: nothing stops it now. `why` is what the receiver said.
WallTime Scheduler::StoppedUntil(const SuspensionId& id, std::string* why) {
  const Suspensions::Entry* entry = suspensions_.Find(id);
  if (entry == nullptr) return {};
  if (entry->until > shard_.clock.Wall()) {
    if (why != nullptr) *why = entry->reason;
    return entry->until;
  }
  if (entry->failures == 0) suspensions_.Lift(id);
  return {};
}

// False: it was stopped for as long already.
bool Scheduler::PutStop(SuspensionKind kind, const std::string& key, Duration length, bool hold,
                        const std::string& why) {
  const SuspensionId id{kind, key};
  const WallTime until = shard_.clock.Wall() + length;
  const Suspensions::Entry* known = suspensions_.Find(id);
  if (known != nullptr && known->until >= until) return false;
  const uint32_t failures = known == nullptr ? 0 : known->failures;
  suspensions_.Put(id, until, hold ? std::max(1u, failures) : failures, why);
  RenewStop(id);
  return true;
}

// ---- mail ------------------------------------------------------------------------------------

// What was taken from its lane must not go: then it is due again when it may. Else it goes, be it
// as a probe.
bool Scheduler::MailStopped(Site& site, LaneHandle handle, Waiting& waiting) {
  if (!suspensions_.Any(SuspensionKind::kSendingDomain, SuspensionKind::kCampaign)) return false;
  const queue::Message& message = waiting.message->message;
  if (message.sender.empty()) return false;  // our own reports
  const auto ids = MailIds(message, ReceiverOf(site));
  WallTime until{};
  std::string why;
  for (const SuspensionId& id : ids) until = std::max(until, StoppedUntil(id, &why));
  if (until > shard_.clock.Wall()) {
    const Judge judge = MakeJudge(site, DomainOf(waiting.recipient.address), {});
    const Verdict verdict = JudgeStopped(judge, message, waiting.recipient, until, std::move(why));
    recorder_.Record(handle, std::move(waiting), verdict, {});
    return true;
  }
  for (const SuspensionId& id : ids) BeginProbe(id);
  return false;
}

void Scheduler::BeginProbe(const SuspensionId& id) {
  const Suspensions::Entry* entry = suspensions_.Find(id);
  if (entry == nullptr || entry->failures == 0) return;
  const WallTime now = shard_.clock.Wall();
  if (entry->until > now) return;
  suspensions_.Put(id, now + Reactions::kHoldProbe, entry->failures + 1,
                   std::string(entry->reason));
  RenewStop(id);
}

// Brings the queues of the receiver's sites in line with what is known of a tenant or campaign.
void Scheduler::RenewStop(const SuspensionId& id) {
  const auto stopped = OwnerOf(id);
  if (!stopped) return;
  for (const auto& [name, site] : sites_)
    if (ReceiverOf(*site) == stopped->receiver) RenewStopAt(*site, id, stopped->owner);
}

void Scheduler::RenewStopAt(const Site& site, const SuspensionId& id, const MailOwner& owner) {
  const Closing closing{.owner = owner, .reason = CloseReason::kSuspension};
  const Suspensions::Entry* entry = suspensions_.Find(id);
  const WallTime wall = shard_.clock.Wall();
  if (entry == nullptr || entry->until <= wall) return OpenMailAt(site.name, closing);
  CloseMailAt(site.name, closing, shard_.clock.Now() + (entry->until - wall));
}

// Whose the site is has just become known.
void Scheduler::RenewStopsAt(const Site& site) {
  const auto& all = suspensions_.all();
  const std::string receiver = ReceiverOf(site);
  for (auto it = all.lower_bound({SuspensionKind::kTenant, {}});
       it != all.end() && it->first.kind <= SuspensionKind::kCampaign; ++it) {
    const auto stopped = OwnerOf(it->first);
    if (stopped && stopped->receiver == receiver) RenewStopAt(site, it->first, stopped->owner);
  }
}

// Another shard, or an operator, has something to say; null: it is over.
void Scheduler::HearOfStop(const SuspensionId& id, const Suspensions::Entry* entry) {
  RenewStop(id);
  if (entry == nullptr) return LookForSources();
  const size_t arrow = id.key.rfind(" > ");
  const bool mail =
      id.kind >= SuspensionKind::kSendingDomain && id.kind <= SuspensionKind::kCampaign;
  if (mail && arrow != std::string::npos) ReturnPreparedOf(id.key.substr(arrow + 3));
}

bool Scheduler::CancelSuspension(const SuspensionId& id) {
  if (id.kind != SuspensionKind::kRate) return suspensions_.Cancel(id);
  const std::string path = PathNamed(id.key);
  if (!path_rates_.learnt().contains(path)) return false;
  path_rates_.Note(path, {}, {.kind = PathFact::Kind::kReset});
  return true;
}

// ---- paths -----------------------------------------------------------------------------------

// What the warm-up of sources counts its mail under.
std::string Scheduler::WarmedAt(const Site& site) {
  return site.replies_of.empty() ? std::string(kWarmupRest) : "@" + site.replies_of;
}

// Until when `source` may not be used for the site; the past: it may. `why` is what the receiver,
// or an operator, said, or which day of its warm-up it is.
WallTime Scheduler::PathUntil(const std::string& source, const Site& site, std::string* why) {
  WallTime until = orders_.PathUntil(source, site.name, site.replies_of, why);
  if (warmup_.any()) {
    std::string day;
    const WallTime warm = warmup_.Until(source, WarmedAt(site), &day);
    if (warm > until && why != nullptr) *why = std::move(day);
    until = std::max(until, warm);
  }
  if (!suspensions_.Any(SuspensionKind::kPath, SuspensionKind::kPath)) return until;
  for (const SuspensionId& id : PathIds(source, site)) {
    std::string said;
    const WallTime stopped = StoppedUntil(id, &said);
    if (stopped <= until) continue;
    until = stopped;
    if (why != nullptr) *why = std::move(said);
  }
  return until;
}

bool Scheduler::PathBlocked(const std::string& source, const Site& site) {
  return PathUntil(source, site, nullptr) > shard_.clock.Wall();
}

void Scheduler::ProbePath(const Site& site, const std::string& source) {
  if (!suspensions_.Any(SuspensionKind::kPath, SuspensionKind::kPath)) return;
  for (const SuspensionId& id : PathIds(source, site)) BeginProbe(id);
}

// A receiver took mail: the faults that were held are mended.
void Scheduler::EndHolds(Site& site, const std::string& source, const queue::Message& message) {
  if (!suspensions_.Any(SuspensionKind::kPath, SuspensionKind::kCampaign)) return;
  bool ended = false;
  const auto end = [this, &ended](const SuspensionId& id) {
    const Suspensions::Entry* entry = suspensions_.Find(id);
    if (entry == nullptr || entry->failures == 0) return;
    suspensions_.Lift(id);
    RenewStop(id);
    ended = true;
  };
  for (const SuspensionId& id : PathIds(source, site)) end(id);
  for (const SuspensionId& id : MailIds(message, ReceiverOf(site))) end(id);
  if (ended) LookForSources();
}

// No source may be used for the site: it waits for the first that may.
bool Scheduler::WaitForSource(Site& site) {
  const WallTime wall = shard_.clock.Wall();
  WallTime first = WallTime::max();
  std::string trouble;
  for (size_t i = 0; i < site.rotation.size(); ++i) {
    std::string why;
    const std::string& source = site.rotation[i].source;
    const WallTime until = PathUntil(source, site, &why);
    if (until <= wall) return false;
    // Held is not late (design 12.1).
    if (warmup_.Until(source, WarmedAt(site), nullptr) > wall) site.rate_held = wall;
    if (!trouble.empty() && until >= first) continue;
    first = until;
    trouble = std::move(why);
  }
  // Should the clock have been set back meanwhile, it looks again.
  const Duration left = std::clamp(first - wall, Duration(1'000'000), kPathLookAgain);
  site.proven = false;  // then one connection, until it has answered
  Rest(site, shard_.clock.Now() + left, std::move(trouble));
  Touch(site);
  return true;
}

// ---- care ------------------------------------------------------------------------------------

void Scheduler::Learn(SuspensionKind kind, const std::string& path, uint32_t most,
                      const std::string& why) {
  const SuspensionId id{kind, path};
  const Suspensions::Entry* known = suspensions_.Find(id);
  const WallTime now = shard_.clock.Wall();
  // Not written down anew for each reply.
  if (known != nullptr && known->failures <= most && known->until - now > kLearntFor / 2) return;
  suspensions_.Put(id, now + kLearntFor, most, why);
}

// 0: nothing was learnt.
uint32_t Scheduler::Learnt(SuspensionKind kind, const std::string& path) const {
  const Suspensions::Entry* entry = suspensions_.Find({kind, path});
  return entry == nullptr || entry->until <= shard_.clock.Wall() ? 0 : entry->failures;
}

uint32_t Scheduler::MostConnections(Site& site, const std::string& source) {
  const bool feels = !path_rates_.learnt().empty() && ShapeOf(site, {}, source)->adaptive;
  const uint32_t felt = feels ? path_rates_.ConnectionsOf(PathOf(site, source)) : UINT32_MAX;
  if (!suspensions_.Any(SuspensionKind::kOneConnection, SuspensionKind::kConnections)) return felt;
  for (const std::string& receiver : {ReceiverOf(site), std::string("*")})
    if (StoppedUntil({SuspensionKind::kOneConnection, source + " > " + receiver}, nullptr) >
        shard_.clock.Wall())
      return 1;
  const uint32_t told = Learnt(SuspensionKind::kConnections, source + " > " + ReceiverOf(site));
  return told == 0 ? felt : std::min(felt, told);
}

// Of this shard's connections; the path's owner counts all (limits.h).
bool Scheduler::TooManyOpen(Site& site, const std::string& source, uint32_t more) {
  const uint32_t most = MostConnections(site, source);
  if (most == UINT32_MAX) return false;
  const auto it = open_on_.find(PathOf(site, source));
  return (it == open_on_.end() ? 0 : it->second) + more > most;
}

config::RouteTls Scheduler::TlsFor(const Site& site, const std::string& source,
                                   config::RouteTls usual) {
  if (!suspensions_.Any(SuspensionKind::kTls, SuspensionKind::kTls)) return usual;
  if (usual != config::RouteTls::kOpportunistic && usual != config::RouteTls::kOff) return usual;
  for (const std::string& receiver : {ReceiverOf(site), std::string("*")})
    if (StoppedUntil({SuspensionKind::kTls, source + " > " + receiver}, nullptr) >
        shard_.clock.Wall())
      return config::RouteTls::kRequired;
  return usual;
}

// The shape as the receiver wants it of this source.
std::shared_ptr<const Shape> Scheduler::Narrowed(Site& site, const std::string& source,
                                                 const std::shared_ptr<const Shape>& shape) {
  const uint32_t connections = MostConnections(site, source);
  if (connections >= shape->connections &&
      !suspensions_.Any(SuspensionKind::kTls, SuspensionKind::kPerConnection))
    return shape;
  const WallTime now = shard_.clock.Wall();
  Shape narrow = *shape;
  const std::string path = source + " > " + ReceiverOf(site);
  narrow.connections = std::min(narrow.connections, connections);
  if (const uint32_t most = Learnt(SuspensionKind::kPerConnection, path); most > 0)
    narrow.messages_per_connection = std::min(narrow.messages_per_connection, most);
  narrow.tls = TlsFor(site, source, narrow.tls);
  for (const std::string& key : {path, source + " > *"})
    if (StoppedUntil({SuspensionKind::kIpv4, key}, nullptr) > now)
      narrow.ip_family = config::IpFamily::kIpv4;
  return std::make_shared<const Shape>(std::move(narrow));
}

}  // namespace sluice::engine
