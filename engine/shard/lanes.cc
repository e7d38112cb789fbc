#include "engine/shard/lanes.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/delivery/verdict.h"
#include "engine/log/log.h"

namespace sluice::engine {

Lanes::Lanes(ShardContext& shard, const queue::Queue& queue, Links& links, LanesOwner& owner)
    : shard_(shard), queue_(queue), links_(links), owner_(owner), timer_(shard.timers, [this] {
        OnTimer();
      }) {}

LaneHandle Lanes::FindOrMake(const queue::LaneKey& key) {
  if (const LaneHandle known = Find(key); !known.empty()) return known;
  const queue::LaneId id = queue_.LaneIdOf(key);
  const LaneName name{names_.Text(names_.Hold(key.domain)), names_.Text(names_.Hold(key.tenant)),
                      names_.Text(names_.Hold(key.campaign))};
  const LaneHandle handle = lanes_.Emplace(id, name, shares_.Hold(key.tenant));
  by_id_.Add(handle.index);
  return handle;
}

void Lanes::Drop(const Lane& lane, LaneHandle handle) {
  by_id_.Remove(handle.index);
  shares_.Drop(lane.tenant);
  const LaneName name = lane.key;
  lanes_.Erase(handle);
  for (const std::string* text : {&name.domain, &name.tenant, &name.campaign})
    names_.Drop(names_.Find(*text));
}

void Lanes::WakeUp(Lane& lane, LaneHandle handle) {
  if (lane.site == nullptr) owner_.OnLaneAwake(lane, handle);
  CHECK(lane.site != nullptr);
}

size_t Lanes::WindowLimit(const Lane& lane) const {
  return shares_.WindowOf(lane.tenant, queue::MailClassOf(lane.key.campaign));
}

bool Lanes::Suspended(const Lane& lane) const {
  return lane.site != nullptr && shard_.clock.Now() < lane.site->suspended_until;
}

void Lanes::Push(Lane& lane, LaneHandle handle, Waiting waiting) {
  WakeUp(lane, handle);
  if (waiting.indexed) lane.Window().loaded.insert(waiting.recipient.id);
  lane.Window().ready.push_back(std::move(waiting));
  shares_.Took(lane.tenant);
  ++lane.site->ready;
  owner_.OnReady(lane, handle);
}

void Lanes::Add(Waiting waiting) {
  const LaneHandle handle =
      FindOrMake(queue::LaneKeyOf(waiting.message->message, waiting.recipient.address));
  Lane& lane = *lanes_.Get(handle);
  // Behind what is due on disk, so that the order of acceptance holds within the lane.
  const bool behind = lane.on_disk > 0 && lane.next_due <= shard_.clock.Wall();
  if (!behind) WakeUp(lane, handle);  // its site may be known to be in trouble
  if (behind || Suspended(lane) || lane.ready() >= WindowLimit(lane))
    return Spill(lane, handle, std::move(waiting));
  Push(lane, handle, std::move(waiting));
}

void Lanes::AddSleeping(const queue::LaneRow& row) {
  const LaneHandle handle = FindOrMake(row.key);
  Lane& lane = *lanes_.Get(handle);
  lane.on_disk += row.waiting;
  // The snapshot of a refill under way may be older than the row.
  if (lane.window) {
    lane.window->exact = false;
    lane.window->postponed_next = std::min(lane.window->postponed_next, row.next_due);
  }
  if (row.next_due < lane.next_due) WakeAt(lane, handle, row.next_due);
}

void Lanes::Reschedule(const queue::LaneKey& key, WallTime due) {
  const LaneHandle handle = FindOrMake(key);
  Lane& lane = *lanes_.Get(handle);
  // A refill under way has a snapshot that may not know it.
  if (lane.window) lane.window->postponed_next = std::min(lane.window->postponed_next, due);
  if (due < lane.next_due) WakeAt(lane, handle, due);
}

Waiting Lanes::Take(Lane& lane) {
  LaneWindow& window = *lane.window;
  CHECK(!window.ready.empty());
  Waiting waiting = std::move(window.ready.front());
  window.ready.pop_front();
  ++window.in_flight;
  CHECK(lane.site->ready > 0);
  --lane.site->ready;
  return waiting;
}

void Lanes::PutBack(LaneHandle handle, Waiting waiting) {
  Lane& lane = *lanes_.Get(handle);
  LaneWindow& window = *lane.window;
  CHECK(window.in_flight > 0);
  --window.in_flight;
  window.ready.push_front(std::move(waiting));
  ++lane.site->ready;
  owner_.OnReady(lane, handle);
}

void Lanes::Committing(Lane& lane) {
  LaneWindow& window = *lane.window;
  CHECK(window.in_flight > 0);
  --window.in_flight;
  shares_.Gave(lane.tenant);
  ++window.committing;
  window.exact = false;
}

void Lanes::Forget(LaneWindow& window, queue::RecipientId id) {
  if (window.refilling) {
    window.gone.push_back(id);
  } else {
    window.loaded.erase(id);
  }
}

void Lanes::Finished(LaneHandle handle, queue::RecipientId id, bool indexed) {
  Lane& lane = *lanes_.Get(handle);
  LaneWindow& window = *lane.window;
  CHECK(window.committing > 0);
  --window.committing;
  if (indexed) {
    // A row may be found and settled before its lane hears that it is there (Shard::Capture).
    if (lane.on_disk > 0) --lane.on_disk;
    Forget(window, id);
  }
  Refill(lane, handle);
  Tidy(handle);
}

void Lanes::Postponed(LaneHandle handle, queue::RecipientId id, bool indexed, WallTime due) {
  Lane& lane = *lanes_.Get(handle);
  LaneWindow& window = *lane.window;
  CHECK(window.committing > 0);
  --window.committing;
  if (indexed) {
    Forget(window, id);
  } else {
    ++lane.on_disk;
  }
  window.postponed_next = std::min(window.postponed_next, due);
  if (due < lane.next_due) WakeAt(lane, handle, due);
  Refill(lane, handle);
  Tidy(handle);
}

void Lanes::Abandon(LaneHandle handle) {
  Lane& lane = *lanes_.Get(handle);
  CHECK(lane.window->committing > 0);
  --lane.window->committing;
  Tidy(handle);
}

void Lanes::Spill(Lane& lane, LaneHandle handle, Waiting waiting) {
  CHECK(!waiting.indexed);
  ++lane.Window().committing;
  lane.window->exact = false;
  waiting.recipient.due = std::max(waiting.recipient.due, shard_.clock.Wall());
  spilled_.push_back({handle, waiting.recipient.id, waiting.recipient.due});
  spills_.postpones.push_back({std::move(waiting.recipient), lane.key.ToKey()});
  if (spilled_.size() >= kSpillMax) SubmitSpills();
}

void Lanes::SubmitSpills() {
  if (spilled_.empty()) return;
  std::vector<queue::Postpone> rows = spills_.postpones;  // should they have to be written anew
  links_.Submit(std::exchange(spills_, {}), false,
                [this, spilled = std::exchange(spilled_, {}),
                 rows = std::move(rows)](const queue::Committed& committed) mutable {
                  if (!committed.status)
                    return SpillFailed(spilled, std::move(rows), committed.status.error());
                  for (const Spilled& one : spilled) Postponed(one.lane, one.id, false, one.due);
                });
}

// One damaged record fails the whole change: each is written alone then.
void Lanes::SpillFailed(const std::vector<Spilled>& spilled, std::vector<queue::Postpone> rows,
                        const Error& why) {
  const bool broken = links_.writer().broken();  // has said so itself
  if (spilled.size() > 1 && !broken) {
    SubmitSpills();  // what this turn has put aside
    for (size_t i = 0; i < spilled.size(); ++i) {
      spilled_.push_back(spilled[i]);
      spills_.postpones.push_back(std::move(rows[i]));
      SubmitSpills();
    }
    return;
  }
  // Not written, so not in the due index: the recovery sweep of the next start finds them.
  if (!broken)
    LogError("queue", "a recipient of " + FormatMessageId(spilled.front().id.message) +
                          " could not be put aside; it waits until the next start: " + why.what);
  for (const Spilled& one : spilled) Abandon(one.lane);
}

void Lanes::Evict(Lane& lane, LaneHandle handle) {
  if (lane.ready() == 0) return;
  std::deque<Waiting> ready = std::move(lane.window->ready);
  lane.window->ready.clear();
  CHECK(lane.site->ready >= ready.size());
  lane.site->ready -= ready.size();
  shares_.Gave(lane.tenant, ready.size());
  for (Waiting& waiting : ready) {
    if (waiting.indexed) {
      Forget(*lane.window, waiting.recipient.id);
      // A refill under way passes it over as one that is loaded, and then sets the wake-up anew.
      lane.window->postponed_next = std::min(lane.window->postponed_next, waiting.recipient.due);
      if (waiting.recipient.due < lane.next_due) WakeAt(lane, handle, waiting.recipient.due);
    } else {
      Spill(lane, handle, std::move(waiting));
    }
  }
}

void Lanes::WakeAt(Lane& lane, LaneHandle handle, WallTime due) {
  lane.next_due = due;
  if (due == WallTime::max()) return;
  wakes_.push({due, handle});
  if (wakes_.top().lane == handle && wakes_.top().due == due)
    timer_.Set(shard_.clock.Now() + std::max(Duration(0), due - shard_.clock.Wall()));
}

void Lanes::OnTimer() {
  // A slice a turn: a million lanes that become due at once must not stop the loop.
  static constexpr int kSlice = 1'000;
  const WallTime now = shard_.clock.Wall();
  for (int i = 0; i < kSlice && !wakes_.empty() && wakes_.top().due <= now; ++i) {
    const Wake wake = wakes_.top();
    wakes_.pop();
    Lane* lane = lanes_.Get(wake.lane);
    if (lane != nullptr && lane->next_due == wake.due) Refill(*lane, wake.lane);
  }
  if (!wakes_.empty())
    timer_.Set(shard_.clock.Now() + std::max(Duration(0), wakes_.top().due - now));
}

Lanes::Refilled Lanes::Read(queue::Queue& queue, const queue::LaneId& lane, WallTime now,
                            size_t limit) {
  Refilled out{.rows = queue.Due(lane, now, limit, nullptr), .damaged = {}};
  if (!out.rows) return out;
  if (out.rows->size() >= limit) {
    out.more = true;
    return out;
  }
  // What is due is read; when is the next one? The index is walked again, one row further. Commits
  // may have come between the two walks: rows of the first may be gone in the second.
  const size_t further = out.rows->size() + 1;
  const auto ahead = queue.Due(lane, WallTime::max(), further, &out.damaged);
  if (!ahead) {
    out.rows = std::unexpected(ahead.error());
    return out;
  }
  const auto next = std::ranges::find_if(
      *ahead, [now](const queue::LoadedRecipient& row) { return row.recipient.due > now; });
  if (next != ahead->end()) {
    out.next = next->recipient.due;
  } else {
    out.more = ahead->size() == further;
  }
  return out;
}

void Lanes::Refill(Lane& lane, LaneHandle handle) {
  if (lane.on_disk == 0 || lane.next_due > shard_.clock.Wall()) return;
  // max_age runs in every state: once something has expired, a suspended lane is read on until a
  // page brings nothing that has.
  const bool expiring = lane.window != nullptr && lane.window->expiring;
  if (Suspended(lane) && !expiring) return;
  LaneWindow& window = lane.Window();
  const bool probing = lane.site != nullptr && lane.site->probing;
  const size_t room = probing && !expiring ? kProbeWindow : WindowLimit(lane);
  if (window.refilling || window.ready.size() > room / 2) return;
  if (expiring && window.loaded.size() >= kWindowMax) return;  // until those are written down
  window.refilling = true;
  window.exact = window.committing == 0;
  window.postponed_next = WallTime::max();
  const size_t limit = window.loaded.size() + room - window.ready.size();
  links_.Ask(
      [this, handle, id = lane.id, now = shard_.clock.Wall(), limit](queue::Queue& queue) -> Task {
        return [this, handle, refilled = Read(queue, id, now, limit)]() mutable {
          OnRefilled(handle, std::move(refilled));
        };
      });
}

void Lanes::OnRefilled(LaneHandle handle, Refilled refilled) {
  Lane& lane = *lanes_.Get(handle);
  LaneWindow& window = *lane.window;
  CHECK(window.refilling);
  for (const queue::RecipientId& id : refilled.damaged) owner_.OnDamaged(lane, id);
  const WallTime now = shard_.clock.Wall();
  Ref<const SharedMessage> last;
  if (refilled.rows && !refilled.rows->empty()) WakeUp(lane, handle);
  const bool suspended = Suspended(lane);
  WallTime passed_over = WallTime::max();
  window.expiring = false;
  if (refilled.rows) {
    for (queue::LoadedRecipient& row : *refilled.rows) {
      if (window.loaded.contains(row.recipient.id)) continue;
      if (!last || last->message.id != row.message.id)
        last = MakeRef<SharedMessage>(std::move(row.message));
      Waiting waiting{last, std::move(row.recipient), {}, true};
      if (owner_.MayExpireHere(lane, waiting) &&
          IsExpired(shard_.config->retry, last->message, waiting.recipient, now)) {
        window.loaded.insert(waiting.recipient.id);
        ++window.in_flight;
        shares_.Took(lane.tenant);
        window.expiring = true;
        owner_.OnExpired(lane, handle, std::move(waiting));
      } else if (!suspended) {
        Push(lane, handle, std::move(waiting));
      } else {
        passed_over = std::min(passed_over, waiting.recipient.due);
      }
    }
  }
  // The walk saw every row of the lane. Its count may be too high: a row written while the recovery
  // was still reading lanes is told of twice.
  if (refilled.rows && window.exact && !refilled.more && refilled.next == WallTime::max())
    lane.on_disk = refilled.rows->size() + refilled.damaged.size();
  window.refilling = false;
  for (const queue::RecipientId& id : window.gone) window.loaded.erase(id);
  window.gone.clear();
  WallTime next = refilled.more || !refilled.rows ? now : refilled.next;
  // A disk that cannot be read is asked again in a while, not at once.
  if (!refilled.rows) next = now + Duration(10'000'000);
  WakeAt(lane, handle, std::min({next, window.postponed_next, passed_over}));
  Tidy(handle);
}

void Lanes::Tidy(LaneHandle handle) {
  Lane* lane = lanes_.Get(handle);
  // What is still `loaded` then was abandoned: the set must stay, or a refill brings it back.
  if (lane == nullptr || !lane->asleep() || (lane->window && !lane->window->loaded.empty())) return;
  // Rows are counted, but nothing is known to be due: the count may be too high (OnRefilled), and
  // one exact look puts it right.
  if (lane->on_disk > 0 && lane->next_due == WallTime::max() && lane->window &&
      !lane->window->exact)
    lane->next_due = shard_.clock.Wall();
  lane->window.reset();
  // A site in trouble keeps its lanes: it wakes them itself when it may be tried again.
  const bool trouble = lane->site != nullptr && (lane->site->failures > 0 || Suspended(*lane));
  if (lane->site != nullptr && (lane->on_disk == 0 || !trouble)) owner_.OnLaneAsleep(*lane, handle);
  // Who sleeps with rows on disk has a wake-up pending, whatever became of earlier ones.
  if (lane->on_disk > 0) return WakeAt(*lane, handle, lane->next_due);
  Drop(*lane, handle);
}

}  // namespace sluice::engine
