// Stored records from any octets: decoding never reads beyond, and what it takes as sound survives
// being written and read again. The first octet picks the kind; the checksum is made right half of
// the time, or nothing would get past it.

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "queue/codec.h"
#include "queue/event_codec.h"
#include "tests/fuzz/fuzz_target.h"

namespace sluice::queue {
namespace {

constexpr uint64_t kKey = 5;  // all records lie under a key that hashes to 5

void Message_(const std::string& record) {
  MessageRecord out;
  MessageHead head;
  const bool sound = DecodeMessage(record, kKey, out);
  CHECK(!sound || DecodeMessageHead(record, kKey, head));
  if (!sound) return;
  CHECK(head.open == out.open && head.body == out.message.body);
  std::string again;
  EncodeMessage(out.message, out.open, again);
  MessageRecord second;
  CHECK(DecodeMessage(again, kKey, second));
  CHECK(second.message == out.message);
  PatchMessageHead(again, kKey, {1, {}});
  CHECK(DecodeMessage(again, kKey, second));
}

void Recipient_(const std::string& record) {
  const RecipientId id{0, uint32_t(kKey)};
  RecipientRecord out;
  if (!DecodeRecipient(record, id, out)) return;
  RecipientHead head;
  CHECK(DecodeRecipientHead(record, id, head));
  CHECK(head.has_due == out.has_due && head.lane == out.lane);
  std::string again;
  EncodeRecipient(out.recipient, out.has_due ? &out.lane : nullptr, again);
  RecipientRecord second;
  CHECK(DecodeRecipient(again, id, second));
  out.recipient.last_reply.resize(std::min(out.recipient.last_reply.size(), kMaxReplyText));
  CHECK(second.recipient == out.recipient);
}

void Row_(const std::string& record) {
  OutboxRow row;
  row.part = uint32_t(kKey);
  if (!DecodeEventRow(record, row)) return;
  EventRows rows;
  std::vector<Event> events;
  for (const OutboxRow::Item& item : row.items) events.push_back(item.event);
  size_t seen = 0;
  const auto sink = [&](uint32_t part, std::string_view stored) {
    OutboxRow second;
    second.commit = 9;
    second.part = part;
    CHECK(DecodeEventRow(stored, second));
    seen += second.items.size();
  };
  rows.Begin(9);
  for (const Event& event : events) rows.Add(event, sink);
  rows.Finish(sink);
  CHECK(seen == events.size());
}

void Rest_(const std::string& record) {
  LaneRow lane;
  SegmentRow segment;
  StateRow state;
  uint64_t seed;
  if (DecodeLane(record, {kKey, 0}, lane)) {
    std::string again;
    EncodeLane(lane, again);
    CHECK(DecodeLane(again, lane.id, lane));
  }
  if (DecodeSegment(record, uint32_t(kKey), segment)) CHECK(segment.used <= segment.size);
  Suspension suspension;
  bool known = false;
  if (DecodeSuspension(record, {kKey, 0}, suspension, known) && known) {
    std::string again;
    EncodeSuspension(suspension, {kKey, 0}, again);
    Suspension second;
    CHECK(DecodeSuspension(again, {kKey, 0}, second, known) && known);
    suspension.reason.resize(std::min(suspension.reason.size(), kMaxReplyText));
    CHECK(second == suspension);
  }
  Order order;
  if (DecodeOrder(record, kKey, order, known) && known) {
    std::string again;
    EncodeOrder(order, again);
    Order second;
    CHECK(DecodeOrder(again, kKey, second, known) && known);
    for (std::string* text :
         {&order.name, &order.tenant, &order.source, &order.value, &order.why, &order.by})
      text->resize(std::min(text->size(), kMaxOrderText));
    CHECK(second == order);
  }
  (void)DecodeState(record, state);
  (void)DecodeSeed(record, seed);
}

void Feed(std::string_view input) {
  if (input.empty()) return;
  const uint8_t kind = uint8_t(input[0]);
  std::string record(input.substr(1));
  if ((kind & 0x80) == 0) {
    record.resize(std::max(record.size(), kEnvelope));
    SealRecord(record, kKey);
  }
  switch (kind & 3) {
    case 0:
      return Message_(record);
    case 1:
      return Recipient_(record);
    case 2:
      return Row_(record);
    default:
      return Rest_(record);
  }
}

}  // namespace
}  // namespace sluice::queue

FUZZ_TARGET(queue_record) { sluice::queue::Feed(input); }
