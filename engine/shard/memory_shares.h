// engine/shard/memory_shares.h — how many recipients each tenant may keep in a shard's memory.
//
// PURPOSE   One tenant's million must leave room for another's ten. What a tenant may hold depends
//           on what is free: whoever holds much gets small windows long before memory is full, and
//           a newcomer always finds room. Transactional mail has some room of its own.
// LIMITS    Windows shrink, they never close: a lane may always hold kLeast, so that none stands
//           still. That much is not bounded but by the number of lanes with mail that is due.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_MEMORY_SHARES_H_
#define SLUICE_ENGINE_SHARD_MEMORY_SHARES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/name_table.h"
#include "queue/records.h"

namespace sluice::engine {

class MemoryShares {
 public:
  // Recipients of a shard, about 500 octets each without content.
  static constexpr size_t kShardMax = 50'000;
  static constexpr size_t kTransactionalMax = 10'000;  // beyond those
  // Of one lane, by how much its tenant holds.
  static constexpr size_t kWindowMax = 1'000;
  static constexpr size_t kSmall = 32;
  static constexpr size_t kLeast = 2;
  // A tenant may hold this many times what is free, and always kTenantLeast.
  static constexpr size_t kOfFree = 2;
  static constexpr size_t kTenantLeast = 1'000;

  // One more lane of the tenant; its name as a number, for the other calls.
  uint32_t Hold(std::string_view tenant) {
    const uint32_t place = tenants_.Hold(tenant);
    if (place >= held_.size()) held_.resize(place + 1);
    return place;
  }
  void Drop(uint32_t tenant) { tenants_.Drop(tenant); }
  const std::string& NameOf(uint32_t tenant) const { return tenants_.Text(tenant); }

  void Took(uint32_t tenant) {
    ++held_[tenant];
    ++total_;
  }
  void Gave(uint32_t tenant, size_t count = 1) {
    CHECK(held_[tenant] >= count);
    CHECK(total_ >= count);
    held_[tenant] -= count;
    total_ -= count;
  }
  size_t total() const { return total_; }

  // How many recipients a lane of the tenant may hold now.
  size_t WindowOf(uint32_t tenant, queue::MailClass mail_class) const {
    const bool urgent = mail_class == queue::MailClass::kTransactional;
    const size_t budget = kShardMax + (urgent ? kTransactionalMax : 0);
    const size_t free = budget - std::min(budget, total_);
    const size_t share = std::max(kTenantLeast, free * kOfFree);
    const size_t held = held_[tenant];
    if (held < share / 2) return kWindowMax;
    return held < share ? kSmall : kLeast;
  }

 private:
  NameTable tenants_;
  std::vector<size_t> held_;  // by tenant
  size_t total_ = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_MEMORY_SHARES_H_
