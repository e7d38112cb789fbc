#include "engine/shard/limits.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {

uint32_t Limits::OwnerOf(const std::string& path) const {
  return uint32_t(std::hash<std::string>{}(path) % peers_.size());
}

// The path comes first: who waits in the line of a full path must not keep others from the total.
void Limits::Acquire(const std::string& path, uint32_t most, std::function<void()> granted) {
  CHECK(most > 0);
  const uint32_t owner = OwnerOf(path);
  Waiter waiter{shard_, most, std::move(granted)};
  if (owner == shard_) return AcquireHere(path, std::move(waiter));
  Limits* peer = peers_[owner];
  out_.Send(owner, [peer, path, waiter = std::move(waiter)]() mutable {
    peer->AcquireHere(path, std::move(waiter));
  });
}

void Limits::AcquireHere(const std::string& path, Waiter waiter) {
  Path& p = paths_[path];
  if (p.out >= waiter.most) {
    p.waiting.push_back(std::move(waiter));
    if (p.waiting.size() == 1) TellWanted(path, true);
    return;
  }
  ++p.out;
  if (waiter.shard == shard_) return OnGranted({path, std::move(waiter.granted)});
  Grant(path, std::move(waiter));
}

// By message, also to this shard: who gives the permit back at once grants it to the next, and the
// depth of a recursion would be that of the line.
void Limits::Grant(const std::string& path, Waiter waiter) {
  Limits* asker = peers_[waiter.shard];
  out_.Send(waiter.shard, [asker, granted = Granted{path, std::move(waiter.granted)}]() mutable {
    asker->OnGranted(std::move(granted));
  });
}

void Limits::TellWanted(const std::string& path, bool wanted) {
  for (uint32_t i = 0; i < peers_.size(); ++i)
    out_.Send(i, [peer = peers_[i], path, wanted] { peer->HearWanted(path, wanted); });
}

void Limits::HearWanted(const std::string& path, bool wanted) {
  if (!wanted) return (void)wanted_.erase(path);
  wanted_.insert(path);
  if (on_wanted_) on_wanted_(path);
}

void Limits::OnGranted(Granted granted) {
  waiting_for_total_.push_back(std::move(granted));
  RunWaiting();
}

// In a loop, for the same reason.
void Limits::RunWaiting() {
  if (std::exchange(running_, true)) return;
  while (!waiting_for_total_.empty() && open_ < settings_.connections_total) {
    const Granted next = std::move(waiting_for_total_.front());
    waiting_for_total_.pop_front();
    ++open_;
    next.run();
  }
  running_ = false;
}

void Limits::Release(const std::string& path) {
  CHECK(open_ > 0);
  --open_;
  const uint32_t owner = OwnerOf(path);
  if (owner == shard_) {
    ReleaseHere(path);
  } else {
    Limits* peer = peers_[owner];
    out_.Send(owner, [peer, path] { peer->ReleaseHere(path); });
  }
  RunWaiting();
}

void Limits::ReleaseHere(const std::string& path) {
  const auto it = paths_.find(path);
  CHECK(it != paths_.end());
  Path& p = it->second;
  CHECK(p.out > 0);
  --p.out;
  const auto next =
      std::ranges::find_if(p.waiting, [&p](const Waiter& waiter) { return p.out < waiter.most; });
  if (next != p.waiting.end()) {
    Waiter waiter = std::move(*next);
    p.waiting.erase(next);
    if (p.waiting.empty()) TellWanted(path, false);
    ++p.out;
    return Grant(path, std::move(waiter));
  }
  if (p.out == 0 && p.waiting.empty()) paths_.erase(it);
}

uint32_t Limits::permits_out(const std::string& path) const {
  const auto it = paths_.find(path);
  return it == paths_.end() ? 0 : it->second.out;
}

}  // namespace sluice::engine
