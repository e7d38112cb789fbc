// engine/shard/rotation.h — whose turn it is among the sources of a pool, at one site.
//
// PURPOSE   Shares a site's recipients out over the members of the pool by their weights, exactly:
//           each member carries what it has had, divided by its weight, and who would be least
//           ahead after one more goes next. Also keeps how often each one failed there.
// RULES     Who cannot send (suspended, paused, no address) has no claim to what it missed. Who
//           can, and has not got a connection yet, is waited for, but never longer than kPatience.
// NOT HERE  Who can send (the scheduler says so), connections, suspensions.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_ROTATION_H_
#define SLUICE_ENGINE_SHARD_ROTATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "engine/base/time.h"

namespace sluice::engine {

// What a recipient's record keeps of a source's name. Never 0.
uint32_t SourceMark(std::string_view source);

class Rotation {
 public:
  static constexpr size_t kNobody = SIZE_MAX;
  // A member that has asked for no work this long is not waited for: its receiver keeps it.
  static constexpr Duration kPatience{10'000'000};
  // So many recipients a member may be ahead of the others, so that its connections need not stand
  // still for a moment's difference.
  static constexpr uint32_t kAhead = 3;
  // Rests of a member whose address or proxy fails: this long at first, doubled each time.
  static constexpr Duration kFirstRest{30'000'000};
  static constexpr Duration kLongestRest{3'600'000'000};

  struct Member {
    std::string source;
    uint32_t weight = 1;
    uint32_t mark = 0;
    uint64_t had = 0;       // recipients, scaled by 1 / weight
    uint32_t open = 0;      // connections
    uint32_t failures = 0;  // of its own, in a row
    Instant asked{};        // when a connection of it last asked for work, or was begun
  };
  // How a member stands when a connection is to be opened.
  enum class Standing : uint8_t {
    kMayOpen,
    kMayNotOpen,  // it can send, over what it has
    kOut,         // it cannot send at all
  };
  using StandingOf = std::function<Standing(size_t)>;

  // Of a pool as it is now; what is known of members that stay is kept.
  void Renew(const std::vector<config::PoolMember>& members);

  size_t size() const { return members_.size(); }
  Member& operator[](size_t i) { return members_[i]; }
  const Member& operator[](size_t i) const { return members_[i]; }
  // kNobody: it is no member (any more).
  size_t Find(std::string_view source) const;
  size_t FindMark(uint32_t mark) const;

  // For whom the next connection is to be opened; kNobody: for none. Members that are out lose
  // their claims.
  size_t NextToOpen(const StandingOf& standing);
  // May `who`, that has a connection, have the next recipient? Not while somebody is too far behind
  // who has a connection too, or may open one.
  bool InTurn(size_t who, const StandingOf& standing, Instant now) const;
  void Took(size_t who, uint32_t recipients);
  // They were not tried after all.
  void GaveBack(size_t who, uint32_t recipients);
  // Another failure of its own; how long it rests.
  Duration Failed(size_t who);

 private:
  static constexpr uint64_t kScale = uint64_t(1) << 24;
  static constexpr uint32_t kDoublingsMax = 7;
  static_assert(kFirstRest * (1 << kDoublingsMax) >= kLongestRest);

  uint64_t StepOf(const Member& member) const { return kScale / member.weight; }
  uint64_t NextOf(const Member& member) const { return member.had + StepOf(member); }

  std::vector<Member> members_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_ROTATION_H_
