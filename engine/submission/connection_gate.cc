#include "engine/submission/connection_gate.h"

#include "engine/base/check.h"
#include "engine/base/random.h"
#include "engine/submission/login_guard.h"

namespace sluice::engine {
namespace {

// Counts one more; false, and not counted, when that is over `limit`.
bool Take(std::atomic<uint32_t>& counter, uint32_t limit) {
  if (counter.fetch_add(1, std::memory_order_relaxed) < limit) return true;
  counter.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void Give(std::atomic<uint32_t>& counter) {
  const uint32_t before = counter.fetch_sub(1, std::memory_order_relaxed);
  CHECK(before > 0);
}

}  // namespace

std::atomic<uint32_t>& ConnectionGate::SlotOf(const IpAddress& peer) {
  const IpAddress client = ClientOf(peer);
  uint64_t hash = seed_;
  for (const uint8_t byte : client.bytes()) hash = Random(hash ^ byte).Next();
  return slots_[hash % kSlots];
}

ConnectionGate::Answer ConnectionGate::Enter(const IpAddress& peer, bool trusted, uint32_t limit,
                                             uint32_t limit_per_address) {
  if (!Take(total_, limit)) return Answer::kFull;
  if (trusted || Take(SlotOf(peer), limit_per_address)) return Answer::kWelcome;
  Give(total_);
  return Answer::kAddressFull;
}

void ConnectionGate::Leave(const IpAddress& peer, bool trusted) {
  Give(total_);
  if (!trusted) Give(SlotOf(peer));
}

}  // namespace sluice::engine
