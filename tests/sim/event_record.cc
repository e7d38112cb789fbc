#include "tests/sim/event_record.h"

#include "engine/base/message_id.h"

namespace sluice::sim {

void EventRecord::Fault(const queue::Event& event, const std::string& what) {
  faults_.push_back(FormatMessageId(event.message) + " " + event.recipient + ": " + what);
}

void EventRecord::Add(uint64_t id, const queue::Event& event) {
  const auto [it, fresh] = events_.emplace(id, event);
  if (!fresh) {
    if (!(it->second == event)) Fault(event, "one event id tells two things");
    return;
  }
  world_.Note("event " + std::to_string(id) + " " + std::to_string(int(event.type)) + " " +
              FormatMessageId(event.message) + " " + event.recipient + " " + event.reason + " " +
              event.text);
  if (event.type == queue::EventType::kAlert) {
    alerts_.push_back(event.reason);
    return;
  }
  if (event.type == queue::EventType::kOrder) return AddOrder(event);
  if (!event.source.empty()) attempts_.push_back({event.time, event.source});
  RecipientFate& fate = fates_[{event.message, event.recipient_index}];
  fate.recipient = event.recipient;
  fate.campaign = event.campaign;
  if (event.type == queue::EventType::kAccepted) {
    if (++fate.accepted > 1) Fault(event, "accepted twice");
    return;
  }
  if (fate.accepted == 0) Fault(event, "an event before it was accepted");
  if (fate.finals > 0) Fault(event, "an event after its end");
  if (event.type == queue::EventType::kDelivered && event.time < fate.next_due)
    Fault(event, "tried before it was due");
  if (event.type == queue::EventType::kDeferred) {
    ++fate.deferrals;
    if (event.time < fate.next_due) Fault(event, "tried before it was due");
    if (event.next_due <= event.time) Fault(event, "deferred into the past");
    if (retries_.empty()) fate.next_due = event.next_due;
    return;
  }
  ++fate.finals;
  fate.final = event.type;
  fate.reason = event.reason;
  fate.source = event.source;
}

// From a retry to its end, what is deferred may be due at any time.
void EventRecord::AddOrder(const queue::Event& event) {
  if (event.text.find(": retry ") == std::string::npos) return;
  if (event.reason == "retry") retries_.insert(event.text);
  if (event.reason == "done") retries_.erase(event.text);
  for (auto& [id, fate] : fates_) fate.next_due = {};
}

size_t EventRecord::CountFinal(queue::EventType type) const {
  size_t n = 0;
  for (const auto& [id, fate] : fates_) n += fate.finals > 0 && fate.final == type ? 1 : 0;
  return n;
}

}  // namespace sluice::sim
