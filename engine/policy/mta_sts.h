// engine/policy/mta_sts.h — which MTA-STS policy a recipient domain has in force (RFC 8461).
//
// PURPOSE   Looks for _mta-sts.<domain>, fetches the policy, keeps it until its max_age, and looks
//           again in the background. A policy in force is answered inside the call.
// RULES     RFC 8461 3.3, 5.1, 10.2: a policy in force stays although its TXT record, its host or
//           the file vanish; a failed fetch is not repeated for kRetry, then ever more rarely;
//           without a policy in force a domain whose policy cannot be had is as one without.
//           Nobody is held up for long by the policy hosts of other domains: who has waited for
//           kPatience goes without, and the fetch goes on for those who come later. The newest
//           domain is fetched first: those who ask for it still wait.
// LIMITS    kFetchTimeout a fetch, kFetchesMax at a time, kToFetchMax in line, kEntriesMax domains.
// LIFETIME  Answers that come after its end find nobody.
// THREADS   Confined to its shard.
// TESTS     tests/policy/mta_sts_test.cc

#ifndef SLUICE_ENGINE_POLICY_MTA_STS_H_
#define SLUICE_ENGINE_POLICY_MTA_STS_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dns/resolver.h"
#include "dns/sts_policy.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/http/http_fetch.h"
#include "engine/policy/sts_store.h"
#include "engine/tls_report/session.h"

namespace sluice::engine {

class MtaSts {
 public:
  using Policy = std::shared_ptr<const dns::StsPolicy>;
  // Null: none in force. Mode none is null too.
  using PolicyFn = std::function<void(const Policy&)>;
  using SaveFn = std::function<void(StsRecord)>;
  // A policy could not be had: whose, what is wrong in the words of RFC 8460, and in ours.
  using TroubleFn = std::function<void(const std::string& domain, TlsResult, const std::string&)>;

  static constexpr Duration kFetchTimeout = std::chrono::seconds(30);
  static constexpr size_t kFetchesMax = 16;
  // Domains that wait for their fetch; when full the oldest is put off, as after a failure.
  static constexpr size_t kToFetchMax = 1'024;
  // How long a domain's first mail waits for its policy, from the first who asks on.
  static constexpr Duration kPatience = std::chrono::seconds(30);
  static constexpr size_t kEntriesMax = kStsRecordsMax;
  // RFC 8461 3.3: at least five minutes between fetches that fail.
  static constexpr Duration kRetry = std::chrono::minutes(5);
  static constexpr Duration kRetryMax = std::chrono::hours(4);
  // How often the TXT record of a policy in force is looked at.
  static constexpr Duration kCheck = std::chrono::minutes(30);
  // A policy is fetched anew when it is this old, or half of its life is over.
  static constexpr Duration kRenew = std::chrono::hours(24);

  // What is borrowed outlives this. `save` hears of every policy to keep, `trouble` of every fetch
  // that failed.
  MtaSts(dns::Resolver& resolver, HttpFetch& fetch, const Clock& clock, TimerQueue& timers,
         uint16_t port, SaveFn save, TroubleFn trouble = {});
  MtaSts(const MtaSts&) = delete;
  MtaSts& operator=(const MtaSts&) = delete;

  // From the last run.
  void Restore(const std::vector<StsRecord>& records);
  // `domain`: lower case, ASCII. May answer inside the call.
  void Find(std::string_view domain, PolicyFn done);
  // Somebody waits for the policy of this domain.
  bool Awaited(std::string_view domain) const;
  // A host was refused by the policy in force: perhaps there is a newer one (RFC 8461 5.1).
  void OnMismatch(std::string_view domain);

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string domain;
    Policy policy;  // the last good one, in force until `expires`
    std::string id;
    std::string trouble;  // why there is none
    WallTime fetched{};
    WallTime expires{};
    Instant check_at{};  // when to look again
    Instant fetch_not_before{};
    uint32_t failures = 0;
    bool busy = false;
    bool put_off = false;   // no fetch after all: settled by the timer
    std::string wanted_id;  // of the fetch under way
    std::vector<PolicyFn> waiting;
    Instant patience{};  // when those who wait for this look go without
    std::list<Entry*>::iterator place;
  };

  Policy InForce(const Entry& entry) const;
  Entry& EntryOf(const std::string& domain);
  // `done`, if any, waits for what comes of it.
  void Look(Entry& entry, PolicyFn done);
  void OnTxt(const std::string& domain, const dns::Answer& answer);
  void Await(Entry& entry, PolicyFn done);
  void WantFetch(Entry& entry);
  void PutOff(Entry& entry);
  void NextFetch();
  void OnFetched(const std::string& domain, const HttpResponse& response);
  Status Take(Entry& entry, const HttpResponse& response);
  void Settle(Entry& entry);
  void Answer(Entry& entry);
  void OnTimer();
  void Drop(Entry& entry);

  // Borrowed: outlive this.
  dns::Resolver& resolver_;
  HttpFetch& fetch_;
  const Clock& clock_;
  // Constant after construction.
  const uint16_t port_;
  const SaveFn save_;
  const TroubleFn trouble_;

  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;
  std::list<Entry*> recent_;          // most recently used first
  std::deque<std::string> to_fetch_;  // the newest last
  size_t fetching_ = 0;
  std::set<std::pair<Instant, std::string>> awaited_;  // domains by their patience
  Timer timer_;                                        // for the first of them
  std::shared_ptr<MtaSts*> self_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_POLICY_MTA_STS_H_
