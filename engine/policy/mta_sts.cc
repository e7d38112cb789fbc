#include "engine/policy/mta_sts.h"

#include <algorithm>
#include <utility>

#include "dns/domain.h"
#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/log/log.h"

namespace sluice::engine {
namespace {

constexpr std::string_view kTxtLabel = "_mta-sts.";
constexpr std::string_view kHostLabel = "mta-sts.";
constexpr const char* kPath = "/.well-known/mta-sts.txt";
constexpr int kStatusOk = 200;
constexpr uint32_t kDoublingsMax = 10;

Duration Seconds(uint32_t n) { return std::chrono::seconds(n); }

// Why a policy was not taken. One that came and is no policy is invalid.
TlsResult ResultOf(const HttpResponse& response) {
  if (response.certificate) return TlsResult::kStsWebpkiInvalid;
  return response.status == kStatusOk ? TlsResult::kStsPolicyInvalid
                                      : TlsResult::kStsPolicyFetchError;
}

bool IsPlainText(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return type.empty() || Lower(type) == "text/plain";
}

}  // namespace

MtaSts::MtaSts(dns::Resolver& resolver, HttpFetch& fetch, const Clock& clock, TimerQueue& timers,
               uint16_t port, SaveFn save, TroubleFn trouble)
    : resolver_(resolver),
      fetch_(fetch),
      clock_(clock),
      port_(port),
      save_(std::move(save)),
      trouble_(std::move(trouble)),
      timer_(timers, [this] { OnTimer(); }),
      self_(std::make_shared<MtaSts*>(this)) {}

void MtaSts::Restore(const std::vector<StsRecord>& records) {
  for (const StsRecord& record : records) {
    auto policy = dns::ParseStsPolicy(record.text);
    if (!policy) continue;
    const WallTime expires = record.fetched + Seconds(policy->max_age);
    // A clock that ran ahead must not give a policy more than its life.
    if (expires <= clock_.Wall() || record.fetched > clock_.Wall()) continue;
    Entry& entry = EntryOf(record.domain);
    entry.policy = std::make_shared<const dns::StsPolicy>(std::move(*policy));
    entry.id = record.id;
    entry.fetched = record.fetched;
    entry.expires = expires;
  }
}

MtaSts::Policy MtaSts::InForce(const Entry& entry) const {
  if (entry.policy == nullptr || clock_.Wall() >= entry.expires) return nullptr;
  return entry.policy;
}

MtaSts::Entry& MtaSts::EntryOf(const std::string& domain) {
  std::unique_ptr<Entry>& slot = entries_[domain];
  if (slot != nullptr) {
    recent_.splice(recent_.begin(), recent_, slot->place);
    return *slot;
  }
  slot = std::make_unique<Entry>();
  Entry& entry = *slot;
  entry.domain = domain;
  recent_.push_front(&entry);
  entry.place = recent_.begin();
  // Those that are being asked for stay: somebody waits.
  if (entries_.size() > kEntriesMax && !recent_.back()->busy) Drop(*recent_.back());
  return entry;
}

void MtaSts::Drop(Entry& entry) {
  CHECK(!entry.busy && entry.waiting.empty());
  recent_.erase(entry.place);
  entries_.erase(std::string(entry.domain));
}

void MtaSts::Find(std::string_view domain, PolicyFn done) {
  if (!dns::IsHostName(domain)) return done(nullptr);
  Entry& entry = EntryOf(std::string(domain));
  const Instant now = clock_.Now();
  const bool look = !entry.busy && now >= entry.check_at;
  if (const Policy policy = InForce(entry)) {
    if (look) Look(entry, nullptr);  // behind its back
    return done(policy->mode == dns::StsMode::kNone ? nullptr : policy);
  }
  if (look) return Look(entry, std::move(done));
  if (!entry.busy || now >= entry.patience) return done(nullptr);
  Await(entry, std::move(done));
}

bool MtaSts::Awaited(std::string_view domain) const {
  const auto found = entries_.find(std::string(domain));
  return found != entries_.end() && !found->second->waiting.empty();
}

void MtaSts::Await(Entry& entry, PolicyFn done) {
  entry.waiting.push_back(std::move(done));
  if (entry.waiting.size() > 1) return;
  awaited_.emplace(entry.patience, entry.domain);
  timer_.Set(awaited_.begin()->first);
}

// Never inside a Find: these wait for other domains than the one that is asked for.
void MtaSts::OnTimer() {
  while (!awaited_.empty() && awaited_.begin()->first <= clock_.Now()) {
    Entry& entry = *entries_.at(awaited_.begin()->second);
    awaited_.erase(awaited_.begin());
    if (entry.put_off) {
      Settle(entry);
    } else {
      Answer(entry);  // it stays busy: the fetch goes on
    }
  }
  if (!awaited_.empty()) timer_.Set(awaited_.begin()->first);
}

void MtaSts::OnMismatch(std::string_view domain) {
  const auto found = entries_.find(std::string(domain));
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  entry.check_at = std::min(entry.check_at, std::max(clock_.Now(), entry.fetch_not_before));
}

// The answer may come inside the call, and then the entry may be gone.
void MtaSts::Look(Entry& entry, PolicyFn done) {
  entry.busy = true;
  entry.patience = clock_.Now() + kPatience;
  if (done) Await(entry, std::move(done));
  resolver_.Ask(std::string(kTxtLabel) + entry.domain, dns::RecordType::kTxt,
                [weak = std::weak_ptr(self_), domain = entry.domain](const dns::Answer& answer) {
                  if (const auto alive = weak.lock()) (*alive)->OnTxt(domain, answer);
                });
}

void MtaSts::OnTxt(const std::string& domain, const dns::Answer& answer) {
  Entry& entry = *entries_.at(domain);
  const Instant now = clock_.Now();
  entry.check_at = now + kCheck;
  std::vector<std::string> txt;
  for (const dns::Record& record : answer.records) txt.push_back(record.data);
  const std::optional<std::string> id = dns::StsId(txt);
  if (!id.has_value()) {
    // None, or nobody knows. A policy in force outlives its record.
    entry.check_at = answer.kind == dns::AnswerKind::kFailure ? now + kRetry : now + kCheck;
    entry.trouble = answer.detail;
    const bool keep = InForce(entry) != nullptr || now < entry.fetch_not_before;
    Settle(entry);
    // The resolver remembers that there is nothing; one more memory of it would be waste.
    if (const auto found = entries_.find(domain);
        !keep && found != entries_.end() && !found->second->busy)
      Drop(*found->second);
    return;
  }
  const Duration age = clock_.Wall() - entry.fetched;
  const bool fresh = InForce(entry) != nullptr && *id == entry.id && age < kRenew &&
                     age < (entry.expires - entry.fetched) / 2;
  if (fresh || now < entry.fetch_not_before) {
    if (!fresh) entry.check_at = entry.fetch_not_before;
    return Settle(entry);
  }
  entry.wanted_id = *id;
  WantFetch(entry);
}

void MtaSts::WantFetch(Entry& entry) {
  to_fetch_.push_back(entry.domain);
  NextFetch();
  if (to_fetch_.size() <= kToFetchMax) return;
  const std::string oldest = std::move(to_fetch_.front());
  to_fetch_.pop_front();
  PutOff(*entries_.at(oldest));
}

void MtaSts::PutOff(Entry& entry) {
  entry.put_off = true;
  entry.fetch_not_before = clock_.Now() + kRetry;
  entry.check_at = entry.fetch_not_before;
  entry.trouble = "too many policies are to be fetched at once";
  LogWarn("mta-sts", "the policy of " + entry.domain + " cannot be had: " + entry.trouble);
  awaited_.erase({entry.patience, entry.domain});
  entry.patience = clock_.Now();
  awaited_.emplace(entry.patience, entry.domain);
  timer_.Set(awaited_.begin()->first);
}

void MtaSts::NextFetch() {
  while (fetching_ < kFetchesMax && !to_fetch_.empty()) {
    const std::string domain = std::move(to_fetch_.back());
    to_fetch_.pop_back();
    ++fetching_;
    fetch_.Fetch({.host = std::string(kHostLabel) + domain,
                  .port = port_,
                  .path = kPath,
                  .body_max = dns::kStsPolicyBytesMax,
                  .timeout = kFetchTimeout},
                 [weak = std::weak_ptr(self_), domain](const HttpResponse& response) {
                   if (const auto alive = weak.lock()) (*alive)->OnFetched(domain, response);
                 });
  }
}

Status MtaSts::Take(Entry& entry, const HttpResponse& response) {
  if (response.status == 0) return Fail(ErrorCode::kIo, response.error);
  if (response.status != kStatusOk)
    return Fail(ErrorCode::kInvalid, "status " + std::to_string(response.status));
  if (!IsPlainText(response.content_type))
    return Fail(ErrorCode::kInvalid, "is " + response.content_type + ", not text/plain");
  auto policy = dns::ParseStsPolicy(response.body);
  if (!policy) return std::unexpected(policy.error());
  entry.id = entry.wanted_id;
  entry.fetched = clock_.Wall();
  entry.expires = entry.fetched + Seconds(policy->max_age);
  entry.policy = std::make_shared<const dns::StsPolicy>(std::move(*policy));
  return {};
}

void MtaSts::OnFetched(const std::string& domain, const HttpResponse& response) {
  CHECK(fetching_ > 0);
  --fetching_;
  Entry& entry = *entries_.at(domain);
  const Instant now = clock_.Now();
  if (const Status taken = Take(entry, response); taken) {
    entry.failures = 0;
    entry.trouble.clear();
    entry.fetch_not_before = now + kRetry;  // hosts whose id changes all the time
    entry.check_at = now + kCheck;
    if (save_) save_({entry.domain, entry.id, entry.fetched, response.body});
  } else {
    const uint32_t doublings = std::min(entry.failures++, kDoublingsMax);
    entry.fetch_not_before = now + std::min(kRetry * (1 << doublings), kRetryMax);
    entry.check_at = entry.fetch_not_before;
    entry.trouble = taken.error().what;
    LogWarn("mta-sts", "the policy of " + domain + " cannot be had: " + entry.trouble);
    if (trouble_) trouble_(domain, ResultOf(response), entry.trouble);
  }
  Settle(entry);
  NextFetch();
}

void MtaSts::Settle(Entry& entry) {
  entry.busy = false;
  entry.put_off = false;
  awaited_.erase({entry.patience, entry.domain});
  Answer(entry);
}

void MtaSts::Answer(Entry& entry) {
  Policy policy = InForce(entry);
  if (policy != nullptr && policy->mode == dns::StsMode::kNone) policy = nullptr;
  // From here on `entry` may be gone: callbacks ask again.
  for (const PolicyFn& done : std::exchange(entry.waiting, {})) done(policy);
}

}  // namespace sluice::engine
