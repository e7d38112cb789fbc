// engine/shard/scheduler.h — which recipient goes next, over which connection.
//
// PURPOSE   Groups lanes into sites, takes work from the site's queue, finds the site's hosts,
//           asks the limits for connections and gives work to deliveries. Suspends a site that
//           cannot be reached as one and probes it with one message (design 12.3). What each pool
//           has for a site is a Site of its own.
// NOT HERE  Whose turn it is (site_queue.h), of which source (rotation.h), windows and disk
//           (lanes.h), verdicts (delivery/verdict.h), writing outcomes (recorder.h), the values of
//           limits (limits.h).
// FLOW      lane ready -> Pump(site) -> route -> permit -> Delivery -> NextJob ... OnResult ->
//           verdict -> Recorder.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_SCHEDULER_H_
#define SLUICE_ENGINE_SHARD_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dns/route.h"
#include "engine/delivery/delivery.h"
#include "engine/delivery/verdict.h"
#include "engine/shard/lanes.h"
#include "engine/shard/limits.h"
#include "engine/shard/orders.h"
#include "engine/shard/path_rates.h"
#include "engine/shard/pool_table.h"
#include "engine/shard/rates.h"
#include "engine/shard/reactions.h"
#include "engine/shard/recorder.h"
#include "engine/shard/report_pace.h"
#include "engine/shard/scheduler_jobs.h"
#include "engine/shard/shape_table.h"
#include "engine/shard/site.h"
#include "engine/shard/suspensions.h"
#include "engine/shard/warmup.h"

namespace sluice::engine {

class Scheduler final : public LanesOwner, public DeliveryOwner {
 public:
  // All outlive this.
  Scheduler(ShardContext& shard, const queue::Queue& queue, Links& links, Limits& limits,
            Rates& rates, PathRates& path_rates, Warmup& warmup, Suspensions& suspensions,
            dns::MxRouter& router, RecorderOwner& owner, const ReplyRules& rules,
            TlsPolicies* policies);
  ~Scheduler() override;

  // Connections made from now on use the shard's TLS settings as they are now.
  void RenewTls();
  // The same for the values of configuration and shaping file; what waits for a permit asks anew
  // when its turn comes.
  void RenewShapes();
  // Why nothing goes to a site now: what its path has learnt, until then.
  std::optional<LearntWait> WaitOfLearnt(Site& site);
  const PathRates& path_rates() const { return path_rates_; }
  // The same of a configured rate.
  std::optional<RateWait> WaitOfRate(Site& site, std::string_view domain);
  std::optional<RateWait> WaitOfOwner(Site& site, const LaneName& mail);
  // The most connections to a site that mail to this domain may have by now.
  uint64_t ConnectionsOf(Site& site, std::string_view domain);

  Lanes& lanes() { return lanes_; }
  const OutcomeCounts& counts() const { return recorder_.counts(); }
  CampaignTally& campaigns() { return recorder_.campaigns(); }
  const std::unordered_map<std::string, std::unique_ptr<Site>>& sites() const { return sites_; }
  size_t open_deliveries() const { return deliveries_.size(); }
  // f(const Site&, const std::string& source) for each.
  template <typename F>
  void ForEachOpen(F&& f) {
    deliveries_.ForEach([&f](DeliveryHandle, const OpenDelivery& open) {
      f(*open.site, open.delivery->path().source);
    });
  }
  const Suspensions& suspensions() const { return suspensions_; }
  // By command; kRate: what the path named in the key has learnt. False: there is no such.
  bool CancelSuspension(const queue::SuspensionId& id);
  const ReportPace& report_pace() const { return report_pace_; }
  uint64_t damaged() const { return damaged_; }

  // Keeps the mail of a tenant or of a campaign from being taken, at all sites or at one (nothing
  // happens if that has no mail); open deliveries go on with what they have.
  void CloseMail(const Closing& closing, Instant until);
  void OpenMail(const Closing& closing);
  void CloseMailAt(const std::string& site, const Closing& closing, Instant until);
  void OpenMailAt(const std::string& site, const Closing& closing);
  const Closings& closings() const { return queue_nodes_.closings; }
  // What keeps the lane's mail from being taken, if it is closed; of several what ends last.
  std::optional<std::pair<CloseReason, Instant>> ClosedBy(const Lane& lane) const;

