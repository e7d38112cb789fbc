#include "dns/resolver.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

std::string KeyOf(std::string_view name, RecordType type) {
  std::string key;
  key.reserve(name.size() + 2);
  key.push_back(char(uint16_t(type) >> 8));
  key.push_back(char(uint16_t(type) & 0xff));
  key.append(name);
  return key;
}

Ref<Answer> MakeAnswer(AnswerKind kind, std::string canonical) {
  auto answer = MakeRef<Answer>();
  answer->kind = kind;
  answer->canonical = std::move(canonical);
  return answer;
}

Duration Seconds(uint32_t n) { return std::chrono::seconds(n); }

Ref<Answer> Failure(const Question& question, const std::string& why, Instant now) {
  auto answer = MakeAnswer(AnswerKind::kFailure, question.name);
  answer->detail = TypeText(question.type) + " " + question.name + ": " + why;
  answer->expires = now + Seconds(kFailureTtlSeconds);
  return answer;
}

}  // namespace

Resolver::Resolver(DnsTransport& transport, const Clock& clock, uint32_t entries)
    : transport_(transport),
      clock_(clock),
      entries_max_(std::max<uint32_t>(entries, 1)),
      self_(std::make_shared<Resolver*>(this)) {}

Resolver::~Resolver() = default;

void Resolver::SetEntries(uint32_t entries) {
  entries_max_ = std::max<uint32_t>(entries, 1);
  Evict();
}

void Resolver::Ask(std::string_view name, RecordType type, AnswerFn done) {
  ++stats_.questions;
  auto [found, fresh] = entries_.try_emplace(KeyOf(name, type));
  if (fresh) {
    found->second = std::make_unique<Entry>();
    found->second->key = &found->first;
    found->second->question = {std::string(name), type};
  }
  Entry& entry = *found->second;
  if (entry.asking) {
    ++stats_.merged;
    entry.waiting.push_back(std::move(done));
    return;
  }
  if (entry.answer && clock_.Now() < entry.answer->expires) {
    ++stats_.hits;
    Touch(entry);
    const Ref<const Answer> answer = entry.answer;  // the callback may evict the entry
    done(*answer);
    return;
  }
  if (entry.answer) recent_.erase(entry.place);
  entry.asking = true;
  entry.cnames = 0;
  entry.ttl = UINT32_MAX;
  entry.authentic = true;
  entry.waiting.push_back(std::move(done));
  Send(entry, entry.question.name);
}

void Resolver::Send(Entry& entry, const std::string& name) {
  ++stats_.sent;
  const std::weak_ptr<Resolver*> self = self_;
  transport_.Ask({name, entry.question.type}, [self, key = *entry.key, name](const RawAnswer& raw) {
    if (const auto alive = self.lock()) (*alive)->OnRaw(key, name, raw);
  });
}

void Resolver::OnRaw(const std::string& key, const std::string& asked, const RawAnswer& raw) {
  const auto found = entries_.find(key);
  CHECK(found != entries_.end());  // entries being asked are never evicted
  Entry& entry = *found->second;
  CHECK(entry.asking);
  Ref<Answer> answer = Digest(entry, asked, raw);
  if (answer) Settle(entry, std::move(answer));
}

Ref<Answer> Resolver::Digest(Entry& entry, const std::string& asked, const RawAnswer& raw) {
  const Instant now = clock_.Now();
  const Question& question = entry.question;
  if (raw.wire.empty()) {
    auto failure = Failure(question, raw.error.empty() ? "no answer" : raw.error, now);
    if (raw.not_asked) failure->expires = now;
    return failure;
  }
  const auto message = ParseMessage(raw.wire);
  if (!message) return Failure(question, message.error().what, now);
  const bool is_definite = message->rcode == Rcode::kNoError || message->rcode == Rcode::kNxDomain;
  if (!is_definite) return Failure(question, RcodeText(message->rcode), now);
  if (message->truncated) return Failure(question, "truncated answer", now);
  if (message->question.name != Lower(asked) || message->question.type != question.type)
    return Failure(question, "answer to another question", now);

  const Chain chain = FollowChain(*message, {asked, question.type});
  entry.cnames += chain.cnames;
  entry.ttl = std::min(entry.ttl, chain.ttl);
  entry.authentic = entry.authentic && message->authentic;
  if (chain.too_long || entry.cnames > kChainMax)
    return Failure(question, "CNAME chain too long", now);

  const bool is_nxdomain = message->rcode == Rcode::kNxDomain;
  const bool is_dangling = chain.cnames > 0 && chain.records.empty() && !is_nxdomain &&
                           !message->negative_ttl.has_value();
  if (is_dangling && !chain.canonical.empty()) {
    // The server gave the alias only: ask for what it stands for.
    Send(entry, chain.canonical);
    return {};
  }
  auto answer = MakeAnswer(is_nxdomain             ? AnswerKind::kNxDomain
                           : chain.records.empty() ? AnswerKind::kNoData
                                                   : AnswerKind::kRecords,
                           chain.canonical);
  answer->authentic = entry.authentic;
  uint32_t ttl = entry.ttl;
  uint32_t ttl_max = kTtlMaxSeconds;
  if (answer->kind == AnswerKind::kRecords) {
    answer->records = chain.records;
  } else {
    ttl = std::min(ttl, message->negative_ttl.value_or(kNegativeTtlUnknownSeconds));
    ttl_max = kNegativeTtlMaxSeconds;
  }
  answer->expires = now + Seconds(std::clamp(ttl, kTtlMinSeconds, ttl_max));
  answer->detail = TypeText(question.type) + " " + question.name + ": " +
                   (is_nxdomain                           ? "NXDOMAIN"
                    : answer->kind == AnswerKind::kNoData ? "no such records"
                                                          : "found");
  return answer;
}

void Resolver::Settle(Entry& entry, Ref<Answer> answer) {
  const Instant now = clock_.Now();
  if (answer->kind == AnswerKind::kFailure) {
    ++stats_.failures;
    if (entry.answer && entry.answer->kind == AnswerKind::kRecords && now < entry.stale_until) {
      ++stats_.stale;
      auto old = MakeAnswer(AnswerKind::kRecords, entry.answer->canonical);
      old->authentic = entry.answer->authentic;
      old->stale = true;
      old->records = entry.answer->records;
      old->detail = answer->detail + "; an older answer is used";
      old->expires = answer->expires;
      answer = std::move(old);
    } else {
      entry.stale_until = now;
    }
  } else {
    entry.stale_until = answer->expires + Seconds(kStaleMaxSeconds);
  }
  entry.answer = answer;
  entry.asking = false;
  recent_.push_front(&entry);
  entry.place = recent_.begin();
  const std::vector<AnswerFn> waiting = std::exchange(entry.waiting, {});
  Evict();
  // From here on `entry` may be gone: callbacks ask again, and that evicts.
  for (const AnswerFn& done : waiting) done(*answer);
}

void Resolver::Touch(Entry& entry) { recent_.splice(recent_.begin(), recent_, entry.place); }

void Resolver::Evict() {
  while (recent_.size() > entries_max_) {
    Entry* oldest = recent_.back();
    CHECK(!oldest->asking);
    recent_.pop_back();
    ++stats_.evicted;
    const auto found = entries_.find(*oldest->key);
    CHECK(found != entries_.end());
    entries_.erase(found);
  }
}

}  // namespace sluice::dns
