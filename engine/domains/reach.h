// engine/domains/reach.h — does mail to a return path really arrive at this engine?
//
// PURPOSE   DNS says where returned mail goes (domain_check.h); whether our own engine answers
//           there only a connection tells: firewalls, address translation and other mail servers
//           stand between. ReachTargets says where to ask, ReachProbe asks, JudgeReach says what it
//           means.
// FLOW      Start -> greeting or failure of each target -> done(answers), once, from the loop.
// RULES     Nothing is sent but QUIT. Without an inbound listener nobody is asked.
// LIMITS    kTargetsMax targets, all at once, kAnswerWithin each; kGreetingMax octets of a
//           greeting.
// LIFETIME  A probe that runs must not die before `done`.
// THREADS   Confined to its loop.
// TESTS     tests/engine/domain_reach_test.cc, tests/integration/domain_test.py

#ifndef SLUICE_ENGINE_DOMAINS_REACH_H_
#define SLUICE_ENGINE_DOMAINS_REACH_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/surroundings.h"
#include "dns/inquiry.h"
#include "engine/base/timer_queue.h"
#include "engine/domains/domain_plan.h"
#include "engine/domains/finding.h"
#include "engine/io/net.h"

namespace sluice::engine {

struct ReachTarget {
  std::string host;  // of the MX record
  Endpoint at;

  friend auto operator<=>(const ReachTarget&, const ReachTarget&) = default;
};

// Is a host of an MX record one of ours, by its name or an address? `pending`: facts are missing.
bool IsOurHost(dns::Facts& facts, const HostPlan& host, const std::string& mx, bool& pending);

// The addresses of those MX hosts of the return path that are ours; empty without a return path or
// an inbound listener. None: facts are missing.
std::optional<std::vector<ReachTarget>> ReachTargets(dns::Facts& facts, const DomainPlan& domain,
                                                     const HostPlan& host);

struct ReachAnswer {
  enum class Kind : uint8_t {
    kGreeting,  // `text` is what it says: "mta.example.com ESMTP ready"
    kBusy,      // it refuses to talk now: "421 ..."
    kNobody,    // no connection; why
    kSilent,    // a connection, and no greeting of a mail server; what instead
  } kind = Kind::kSilent;
  std::string text;
};

class ReachProbe {
 public:
  static constexpr size_t kTargetsMax = 8;
  static constexpr Duration kAnswerWithin = std::chrono::seconds(5);
  static constexpr size_t kGreetingMax = size_t(4) << 10;

  // All outlive this.
  ReachProbe(io::Net& net, TimerQueue& timers, const Clock& clock);
  ~ReachProbe();

  // Once. Answers are in the order of the targets; those beyond kTargetsMax are left out.
  void Start(const std::vector<ReachTarget>& targets,
             std::function<void(std::vector<ReachAnswer>)> done);

 private:
  class Call;

  io::Net& net_;
  TimerQueue& timers_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Call>> calls_;
  size_t open_ = 0;
  std::function<void(std::vector<ReachAnswer>)> done_;
};

// One finding for all targets: what is wrong with the worst of them. Behind address translation a
// machine may not reach its own public address, so that only an address of this machine is blamed
// for nobody being there.
Finding JudgeReach(const DomainPlan& domain, const HostPlan& host,
                   const config::Surroundings& surroundings,
                   const std::vector<ReachTarget>& targets,
                   const std::vector<ReachAnswer>& answers);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DOMAINS_REACH_H_
