#include "tests/sim/sim_world.h"

#include <algorithm>

#include "engine/base/check.h"

namespace sluice::sim {
namespace {

constexpr size_t kNotesKept = 200;

// FNV-1a: a fingerprint of a run, no defence against anybody.
void Mix(uint64_t& hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash ^= uint8_t(c);
    hash *= 0x100000001b3u;
  }
}

}  // namespace

void SimWorld::ScheduleAt(Instant when, std::function<void()> what) {
  CHECK(when >= now());
  CHECK(when != kNever);
  heap_.push_back({when, sequence_++, std::move(what)});
  std::push_heap(heap_.begin(), heap_.end(), Later());
}

int SimWorld::AddTurnHook(std::function<void()> hook) {
  hooks_.emplace_back(next_hook_, std::move(hook));
  return next_hook_++;
}

void SimWorld::RemoveTurnHook(int id) {
  std::erase_if(hooks_, [id](const auto& hook) { return hook.first == id; });
}

Instant SimWorld::next() const {
  Instant out = heap_.empty() ? kNever : heap_.front().when;
  for (const TimerQueue* timers : timers_) out = std::min(out, timers->next());
  // A deadline in the past is due now.
  return out == kNever ? kNever : std::max(out, now());
}

bool SimWorld::Step() {
  CHECK(!stepping_);
  const Instant when = next();
  if (when == kNever) return false;
  steps_at_this_time_ = when > now() ? 0 : steps_at_this_time_ + 1;
  CHECK(steps_at_this_time_ < kStepsAtOneTimeMax);
  clock_.MoveTo(when);
  stepping_ = true;
  ++steps_;
  if (!heap_.empty() && heap_.front().when <= when) {
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    const Event event = std::move(heap_.back());
    heap_.pop_back();
    event.what();
  } else {
    const auto due = std::find_if(timers_.begin(), timers_.end(),
                                  [&](const TimerQueue* timers) { return timers->next() <= when; });
    CHECK(due != timers_.end());
    (*due)->Run(when);
  }
  // By index and by copy: a hook may add or remove hooks.
  for (size_t i = 0; i < hooks_.size(); ++i) {
    const std::function<void()> hook = hooks_[i].second;
    hook();
  }
  stepping_ = false;
  return true;
}

void SimWorld::RunUntil(Instant when) {
  while (next() <= when) Step();
  clock_.MoveTo(std::max(when, now()));
}

bool SimWorld::RunUntil(const std::function<bool()>& done, Duration bound) {
  const Instant end = now() + bound;
  while (!done() && next() <= end) Step();
  return done();
}

bool SimWorld::RunToEnd(Duration bound) {
  const Instant end = now() + bound;
  while (next() <= end) Step();
  return next() == kNever;
}

void SimWorld::Note(std::string_view text) {
  std::string line = std::to_string(MicrosOf(now())) + " ";
  line.append(text);
  Mix(trace_hash_, line);
  Mix(trace_hash_, "\n");
  if (notes_.size() < kNotesKept) {
    notes_.push_back(std::move(line));
  } else {
    notes_[noted_ % kNotesKept] = std::move(line);
  }
  ++noted_;
}

std::string SimWorld::LastNotes() const {
  std::string out = "seed " + std::to_string(seed_) + ", the last notes:\n";
  const size_t first = notes_.size() < kNotesKept ? 0 : noted_ % kNotesKept;
  for (size_t i = 0; i < notes_.size(); ++i) {
    const std::string& note = notes_[(first + i) % notes_.size()];
    out.append("  ").append(note).append("\n");
  }
  return out;
}

}  // namespace sluice::sim
