// tests/sim/mailroom.h — what all simulated receivers took, for the checkers.
//
// PURPOSE   Every (message, recipient) that a receiver took responsibility for, with its time and
//           whether the sender surely knows; and every rule of the protocol that the sender broke.

#ifndef SLUICE_TESTS_SIM_MAILROOM_H_
#define SLUICE_TESTS_SIM_MAILROOM_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/sim_world.h"

namespace sluice::sim {

struct Taken {
  Instant at{};
  std::string host;
  bool is_signed = false;  // has a DKIM-Signature
  std::string message;     // the value of X-Sim-Id, else of Message-ID, else ""
  std::string recipient;   // as in RCPT
  std::string sender;
  uint64_t connection = 0;
  uint64_t content_hash = 0;
  size_t octets = 0;
  bool tls = false;
  // The 250 was sent. False: the connection broke between the dot and the reply.
  bool replied = false;
  // Another command came after the 250 on this connection: the sender has read it. Unless the
  // sender crashed before its commit, a second copy after that is a fault.
  bool confirmed = false;
};

class Mailroom {
 public:
  explicit Mailroom(SimWorld& world) : world_(world) {}

  // Returns its place in all().
  size_t Add(Taken taken);
  void Confirm(size_t place) { taken_.at(place).confirmed = true; }
  // A rule that the sender broke.
  void Blame(const std::string& host, const std::string& what);

  const std::vector<Taken>& all() const { return taken_; }
  const std::vector<std::string>& violations() const { return violations_; }
  size_t CountOf(const std::string& message, const std::string& recipient) const;
  // Pairs (message, recipient) taken at all.
  size_t pairs() const { return by_pair_.size(); }
  // Second copies that nothing on the receivers' side excuses: an earlier one was confirmed.
  std::vector<std::string> UnexcusedDuplicates() const;
  // Copies beyond the first, excused or not.
  size_t CountDuplicates() const { return taken_.size() - by_pair_.size(); }

 private:
  SimWorld& world_;
  std::vector<Taken> taken_;
  std::map<std::pair<std::string, std::string>, std::vector<size_t>> by_pair_;
  std::vector<std::string> violations_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_MAILROOM_H_
