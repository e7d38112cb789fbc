// engine/shard/closings.h — whose mail is kept back, and until when.
//
// PURPOSE   Pauses, schedules and suspensions close a tenant or a campaign until a time;
//           the queues of sites skip what is closed (site_queue.h). Several reasons may close the
//           same mail, each ends by itself.
// THREADS   Confined to its shard. Knows no clock: TakeDue is given the time.

#ifndef SLUICE_ENGINE_SHARD_CLOSINGS_H_
#define SLUICE_ENGINE_SHARD_CLOSINGS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/base/time.h"
#include "queue/records.h"

namespace sluice::engine {

// A tenant, or one campaign of it.
struct MailOwner {
  std::string tenant;
  std::optional<std::string> campaign = {};  // none: all of the tenant's mail

  friend auto operator<=>(const MailOwner&, const MailOwner&) = default;
};

enum class CloseReason : uint8_t { kPause, kSchedule, kSuspension };

struct Closing {
  MailOwner owner;
  CloseReason reason = CloseReason::kPause;
  std::optional<queue::MailClass> mail_class = {};  // none: both

  friend auto operator<=>(const Closing&, const Closing&) = default;
};

class Closings {
 public:
  bool empty() const { return owners_.empty(); }
  // Closes, or moves the end of what is closed already. kNever: until Clear.
  void Set(const Closing& closing, Instant until);
  // False: it was not closed.
  bool Clear(const Closing& closing);

  // By any reason. A campaign is looked at by itself: its tenant may be closed besides.
  bool Covers(queue::MailClass mail_class, const MailOwner& owner) const;
  // Of those, the one that ends last; none: it is open.
  std::optional<std::pair<CloseReason, Instant>> Last(queue::MailClass mail_class,
                                                      const MailOwner& owner) const;
  // When this closing ends; none: it is not there.
  std::optional<Instant> Until(const Closing& closing) const;

  // The first end; kNever when there is none.
  Instant next() const { return ends_.empty() ? kNever : std::get<0>(*ends_.begin()); }
  // Ends what is due; whose it was.
  std::vector<MailOwner> TakeDue(Instant now);

  // f(const Closing&, Instant until), by owner.
  template <typename F>
  void ForEach(F&& f) const {
    for (const auto& [owner, ends] : owners_)
      for (uint8_t way = 0; way < kWays; ++way)
        if (ends[way]) f(ClosingOf(owner, way), *ends[way]);
  }

 private:
  // Reasons times scopes: transactional, bulk, both.
  static constexpr uint8_t kScopes = 3;
  static constexpr uint8_t kWays = 4 * kScopes;
  using Ends = std::array<std::optional<Instant>, kWays>;

  static uint8_t WayOf(const Closing& closing);
  static Closing ClosingOf(const MailOwner& owner, uint8_t way);

  std::map<MailOwner, Ends> owners_;
  std::set<std::tuple<Instant, const MailOwner*, uint8_t>> ends_;  // keys of owners_
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_CLOSINGS_H_
