#include "engine/submission/fault_alerts.h"

#include <string_view>

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
  const bool by_message = std::string_view(reason_) == kMessageFault;
  std::string text =
      key + ": " + std::to_string(entry.untold) +
      (entry.untold == 1 ? " message was" : " messages were") + " refused for " +
      (by_message ? "a fault of their own" : "their From") +
      ", the last with: " + std::to_string(fault.code) + " " + fault.enhanced + " " + fault.text +
      (by_message ? "; nobody gets what the client does not mend and send again"
                  : "; nobody gets what the client does not send again (docs/domains.md)");
  entry = {now, 0};
  return text;
}

}  // namespace sluice::engine
