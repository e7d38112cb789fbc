#include "engine/domains/domain_watch.h"

#include <algorithm>
#include <utility>

#include "dns/inquiry.h"
#include "dns/resolver.h"
#include "engine/base/check.h"
#include "engine/log/log.h"

namespace sluice::engine {
namespace {

constexpr char kHost[] = "";

bool IsDefinite(const Finding& finding) {
  return finding.judgement == Judgement::kMissing || finding.judgement == Judgement::kWrong;
}

// "SPF of example.com: there is no SPF record; publish this TXT record".
std::string Sentence(const Finding& finding) {
  std::string out =
      std::string(RoleText(finding.role)) + " of " + finding.name + ": " + finding.what;
  if (!finding.advice.empty()) out += "; " + finding.advice;
  return out;
}

// Bounded and printable: some of it is other people's DNS, and it goes into replies and logs.
std::string Short(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  if (text.size() > DomainWatch::kProblemMax) {
    text.resize(DomainWatch::kProblemMax);
    text += "...";
  }
  return text;
}

}  // namespace

struct DomainWatch::Check {
  Check(const WatchParts& parts) : resolver(parts.transport, parts.clock, kCacheEntries) {}

  DomainPlan plan;  // that is looked up; of this machine: empty
  HostPlan host;
  Instant began{};
  std::optional<Findings> found;
  std::optional<std::vector<ReachTarget>> targets;
  std::optional<ReachProbe> probe;
  dns::Resolver resolver;
  dns::Inquiry inquiry{resolver};
};

DomainWatch::DomainWatch(WatchParts parts, std::shared_ptr<const config::Config> config,
                         const DomainStates& known)
    : parts_(std::move(parts)),
      config_(std::move(config)),
      states_(std::make_shared<const DomainStates>(known)),
      timer_(parts_.timers, [this] { Next(); }) {
  Plan();
}

DomainWatch::~DomainWatch() = default;

void DomainWatch::Reload(std::shared_ptr<const config::Config> config) {
  config_ = std::move(config);
  Plan();
  SetTimer();
}

// Takes over the configuration: plans, states, and what is due.
void DomainWatch::Plan() {
  const Instant now = parts_.clock.Now();
  const WallTime wall = parts_.clock.Wall();
  host_ = PlanHost(*config_, parts_.surroundings);
  std::map<std::string, DomainPlan> plans;
  for (const config::Domain& domain : config_->domains) {
    if (domain.retired) continue;
    auto plan = PlanDomain(*config_, domain, host_);
    if (plan)
      plans.emplace(domain.name, *std::move(plan));
    else
      LogError("domains", domain.name + " cannot be checked: " + plan.error().what);
  }
  auto states = std::make_shared<const DomainStates>(StatesFor(*config_, *states_, wall));
  std::map<std::string, Instant> due;
  const bool watches = config_->domain_rules.check_every > Duration(0);
  if (watches && !plans.empty()) due[kHost] = now;
  for (const auto& [name, plan] : plans) {
    if (!watches) break;
    const auto known = due_.find(name);
    const auto before = plans_.find(name);
    const bool same =
        known != due_.end() && before != plans_.end() && before->second.records == plan.records;
    const DomainState& state = states->at(name);
    if (same) {
      due[name] = known->second;
    } else if (before == plans_.end() && state.standing == Standing::kVerified) {
      // After a restart it is not all looked up at once.
      const Duration age = std::max(wall - state.checked, Duration(0));
      due[name] = now + std::max(Spread(config_->domain_rules.check_every) - age, Duration(0));
    } else {
      due[name] = now;
    }
  }
  if (const auto host = due_.find(kHost); host != due_.end() && due.contains(kHost))
    due[kHost] = std::min(host->second, now + kRetryAfter);
  std::erase_if(return_troubles_, [&](const auto& told) { return !plans.contains(told.first); });
  plans_ = std::move(plans);
  due_ = std::move(due);
  states_ = std::move(states);
  parts_.publish(states_);
}

Instant DomainWatch::NextCheck(const std::string& domain) const {
  const auto found = due_.find(domain);
  return found == due_.end() ? kNever : found->second;
}

bool DomainWatch::CheckNow(const std::string& domain) {
  const auto due = due_.find(domain);
  if (domain == kHost || due == due_.end()) return false;
  due->second = parts_.clock.Now();
  asked_.clear();
  SetTimer();
  return true;
}

void DomainWatch::SetTimer() {
  if (busy_) return;
  Instant first = kNever;
  for (const auto& [name, due] : due_) first = std::min(first, due);
  timer_.Set(first == kNever ? kNever : std::max(first, parts_.clock.Now() + kGap));
}

void DomainWatch::Next() {
  const auto next = std::ranges::min_element(
      due_, {}, [](const auto& entry) { return std::pair(entry.second, entry.first); });
  if (next == due_.end() || next->second > parts_.clock.Now()) return SetTimer();
  Begin(next->first);
}

void DomainWatch::Begin(const std::string& domain) {
  CHECK(!busy_);
  busy_ = true;
  check_ = std::make_unique<Check>(parts_);
  check_->began = parts_.clock.Now();
  // Copies: a reload while it runs changes the plans.
  const auto plan = plans_.find(domain);
  CHECK(domain == kHost || plan != plans_.end());
  if (plan != plans_.end()) check_->plan = plan->second;
  check_->host = host_;
  auto study = domain == kHost ? dns::Inquiry::StudyFn([check = check_.get()](dns::Facts& facts) {
    check->found = CheckHost(facts, check->host);
  })
                               : [check = check_.get()](dns::Facts& facts) {
                                   check->found = CheckDomain(facts, check->plan, check->host);
                                   check->targets = ReachTargets(facts, check->plan, check->host);
                                 };
  check_->inquiry.Start(std::move(study), [this, domain](dns::Facts&) {
    CHECK(check_->found.has_value());
    const auto wanted = plans_.find(domain);
    if (domain == kHost)
      OnHost(*check_->found);
    else if (wanted != plans_.end() && wanted->second.records == check_->plan.records)
      OnDomain(domain, *check_->found);  // else a reload came between: it is due already
    AskReturnPath(domain);
  });
}

// Most domains lead to the same hosts, which are asked once for all that are due about now.
void DomainWatch::AskReturnPath(const std::string& domain) {
  if (parts_.net == nullptr || !check_->targets || check_->targets->empty()) return End();
  const Instant now = parts_.clock.Now();
  const Duration fresh = std::min(config_->domain_rules.check_every, kRetryAfter) / 2;
  std::erase_if(asked_, [&](const Asked& asked) { return asked.when + fresh <= now; });
  const auto known = std::ranges::find(asked_, *check_->targets, &Asked::targets);
  if (known != asked_.end()) {
    OnReturnPath(domain, known->answers);
    return End();
  }
  check_->probe.emplace(*parts_.net, parts_.timers, parts_.clock);
  check_->probe->Start(*check_->targets, [this, domain](const std::vector<ReachAnswer>& answers) {
    if (asked_.size() < kAskedMax)
      asked_.push_back({*check_->targets, answers, parts_.clock.Now()});
    OnReturnPath(domain, answers);
    End();
  });
}

void DomainWatch::End() {
  busy_ = false;
  SetTimer();
}

// Once for each trouble: a warning is none.
void DomainWatch::OnReturnPath(const std::string& domain, const std::vector<ReachAnswer>& answers) {
  const Finding finding =
      JudgeReach(check_->plan, check_->host, parts_.surroundings, *check_->targets, answers);
  if (!IsDefinite(finding)) {
    if (finding.judgement == Judgement::kRight) return_troubles_.erase(domain);
    return;
  }
  const std::string text =
      Short("mail to " + finding.name + ", the return path of " + domain +
            ", does not reach this engine: " + finding.what + "; " + finding.advice);
  std::string& told = return_troubles_[domain];
  if (std::exchange(told, text) != text) parts_.alert("return_path_unreached", text);
}

// Tells what has newly turned bad.
void DomainWatch::OnHost(const Findings& findings) {
  std::set<std::string> troubles;
  for (const Finding& finding : findings) {
    if (!IsDefinite(finding)) continue;
    const std::string sentence = Short(Sentence(finding));
    troubles.insert(sentence);
    if (host_troubles_.contains(sentence)) continue;
    parts_.alert(finding.role == Role::kBlockList ? "source_listed" : "source_records", sentence);
  }
  for (const std::string& gone : host_troubles_)
    if (!troubles.contains(gone)) LogInfo("domains", "no longer: " + gone);
  host_troubles_ = std::move(troubles);
  Again(kHost, AllGood(findings));
}

void DomainWatch::OnDomain(const std::string& domain, const Findings& findings) {
  const WallTime now = parts_.clock.Wall();
  DomainState state = states_->at(domain);
  const auto bad = std::ranges::find_if(findings, IsDefinite);
  if (bad != findings.end()) {
    state.problem = Short(Sentence(*bad));
    state.checked = now;
    const bool was_verified = state.standing == Standing::kVerified;
    const Standing standing = was_verified || state.standing == Standing::kFailing
                                  ? Standing::kFailing
                                  : Standing::kUnverified;
    if (standing != state.standing) state.since = now;
    state.standing = standing;
    if (was_verified)
      parts_.alert("domain_failing", domain + " was verified and is no longer: " + state.problem);
  } else if (AllGood(findings)) {
    state.checked = now;
    state.problem.clear();
    if (state.standing != Standing::kVerified) {
      LogInfo("domains", domain + " is verified");
      state.standing = Standing::kVerified;
      state.since = now;
    }
  } else if (state.standing != Standing::kVerified) {
    state.problem = Short(Sentence(*std::ranges::find_if_not(findings, IsGood)));
  }
  Change(domain, std::move(state));
  Again(domain, AllGood(findings));
}

void DomainWatch::Change(const std::string& domain, DomainState state) {
  if (states_->at(domain) == state) return;
  auto states = std::make_shared<DomainStates>(*states_);
  (*states)[domain] = std::move(state);
  states_ = std::move(states);
  parts_.publish(states_);
}

void DomainWatch::Again(const std::string& domain, bool good) {
  const auto due = due_.find(domain);
  if (due == due_.end()) return;
  if (check_ && due->second > check_->began) return;  // asked for while it was looked at
  const Duration every = config_->domain_rules.check_every;
  due->second = parts_.clock.Now() + Spread(good ? every : std::min(every, kRetryAfter));
}

// Up to a tenth more, so that a thousand domains do not come due at once for good.
Duration DomainWatch::Spread(Duration time) {
  return time + Duration(int64_t(double(time.count()) * 0.1 * parts_.random.Unit()));
}

}  // namespace sluice::engine
