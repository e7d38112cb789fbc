// engine/submission/failed_logins.h — which failed logins the log tells of.
//
// PURPOSE   An operator must see that somebody fails to log in, and from where; a robot that guesses
//           must not fill the log. One line for each client and kWindow, kLinesMax in all; what was
//           left out is counted in the next line.
// RULES     No passwords; of the name printable ASCII only, and kNameShown octets at most.

#ifndef SLUICE_ENGINE_SUBMISSION_FAILED_LOGINS_H_
#define SLUICE_ENGINE_SUBMISSION_FAILED_LOGINS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "engine/base/ip_address.h"
#include "engine/base/time.h"

namespace sluice::engine {

class FailedLogins {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(60);
  static constexpr size_t kLinesMax = 20;
  static constexpr size_t kNameShown = 64;

  // The line for the log; none: not this one.
  std::optional<std::string> Failed(std::string_view user, const IpAddress& peer, Instant now);

 private:
  Instant began_{};           // of the window
  std::set<IpAddress> told_;  // clients that have their line in it
  uint64_t unsaid_ = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_FAILED_LOGINS_H_
