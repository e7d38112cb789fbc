// engine/submission/fault_alerts.h — tells the operator of messages that were refused, for a fault
// of their own or for their From, without letting one client fill the log.
//
// PURPOSE   Platforms do not retry: a refused message is one that nobody will get, and somebody
//           must mend the client (design 12.7). The first fault of a sender is told at once, later
//           ones are counted and told kEvery after it, whether more come or not.
// LIMITS    kSendersMax senders are kept apart; beyond that the rest counts as one.
// THREADS   Confined to its owner.

#ifndef SLUICE_ENGINE_SUBMISSION_FAULT_ALERTS_H_
#define SLUICE_ENGINE_SUBMISSION_FAULT_ALERTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/shard/context.h"
#include "engine/submission/intake.h"
#include "smtp/answer.h"

namespace sluice::engine {

// The reasons of these alerts: something is wrong with the message itself; its From is not the
// sender's, not verified, or nobody can sign for it.
inline constexpr char kMessageFault[] = "message_fault";
inline constexpr char kSenderRefused[] = "sender_refused";

// Of an answer to a whole message: does it refuse the From (design 12.10, 12.11)?
inline bool IsSenderRefusal(const smtp::Answer& answer) {
  const std::string_view enhanced = answer.enhanced;
  return enhanced == "4.7.0" || enhanced == "5.7.1";
}

class FaultAlerts {
 public:
  static constexpr Duration kEvery = std::chrono::minutes(10);
  static constexpr size_t kSendersMax = 256;

  // `reason` is one of the above. Context and intake outlive this.
  FaultAlerts(const char* reason, const ShardContext& context, Intake& intake)
      : reason_(reason),
        clock_(context.clock),
        intake_(intake),
        timer_(context.timers, [this] { TellDue(); }) {}

  // `count` messages of `sender` were refused, the last one with `fault`.
  void Note(const std::string& sender, const smtp::Answer& fault, uint64_t count);

 private:
  struct Entry {
    Instant told{};
    uint64_t untold = 0;  // since then
    smtp::Answer last;    // of these
  };
  // Whose entry counts for `sender`; makes room by forgetting those that are quiet.
  std::string KeyOf(const std::string& sender, Instant now);
  void Tell(const std::string& key, Entry& entry, Instant now);
  void TellDue();

  const char* const reason_;
  const Clock& clock_;
  Intake& intake_;
  std::map<std::string, Entry> entries_;
  Timer timer_;  // set while something is untold
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_FAULT_ALERTS_H_
