// engine/submission/connection_gate.h — how many connections are open, in all and per address.
//
// PURPOSE   One for all shards and listeners, so that a limit means what it says however the kernel
//           spreads connections.
// THREADS   Enter and Leave from any thread; atomics only.
// LIMITS    Addresses (IPv6: /64 networks) share kSlots counters by keyed hash, so memory is fixed
//           and nobody can choose a neighbour. Two addresses in one slot share one limit.

#ifndef SLUICE_ENGINE_SUBMISSION_CONNECTION_GATE_H_
#define SLUICE_ENGINE_SUBMISSION_CONNECTION_GATE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "engine/base/ip_address.h"

namespace sluice::engine {

class ConnectionGate {
 public:
  enum class Answer : uint8_t { kWelcome, kFull, kAddressFull };

  explicit ConnectionGate(uint64_t seed) : seed_(seed) {}

  // kWelcome counts the connection: Leave with the same arguments when it ends. `trusted` peers
  // have no limit of their own.
  Answer Enter(const IpAddress& peer, bool trusted, uint32_t limit, uint32_t limit_per_address);
  void Leave(const IpAddress& peer, bool trusted);

  uint32_t total() const { return total_.load(std::memory_order_relaxed); }

 private:
  // Against the default limit of 10,000 connections.
  static constexpr size_t kSlots = 65'536;

  std::atomic<uint32_t>& SlotOf(const IpAddress& peer);

  const uint64_t seed_;
  std::atomic<uint32_t> total_{0};
  std::array<std::atomic<uint32_t>, kSlots> slots_{};
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_CONNECTION_GATE_H_