  // No new transactions; the running ones end. Stopped() once all connections are closed.
  void Stop();
  void Abort();
  bool Stopped() const { return stopping_ && deliveries_.size() == 0; }
  // Looks after the sites that have something new. Once a turn, before the loop sleeps. False: more
  // is left for the next turn.
  bool Settle();

  // What operators order (orders.h): new or changed, and forgotten.
  void TakeOrder(const queue::Order& order);
  void DropOrder(uint64_t id);
  const Orders& orders() const { return orders_; }
  // For order_sweeper.h. Those of the window that are meant, in flight.
  std::vector<Waiting> TakeAll(Lane& lane, LaneHandle handle,
                               const std::function<bool(const Waiting&)>& meant);
  // It is in flight, and ends by this order.
  void Cancel(LaneHandle handle, Waiting waiting, const queue::Order& order);
  // It is in flight, and waits for nothing but its turn from now on.
  void MakeDue(LaneHandle handle, Waiting waiting);
  // If the lane's site is suspended, it is probed now.
  void ProbeNow(Lane& lane);
  // After a failed commit nothing new is begun: what came of it could not be written down, and the
  // next start would send it again.
  bool MaySend() const { return !stopping_ && !links_.writer().broken(); }

  // LanesOwner
  void OnLaneAwake(Lane& lane, LaneHandle handle) override;
  void OnLaneAsleep(Lane& lane, LaneHandle handle) override;
  void OnReady(Lane& lane, LaneHandle handle) override;
  bool MayExpireHere(const Lane& lane, Waiting& waiting) override;
  void OnExpired(Lane& lane, LaneHandle handle, Waiting waiting) override;
  void OnDamaged(const Lane&, queue::RecipientId) override { ++damaged_; }

  // DeliveryOwner
  std::optional<Job> NextJob(Delivery& delivery) override;
  void OnResult(Delivery& delivery, Job& job, size_t recipient,
                const AttemptResult& result) override;
  void OnJobReturned(Delivery& delivery, Job job, std::vector<size_t> untried,
                     const RoundFailure* failure) override;
  void OnTurnedAway(Delivery& delivery, const Job& job, size_t recipient,
                    const AttemptResult& result) override;
  void OnClosed(Delivery& delivery) override;
  void OnConnect(Delivery& delivery) override;
  bool MayBegin(Delivery& delivery, const Job& job) override;
  void LoadWindow(const Job& job, uint32_t offset, uint32_t length,
                  std::function<void(Result<std::string>)> done) override;

