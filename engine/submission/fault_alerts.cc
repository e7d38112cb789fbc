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
  const bool one = entry.untold == 1;
  std::string text = key + ": " + std::to_string(entry.untold) +
                     (one ? " message was" : " messages were") + " refused for ";
  if (by_message)
    text += one ? "a fault of its own" : "a fault of their own";
  else
    text += one ? "its From" : "their From";
  text += ", the last with: " + std::to_string(fault.code) + " " + fault.enhanced + " " +
          fault.text + "; nobody gets what the client does not ";
  text += by_message ? "mend and send again" : "send again (docs/domains.md)";
  entry = {now, 0};
  return text;
}

}  // namespace sluice::engine
