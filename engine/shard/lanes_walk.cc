// engine/shard/lanes_walk.cc — the part of Lanes that lets an order go through all of a lane.
//
// HOW       A held lane counts as being refilled: nobody else reads its rows, and what leaves memory
//           meanwhile stays in `loaded` until the page that may still show it has come.

#include <algorithm>
#include <iterator>

#include "engine/base/check.h"
#include "engine/shard/lanes.h"

namespace sluice::engine {

bool Lanes::Hold(Lane& lane) {
  LaneWindow& window = lane.Window();
  if (window.refilling) return false;
  window.refilling = true;
  window.exact = false;
  window.postponed_next = WallTime::max();
  return true;
}

std::vector<Waiting> Lanes::TakeIf(Lane& lane, const std::function<bool(const Waiting&)>& meant) {
  std::vector<Waiting> out;
  std::deque<Waiting>& ready = lane.window->ready;
  const auto rest = std::stable_partition(ready.begin(), ready.end(),
                                          [&](const Waiting& one) { return !meant(one); });
  std::move(rest, ready.end(), std::back_inserter(out));
  ready.erase(rest, ready.end());
  lane.window->in_flight += uint32_t(out.size());
  if (out.empty()) return out;
  CHECK(lane.site->ready >= out.size());
  lane.site->ready -= out.size();
  return out;
}

Lanes::Claimed Lanes::Claim(Lane& lane, queue::RecipientId id) {
  LaneWindow& window = *lane.window;
  if (std::ranges::find(window.gone, id) != window.gone.end()) return Claimed::kLeaving;
  if (!window.loaded.insert(id).second) return Claimed::kInMemory;
  ++window.in_flight;
  shares_.Took(lane.tenant);
  return Claimed::kTaken;
}

void Lanes::PageDone(Lane& lane) {
  for (const queue::RecipientId& id : lane.window->gone) lane.window->loaded.erase(id);
  lane.window->gone.clear();
}

void Lanes::LetGo(Lane& lane, LaneHandle handle) {
  LaneWindow& window = *lane.window;
  CHECK(window.refilling);
  window.refilling = false;
  // A wake-up that came meanwhile found the lane held.
  if (lane.on_disk > 0) WakeAt(lane, handle, std::min(lane.next_due, window.postponed_next));
  Tidy(handle);
}

LaneHandle Lanes::Find(const queue::LaneKey& key) const {
  const queue::LaneId id = queue_.LaneIdOf(key);
  const uint32_t known =
      by_id_.Find(id.low, [&](uint32_t index) { return lanes_.At(index).id == id; });
  return known == kNoPlace ? LaneHandle{} : lanes_.HandleAt(known);
}

}  // namespace sluice::engine
