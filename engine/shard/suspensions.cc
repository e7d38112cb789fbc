#include "engine/shard/suspensions.h"

#include <algorithm>
#include <utility>

namespace sluice::engine {
namespace {

// A suspension that ended this long ago says nothing of today.
constexpr Duration kStale = std::chrono::hours(24);
// When nothing is over, all that is kept is not looked through again before this.
constexpr Duration kLookAgain = std::chrono::seconds(10);
// What is probed is left to the shard that stopped it for this long.
constexpr Duration kProbeLead = std::chrono::seconds(2);
// Rows that one transaction removes.
constexpr size_t kLiftedAtOnce = 1'000;

// A domain whose route is not known lives on the shard that owns it only.
bool IsOfOneShard(const queue::SuspensionId& id) {
  return id.kind == queue::SuspensionKind::kSite && id.key.starts_with('?');
}

}  // namespace

std::vector<queue::Suspension> TakeSuspensions(queue::Queue& queue, WallTime now) {
  auto kept = queue.Suspensions();
  if (!kept) return {};
  std::vector<queue::Transaction> batch(1);
  std::erase_if(*kept, [&](queue::Suspension& suspension) {
    if (suspension.until + kStale > now) return false;
    if (batch.back().lifted.size() == kLiftedAtOnce) batch.emplace_back();
    batch.back().lifted.push_back(std::move(suspension.id));
    return true;
  });
  // Should this fail, the next start tries again.
  for (queue::Transaction& one : batch)
    if (!one.lifted.empty()) (void)queue.CommitAll({&one, 1});
  return std::move(*kept);
}

void Suspensions::Load(std::span<const queue::Suspension> kept) {
  for (const queue::Suspension& one : kept)
    if (one.id.kind < queue::SuspensionKind::kQuota)
      entries_[one.id] = {one.until, one.failures, one.reason, true};
}

const Suspensions::Entry* Suspensions::TakeUp(const queue::SuspensionId& id) {
  const auto it = entries_.find(id);
  if (it == entries_.end() || it->second.until + kStale <= clock_.Wall()) return nullptr;
  it->second.remembered = false;
  return &it->second;
}

// What is long over goes first.
bool Suspensions::HasRoom(const queue::SuspensionId& id) {
  if (id.key.size() > queue::kMaxSuspensionKey) return false;
  if (entries_.size() < queue::kMaxSuspensions || entries_.contains(id)) return true;
  const WallTime now = clock_.Wall();
  if (now < look_again_) return false;
  queue::Transaction transaction;
  std::erase_if(entries_, [&](const auto& one) {
    const Entry& entry = one.second;
    // What reply rules stop lives nowhere: it is over with its time, a hold when nobody probes it.
    const bool lives = one.first.kind == queue::SuspensionKind::kSite && !entry.remembered;
    const bool held = one.first.kind != queue::SuspensionKind::kSite && entry.failures > 0;
    const bool over = !lives && entry.until + (held ? kStale : Duration(0)) <= now;
    if (!over || transaction.lifted.size() == kLiftedAtOnce) return false;
    transaction.lifted.push_back(one.first);
    return true;
  });
  if (transaction.lifted.empty()) {
    look_again_ = now + kLookAgain;
    return false;
  }
  links_.Submit(std::move(transaction), false, {});
  return true;
}

void Suspensions::Put(const queue::SuspensionId& id, WallTime until, uint32_t failures,
                      std::string reason) {
  if (!HasRoom(id)) return;
  reason.resize(std::min(reason.size(), queue::kMaxReplyText));
  queue::Transaction transaction;
  transaction.suspensions.push_back({id, until, failures, reason});
  const Entry& entry = entries_[id] = {until, failures, std::move(reason), false};
  links_.Submit(std::move(transaction), false, {});
  if (IsOfOneShard(id)) return;
  for (uint32_t i = 0; i < peers_.size(); ++i)
    if (i != shard_) out_.Send(i, [peer = peers_[i], id, entry] { peer->Hear(id, entry); });
}

const Suspensions::Entry* Suspensions::Find(const queue::SuspensionId& id) const {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : &it->second;
}

void Suspensions::Lift(const queue::SuspensionId& id) {
  if (entries_.erase(id) == 0) return;
  queue::Transaction transaction;
  transaction.lifted.push_back(id);
  links_.Submit(std::move(transaction), false, {});
  for (uint32_t i = 0; i < peers_.size(); ++i)
    if (i != shard_) out_.Send(i, [peer = peers_[i], id] { peer->HearLifted(id); });
}

bool Suspensions::Cancel(const queue::SuspensionId& id) {
  if (!entries_.contains(id)) return false;
  Lift(id);
  if (heard_) heard_(id, nullptr);
  return true;
}

void Suspensions::Leave(const queue::SuspensionId& id) {
  const auto it = entries_.find(id);
  if (it != entries_.end()) it->second.remembered = true;
}

void Suspensions::Hear(const queue::SuspensionId& id, Entry entry) {
  if (!HasRoom(id)) return;
  entry.remembered = true;
  if (id.kind != queue::SuspensionKind::kSite && entry.failures > 0) entry.until += kProbeLead;
  const Entry& kept = entries_[id] = std::move(entry);
  if (heard_) heard_(id, &kept);
}

void Suspensions::HearLifted(const queue::SuspensionId& id) {
  if (entries_.erase(id) > 0 && heard_) heard_(id, nullptr);
}

}  // namespace sluice::engine
