#include "tests/sim/mailroom.h"

namespace sluice::sim {
namespace {

// A sender that breaks a rule each time must not fill memory before the test reports it.
constexpr size_t kViolationsKept = 1000;

}  // namespace

size_t Mailroom::Add(Taken taken) {
  taken.at = world_.now();
  world_.Note("taken " + taken.host + " " + taken.message + " " + taken.recipient);
  const size_t place = taken_.size();
  by_pair_[{taken.message, taken.recipient}].push_back(place);
  taken_.push_back(std::move(taken));
  return place;
}

void Mailroom::Blame(const std::string& host, const std::string& what) {
  world_.Note("violation " + host + " " + what);
  if (violations_.size() < kViolationsKept) violations_.push_back(host + ": " + what);
}

size_t Mailroom::CountOf(const std::string& message, const std::string& recipient) const {
  const auto found = by_pair_.find({message, recipient});
  return found == by_pair_.end() ? 0 : found->second.size();
}

std::vector<std::string> Mailroom::UnexcusedDuplicates() const {
  std::vector<std::string> out;
  for (const auto& [pair, places] : by_pair_) {
    bool was_confirmed = false;
    for (const size_t place : places) {
      if (was_confirmed) out.push_back(pair.first + " " + pair.second);
      was_confirmed = was_confirmed || taken_[place].confirmed;
    }
  }
  return out;
}

}  // namespace sluice::sim
