// engine/shard/quotas.h — how many recipients a user may have released in an hour and in a day.
//
// PURPOSE   Gives each recipient of a message that is being accepted its moment of release: now, or
//           the beginning of the first window that has room (design 12.1). What waits for a later
//           window is counted there, so windows fill in the order of acceptance.
// OWNERSHIP A user's owner shard, by hash of the name, counts; answers are asynchronous (later:
//           another machine).
// DURABLE   Counts are rows beside the suspensions, written with a change that follows; after a
//           crash a few may have to be counted anew, those of the last milliseconds.
// LIMITS    kWindowsMax windows ahead of a user; what does not fit goes in the last one.
// THREADS   Confined to its shard, but Load: before the loops run.
// TESTS     tests/shard/quotas_test.cc

#ifndef SLUICE_ENGINE_SHARD_QUOTAS_H_
#define SLUICE_ENGINE_SHARD_QUOTAS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/time.h"
#include "engine/base/time_zone.h"
#include "engine/shard/links.h"
#include "engine/shard/switchboard.h"
#include "queue/queue.h"

namespace sluice::engine {

// Recipients a user may have released in a clock hour and in a calendar day; 0: no limit.
struct QuotaLimits {
  uint64_t hourly = 0;
  uint64_t daily = 0;

  bool any() const { return hourly > 0 || daily > 0; }
};

// So many are released then. The past: now.
struct QuotaShare {
  WallTime from{};
  uint64_t count = 0;
};

// Those whose share begins later are due then, or when they have been held for too long.
void HoldBack(std::span<const QuotaShare> shares, const queue::Message& message, Duration max_hold,
              std::vector<queue::Recipient>& recipients);

class Quotas {
 public:
  // A year of hours.
  static constexpr size_t kWindowsMax = 8'784;
  using SharesFn = std::move_only_function<void(std::vector<QuotaShare>)>;

  // All outlive this.
  Quotas(uint32_t shard, const Clock& clock, Links& links, Switchboard& out)
      : shard_(shard), clock_(clock), links_(links), out_(out) {}
  // Those of all shards, by number; once, before the loops run.
  void Join(std::span<Quotas* const> peers) { peers_.assign(peers.begin(), peers.end()); }
  void Load(std::span<const queue::Suspension> kept);
  // Whose days count.
  void SetZone(TimeZone zone) { zone_ = std::move(zone); }

  // `done` hears the shares in order of time, on this shard's loop, possibly inside the call.
  void Take(const std::string& user, const QuotaLimits& limits, uint64_t recipients, SharesFn done);
  // Until when a user has no room, as far as it is known here; the past: there is some.
  WallTime FullUntil(const std::string& user) const;
  // Writes down what has changed. Once a turn.
  void Flush();

 private:
  // By the beginning of each window.
  using Windows = std::map<WallTime, uint64_t>;
  struct User {
    Windows hours;
    Windows days;
  };

  uint32_t OwnerOf(const std::string& user) const;
  // When there is room, and for how many.
  QuotaShare Find(User& user, const QuotaLimits& limits) const;
  std::vector<QuotaShare> TakeHere(const std::string& name, const QuotaLimits& limits,
                                   uint64_t recipients);
  void Count(const std::string& name, Windows& windows, char kind, WallTime window, uint64_t count);
  void DropPast(const std::string& name, User& user);
  static WallTime HourOf(WallTime t);

  const uint32_t shard_;
  const Clock& clock_;
  Links& links_;
  Switchboard& out_;
  std::vector<Quotas*> peers_;
  TimeZone zone_;
  std::unordered_map<std::string, User> users_;           // those this shard owns
  std::unordered_map<std::string, WallTime> full_until_;  // what this shard was told last
  // Of this turn: rows to write and to remove.
  std::map<std::string, queue::Suspension> changed_;
  std::set<std::string> over_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_QUOTAS_H_
