#include "engine/submission/fault_alerts.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace sluice::engine {
namespace {

constexpr char kOthers[] = "further senders";

}  // namespace

std::string FaultAlerts::KeyOf(const std::string& sender, Instant now) {
  if (entries_.contains(sender) || entries_.size() < kSendersMax) return sender;
  std::erase_if(entries_, [now](const auto& entry) {
    return entry.second.untold == 0 && entry.second.told + kEvery <= now;
  });
  return entries_.size() < kSendersMax ? sender : kOthers;
}

void FaultAlerts::Note(const std::string& sender, const smtp::Answer& fault, uint64_t count) {
  const Instant now = clock_.Now();
  const std::string key = KeyOf(sender, now);
  const auto [found, fresh] = entries_.try_emplace(key);
  Entry& entry = found->second;
  entry.untold += count;
  entry.last = fault;
  if (fresh || now >= entry.told + kEvery) return Tell(key, entry, now);
  const Instant due = entry.told + kEvery;
  if (due < timer_.when()) timer_.Set(due);
}

void FaultAlerts::Tell(const std::string& key, Entry& entry, Instant now) {
  const bool by_message = std::string_view(reason_) == kMessageFault;
  const bool one = entry.untold == 1;
  const smtp::Answer& fault = entry.last;
  std::string text = key + ": " + std::to_string(entry.untold) +
                     (one ? " message was" : " messages were") + " refused for ";
  if (by_message)
    text += one ? "a fault of its own" : "a fault of their own";
  else
    text += one ? "its From" : "their From";
  text += ", the last with: " + std::to_string(fault.code) + " " + fault.enhanced + " " +
          fault.text + "; nobody gets what the client does not ";
  text += by_message ? "mend and send again" : "send again (docs/domains.md)";
  entry.told = now;
  entry.untold = 0;
  intake_.Alert(reason_, std::move(text));
}

void FaultAlerts::TellDue() {
  const Instant now = clock_.Now();
  Instant next = kNever;
  for (auto& [key, entry] : entries_) {
    if (entry.untold == 0) continue;
    if (entry.told + kEvery <= now)
      Tell(key, entry, now);
    else
      next = std::min(next, entry.told + kEvery);
  }
  if (next != kNever) timer_.Set(next);
}

}  // namespace sluice::engine