 private:
  // A suspended site is probed by the gaps of the retry schedule (first after 5 minutes), at least
  // once in this long.
  static constexpr Duration kSuspendMax{3'600'000'000};
  // How long a path keeps to a rate that a reply rule gives, where that says nothing.
  static constexpr Duration kSlowFor{3'600'000'000};
  // A site grows with so many answers; then its paths know.
  static constexpr uint32_t kGrowsFor = 1'000;
  // What another source is to try is due again in this time.
  static constexpr Duration kNextSourceIn{60'000'000};
  // After one more connection could not be had while others work.
  static constexpr Duration kOpenBackoff{30'000'000};
  // A domain that waits for a rate of its own looks again after this, if nobody calls it.
  static constexpr Duration kAsideMax{1'000'000};
  // A site that another shard suspended is left to that shard's probe for this long.
  static constexpr Duration kProbeLead{2'000'000};
  // Jobs of one site whose content is read ahead: at most this many, and about as many as leave in
  // this time, for whoever comes meanwhile waits behind them.
  static constexpr uint32_t kPrepareMax = 16;
  // A site that waits longer than this for a rate keeps no jobs prepared.
  static constexpr Duration kPreparedMax{10'000'000};
  // What a slow connection adds to a site's lead, at most.
  static constexpr Duration kLearnedLeadMax{60'000'000};
  static constexpr Duration kReadAhead{200'000};
  // Recipients that one turn settles when a whole domain bounces.
  static constexpr int kFaultSlice = 200;

  Judge MakeJudge(Site& site, std::string_view domain, std::string_view source);
  Site& SiteNamed(const std::string& name, const std::string& pool, bool provisional);
  void RememberTrouble(Site& site);
  void OnPaceOver(LaneHandle handle);
  void Touch(Site& site);
  void DropSiteIfIdle(Site& site);
  void MoveLane(LaneHandle handle, Site& to);
  void Requeue(Lane& lane, LaneHandle handle);
  void PutBack(LaneHandle handle, Waiting waiting);
  void Evict(Site& site);

  // Who may go (site_openings.cc).
  void OnOpening();
  void OnOpening(Site& site);
  void RefreshQueues(const MailOwner& owner);
  bool OutOfHours(const Lane& lane);

  // Orders (order_actions.cc).
  bool CancelIfOrdered(LaneHandle handle, Waiting& waiting);
  void RenewPause(const queue::Order& order);
  void LookForSources();
  void RenewReroutes();

  // Work out of lanes (scheduler.cc, job_prepare.cc, job_gather.cc).
  std::optional<std::pair<LaneHandle, Waiting>> TakeNext(Site& site);
  void AddRecipient(JobState& state, LaneHandle handle, Waiting waiting);
  bool MayJoin(const JobState& state, const Lane& lane);
  void Gather(Site& site, JobState& state);
  bool Prepare(Site& site);
  bool MustPrepare(const Site& site) const;
  void AddPrepared(Site& site, uint64_t id);
  void PaceReading(Site& site);
  void ReadContent(uint64_t id);
  void OnContent(uint64_t id, Result<std::string> content);
  void Reload(uint64_t id);
  void Unreadable(uint64_t id, const std::string& why);
  void ReturnPrepared(uint64_t id);
  void ReturnPreparedIf(Site& site, const std::function<bool(const Waiting&)>& meant);

  // Deliveries (scheduler.cc).
  OpenDelivery& Find(Delivery& delivery);
  void OnWanted(const std::string& path);
  void OnWantedTimer();
  bool GivesUp(const std::string& path);
  Verdict RecordAttempt(const JobState& state, const Job& job, size_t recipient,
                        const AttemptResult& result, const std::string& site,
                        const std::string& source);
  void Answered(uint64_t id, size_t recipients);

  // What holds for the mail of a site (site_shape.cc).
  const config::ShapingBlock* ProviderOf(Site& site);
  const std::shared_ptr<const Shape>& ShapeOf(Site& site, std::string_view domain,
                                              std::string_view source);
  void KnowHosts(Site& site, const std::vector<dns::MxHost>& hosts);
  uint32_t RecipientsOf(Site& site, std::string_view domain);
  void KnowReceiver(Site& site, const std::vector<dns::MxHost>& hosts);
  std::string PathOf(Site& site, const std::string& source);
  std::string_view NextDomain(const Site& site);
  Job HandOut(Site& site, size_t place, size_t who);

  // Connections and trouble (sites.cc).
  void Pump(Site& site);
  void Open(Site& site);
  void WithRoute(const std::string& domain, std::function<void(const Route&)> done);
  void OnRoute(const std::string& site_name, const std::string& domain, const Route& route);
  void OnPermit(const Opening& opening);
  void ReturnAllPrepared(Site& site);
  void Suspend(Site& site, std::string why);
  void Rest(Site& site, Instant until, std::string why);
  bool IsWorking(const std::string& site);
  void HearOfSite(Site& site, const Suspensions::Entry* entry);
  void Revive(Site& site);
  void Resume(Site& site);
  void OnSuccess(Site& site);
  void OnRoundFailed(Site& site, const JobState& state, const Job& job,
                     const std::vector<size_t>& untried, const RoundFailure& failure,
                     const DeliveryPath& path);
  void OnRouteFault(Site& site, const Route& route);

  // Rates (site_rate.cc).
  static RateKey KeyOf(std::string_view kind, const RateLimit& limit, const std::string& path,
                       std::string_view domain);
  std::optional<RateKey> MessageRateOf(Site& site, std::string_view domain,
                                       const std::string& source);
  std::optional<RateKey> ConnectionRateOf(Site& site, std::string_view domain,
                                          const std::string& source);
  void OnRateOpen(const std::string& who);
  bool HeldByMessageRates(Site& site, std::string_view domain, const std::string& source,
                          size_t recipients, uint32_t before, Duration lead);
  bool HeldByRate(Site& site, const RateKey& key, uint32_t units, Duration lead);
  bool JobHeldByRate(Site& site, const Job& job, const std::string& source, uint32_t before);
  bool IsOver(Site& site, std::string_view domain, Waiting& waiting);
  void CountHeld(const Site& site, Waiting& waiting);
  bool MayOpenFrom(Site& site, const std::string& source, std::string_view domain);
  bool RatesForbidOpening(Site& site, std::string_view domain);
  void RestForRate(Site& site, std::string_view domain);
  bool HeldByOwnRate(Site& site, std::string_view domain);
  void SetAside(Site& site, LaneHandle handle);
  void BringBack(Site& site);
  bool SetAsideByRate(Site& site);
  bool TakeConnection(Site& site, OpenDelivery& open, const std::string& source,
                      std::string_view domain);

  // Rates of tenants and campaigns (owner_rate.cc).
  std::string PlaceOf(const RateLimit& limit, Site& site, std::string_view domain);
  std::vector<RateKey> OwnerRatesOf(Site& site, const LaneName& mail);
  bool HeldByOwnerRate(Site& site, LaneHandle handle, size_t units);
  void ReturnForRate(Site& site, size_t place);
  void ReleaseLanes();

  // Pools and their sources (site_sources.cc).
  void Repool();
  bool AllOut(const Site& site);
  // `busy`: a connection that is being opened leaves no room for another.
  Rotation::StandingOf Standings(Site& site, bool busy);
  bool InTurn(Site& site, size_t who);
  bool IsAwaited(Site& site, size_t who);
  // The place in `prepared` of the job that a connection of this source may have; none: there is
  // none for it now. The rate is asked for it and for `before` more recipients that come first;
  // none: it is not asked.
  std::optional<size_t> JobFor(Site& site, size_t who, std::optional<uint32_t> before);
  // For whom the next connection is opened; kNobody: for none now.
  size_t NextSource(Site& site);
  void PokeIdle(Site& site);
  bool MayPoke(Site& site, size_t who);
  const config::Source& SourceNamed(const std::string& name) const;
  // False: the round failed for another reason, or for a source that has left the pool.
  bool OnSourceFailed(Site& site, const JobState& state, const Job& job,
                      const std::vector<size_t>& untried, const RoundFailure& failure,
                      const std::string& source);
  // What paths learn (feedback.cc).
  void TellPath(Site& site, const std::string& source, std::string_view domain,
                const PathFact& fact, const std::string& why = {});
  void TellAnswer(Site& site, const std::string& source, std::string_view domain, Instant began,
                  bool first, const AttemptResult& result, const Verdict& verdict);
  void TellRefused(Site& site, const std::string& source, std::string_view domain, Instant began,
                   const AttemptResult& result);
  void TellRoundFailed(Site& site, const std::string& source, std::string_view domain,
                       Instant began, const AttemptResult& result);
  void SlowDown(Site& site, const std::string& source, std::string_view domain, Instant began,
                const config::ReplyAction& action, const std::string& why);
  std::optional<RateKey> LearntRateOf(Site& site, const std::string& source);
  uint64_t GrownConnections(Site& site, std::string_view domain);

  // Who is stopped or used with care (stops.cc).
  static std::string ReceiverOf(const Site& site);
  static std::string WarmedAt(const Site& site);
  WallTime StoppedUntil(const queue::SuspensionId& id, std::string* why);
  bool PutStop(queue::SuspensionKind kind, const std::string& key, Duration length, bool hold,
               const std::string& why);
  bool MailStopped(Site& site, LaneHandle handle, Waiting& waiting);
  void BeginProbe(const queue::SuspensionId& id);
  void RenewStop(const queue::SuspensionId& id);
  void RenewStopAt(const Site& site, const queue::SuspensionId& id, const MailOwner& owner);
  void RenewStopsAt(const Site& site);
  void HearOfStop(const queue::SuspensionId& id, const Suspensions::Entry* entry);
  void ProbePath(const Site& site, const std::string& source);
  void EndHolds(Site& site, const std::string& source, const queue::Message& message);
  std::shared_ptr<const Shape> Narrowed(Site& site, const std::string& source,
                                        const std::shared_ptr<const Shape>& shape);
  config::RouteTls TlsFor(const Site& site, const std::string& source, config::RouteTls usual);
  bool TooManyOpen(Site& site, const std::string& source, uint32_t more);
  uint32_t MostConnections(Site& site, const std::string& source);
  void Learn(queue::SuspensionKind kind, const std::string& path, uint32_t most,
             const std::string& why);
  uint32_t Learnt(queue::SuspensionKind kind, const std::string& path) const;

  // Reply rules (reply_actions.cc).
  WallTime PathUntil(const std::string& source, const Site& site, std::string* why);
  bool PathBlocked(const std::string& source, const Site& site);
  // False: some source may be used, but not for one more connection.
  bool WaitForSource(Site& site);
  void StopPaths(queue::SuspensionKind kind, const Site& site, const std::string& source,
                 const config::ReplyAction& action, const std::string& why);
  void ReturnPreparedOf(const std::string& receiver);
  void Refine(const Site& site, const std::string& source, const ReplyContext& about,
              uint32_t attempts, Verdict& verdict);
  void Act(Site& site, const std::string& source, const Job& job, const DueAction& due,
           const std::string& why, Delivery* delivery);
  static ReplyContext ContextOf(const Site& site, const std::string& source,
                                const std::string& receiver, const Job& job, size_t recipient);
  // Once for each reply. `delivery`: that heard it, when it may go on.
  void React(Site& site, const std::string& source, const Job& job, size_t recipient,
             const AttemptResult& result, const Verdict& verdict, Delivery* delivery);

  ShardContext& shard_;
  Links& links_;
  Limits& limits_;
  Rates& rates_;
  PathRates& path_rates_;
  Warmup& warmup_;
  const WallTime started_;
  Suspensions& suspensions_;
  dns::MxRouter& router_;
  RecorderOwner& owner_;
  const ReplyRules& rules_;
  ShapeTable shapes_;
  PoolTable pools_;
  Reactions reactions_;
  HostMemory broken_tls_;
  DeliveryShared shared_;
  QueueNodes queue_nodes_;
  std::unordered_map<std::string, std::unique_ptr<Site>> sites_;  // by key
  std::unordered_map<std::string, std::vector<Site*>> by_name_;   // one for each pool
  Orders orders_;
  Lanes lanes_;
  Recorder recorder_;
  ReportPace report_pace_;
  Slab<OpenDelivery> deliveries_;
  std::unordered_map<std::string, uint32_t> open_on_;  // deliveries, by path
  std::unordered_map<const Delivery*, DeliveryHandle> by_delivery_;
  std::unordered_map<uint64_t, JobState> jobs_;
  uint64_t next_job_ = 1;
  std::vector<DeliveryHandle> closed_;  // destroyed in the next turn
  Timer reap_;
  Timer opening_timer_;
  // Paths for whose connections somebody waits, and when an idle one is closed next.
  std::unordered_map<std::string, Instant> wanted_;
  Timer wanted_timer_;
  std::vector<std::string> pump_;  // sites to look after in Settle
  std::vector<std::string> pumping_;
  uint64_t damaged_ = 0;  // records that could not be read back
  bool stopping_ = false;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_SCHEDULER_H_
