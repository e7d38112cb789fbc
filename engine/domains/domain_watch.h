// engine/domains/domain_watch.h — looks up the records of all sending domains, again and again.
//
// PURPOSE   Keeps the state of each domain (domain_state.h), tells when a verified one starts to
//           fail, and when something of this machine's own records or a block list turns bad, or
//           its return path leads elsewhere.
// FLOW      Start -> one check at a time, the one that is due longest; each with a resolver of its
//           own, so that nothing old is believed. Right: again after check_every; else after
//           kRetryAfter. What DNS could not tell changes nothing. Where an inbound listener is
//           configured, the hosts of the return path are connected to (reach.h); what is wrong
//           there is told, and does not count for the state: a firewall stops no mail that leaves.
// LIMITS    One check at a time, kGap between two. kProblemMax octets of what is wrong. Answers of
//           kAskedMax sets of hosts are shared by domains that lead to the same.
// THREADS   Confined to its shard (0).
// TESTS     tests/engine/domain_watch_test.cc

#ifndef SLUICE_ENGINE_DOMAINS_DOMAIN_WATCH_H_
#define SLUICE_ENGINE_DOMAINS_DOMAIN_WATCH_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/surroundings.h"
#include "dns/transport.h"
#include "engine/base/random.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/domains/domain_check.h"
#include "engine/domains/domain_state.h"
#include "engine/domains/reach.h"
#include "engine/io/net.h"

namespace sluice::engine {

struct WatchParts {
  // All outlive the watch.
  const Clock& clock;
  TimerQueue& timers;
  dns::DnsTransport& transport;
  Random& random;
  const config::Surroundings& surroundings;
  // States changed: for submission, and for the disk.
  std::function<void(std::shared_ptr<const DomainStates>)> publish;
  // An alert event: reason and text.
  std::function<void(std::string reason, std::string text)> alert;
  // Null: nobody is connected to.
  io::Net* net = nullptr;
};

class DomainWatch {
 public:
  static constexpr Duration kRetryAfter = std::chrono::minutes(5);
  static constexpr Duration kGap = std::chrono::milliseconds(200);
  static constexpr uint32_t kCacheEntries = 5'000;
  static constexpr size_t kProblemMax = 400;
  static constexpr size_t kAskedMax = 64;

  // `known`: of earlier runs.
  DomainWatch(WatchParts parts, std::shared_ptr<const config::Config> config,
              const DomainStates& known);
  ~DomainWatch();

  // The first looks begin.
  void Start() { SetTimer(); }
  // New domains are looked up at once, changed keys too.
  void Reload(std::shared_ptr<const config::Config> config);

  // Looks a domain up now, or as soon as what runs has ended. False: it is not watched.
  bool CheckNow(const std::string& domain);

  const DomainStates& states() const { return *states_; }
  // When a domain is looked up next; kNever: not at all.
  Instant NextCheck(const std::string& domain) const;

 private:
  struct Check;  // one that runs
  // Who answered at the hosts of a return path.
  struct Asked {
    std::vector<ReachTarget> targets;
    std::vector<ReachAnswer> answers;
    Instant when;
  };

  void Plan();
  void SetTimer();
  void Next();
  void Begin(const std::string& domain);
  void AskReturnPath(const std::string& domain);
  void End();
  void OnHost(const Findings& findings);
  void OnDomain(const std::string& domain, const Findings& findings);
  void OnReturnPath(const std::string& domain, const std::vector<ReachAnswer>& answers);
  void Change(const std::string& domain, DomainState state);
  void Again(const std::string& domain, bool good);
  Duration Spread(Duration time);

  WatchParts parts_;
  std::shared_ptr<const config::Config> config_;
  HostPlan host_;
  std::map<std::string, DomainPlan> plans_;
  std::shared_ptr<const DomainStates> states_;
  std::map<std::string, Instant> due_;   // by domain; "" is this machine
  std::set<std::string> host_troubles_;  // told already
  std::vector<Asked> asked_;
  std::map<std::string, std::string> return_troubles_;  // by domain: told already
  std::unique_ptr<Check> check_;                        // the last one, until the next begins
  bool busy_ = false;
  Timer timer_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DOMAINS_DOMAIN_WATCH_H_
