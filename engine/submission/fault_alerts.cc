#include "engine/submission/fault_alerts.h"

namespace sluice::engine {
namespace {

constexpr char kOthers[] = "further senders";

}  // namespace

std::string FaultAlerts::KeyOf(const std::string& sender, Instant now) {
  if (entries_.contains(sender) || entries_.size() < kSendersMax) return sender;
  std::erase_if(entries_, [now](const auto& entry) { return entry.second.told + kEvery <= now; });
  return entries_.size() < kSendersMax ? sender : kOthers;
}

std::optional<std::string> FaultAlerts::Note(const std::string& sender, const smtp::Answer& fault,
                                             uint64_t count, Instant now) {
  const std::string key = KeyOf(sender, now);
  const auto [found, fresh] = entries_.try_emplace(key);
  Entry& entry = found->second;
  entry.untold += count;
  if (!fresh && now < entry.told + kEvery) return std::nullopt;
  std::string text =
      key + ": " + std::to_string(entry.untold) +
      (entry.untold == 1 ? " message was" : " messages were") +
      " refused for a fault of their own, the last with: " + std::to_string(fault.code) + " " +
      fault.enhanced + " " + fault.text +
      "; nobody gets what the client does not mend and send again";
  entry = {now, 0};
  return text;
}

}  // namespace sluice::engine
