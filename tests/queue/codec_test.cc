// Stored records: every field comes back; damaged ones never do, and never crash.
// Method: full and empty values; then each record cut at every octet, and with every bit turned.

#include "queue/codec.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "queue/event_codec.h"

namespace sluice::queue {
namespace {

constexpr MessageId kId = 0x123456789abcdef;
const RecipientId kRecipient{kId, 7};
const LaneId kLane{11, 12};

Message FullMessage() {
  Message m;
  m.id = kId;
  m.accepted = WallFromMicros(1'790'000'000'000'001);
  m.released = WallFromMicros(-5);
  m.sender = "bounce+token=abc@mail.example.com";
  m.tenant = "tenant";
  m.campaign = "campaign with spaces and \xc3\xbc";
  m.user = "user";
  m.envid = "env";
  m.pool = "pool";
  m.ret = DsnRet::kFull;
  m.flags = 0xffff;
  m.header_length = UINT32_MAX;
  m.recipients = 1000;
  m.body = {1, 2, uint64_t(1) << 40, 0xfedcba9876543210};
  m.cuts = {{0, 1}, {300, 70000}};
  m.window = {WallFromMicros(1'800'000'000'000'000), 540, 1'020, -300};
  m.signature = {700, 1, {}, {1, UINT64_MAX}};
  m.signature.body_hash.fill(0xab);
  return m;
}

Recipient FullRecipient() {
  Recipient r;
  r.id = kRecipient;
  r.address = "\"a b\"@example.com";
  r.orcpt = "rfc822;a@example.com";
  r.notify = 15;
  r.attempts = 65535;
  r.delay_told = true;
  r.due = WallFromMicros(INT64_MAX);
  r.released = WallFromMicros(1'790'000'000'000'002);
  r.last_reply = std::string(kMaxReplyText, 'r');
  r.source = UINT32_MAX;
  return r;
}

// Decodes; true when it says the record is sound. What it decoded is compared by the caller.
using Decode = std::function<bool(std::string_view)>;

// Whatever is cut off, and whichever bit is turned: refused, or the very value.
void ExpectGuarded(const std::string& record, const Decode& decode,
                   const std::function<bool()>& same) {
  ASSERT_TRUE(decode(record));
  ASSERT_TRUE(same());
  for (size_t n = 0; n < record.size(); ++n) {
    const std::string cut(record, 0, n);  // a copy, so that reading beyond is noticed
    EXPECT_TRUE(!decode(cut) || same()) << "cut at " << n;
  }
  for (size_t bit = 0; bit < record.size() * 8; ++bit) {
    std::string turned = record;
    turned[bit / 8] = char(turned[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_TRUE(!decode(turned) || same()) << "bit " << bit;
  }
}

TEST(QueueCodec, GuardsMessages) {
  for (const Message& m : {FullMessage(), [] {
                             Message empty;
                             empty.id = kId;
                             return empty;
                           }()}) {
    std::string record;
    EncodeMessage(m, 3, record);
    EXPECT_LE(record.size(), kMaxRecord);
    MessageRecord out;
    ExpectGuarded(
        record, [&](std::string_view r) { return DecodeMessage(r, kId, out); },
        [&] { return out.message == m && out.open == 3; });
    MessageHead head;
    ExpectGuarded(
        record, [&](std::string_view r) { return DecodeMessageHead(r, kId, head); },
        [&] { return head.body == m.body && head.open == 3; });
  }
}

TEST(QueueCodec, ReplacesTheHeadOfAMessageOnly) {
  std::string record;
  EncodeMessage(FullMessage(), 3, record);
  const BodyLocation moved{9, 2, 77, 78};
  PatchMessageHead(record, kId, {2, moved});
  MessageRecord out;
  ASSERT_TRUE(DecodeMessage(record, kId, out));
  Message expected = FullMessage();
  expected.body = moved;
  EXPECT_EQ(out.message, expected);
  EXPECT_EQ(out.open, 2u);
}

TEST(QueueCodec, GuardsRecipients) {
  Recipient bare;
  bare.id = kRecipient;
  for (const Recipient& r : {FullRecipient(), bare})
    for (const LaneId* lane : {&kLane, static_cast<const LaneId*>(nullptr)}) {
      std::string record;
      EncodeRecipient(r, lane, record);
      EXPECT_LE(record.size(), kMaxRecord);
      RecipientRecord out;
      ExpectGuarded(
          record, [&](std::string_view b) { return DecodeRecipient(b, kRecipient, out); },
          [&] {
            return out.recipient == r && out.has_due == (lane != nullptr) &&
                   out.lane == (lane != nullptr ? *lane : LaneId{});
          });
      RecipientHead head;
      ASSERT_TRUE(DecodeRecipientHead(record, kRecipient, head));
      EXPECT_EQ(head.has_due, lane != nullptr);
      EXPECT_EQ(head.due, r.due);
    }
}

TEST(QueueCodec, GuardsLanesSegmentsAndState) {
  std::string record;
  const LaneRow lane{kLane, {"example.com", "t", ""}, 5, WallFromMicros(6)};
  EncodeLane(lane, record);
  LaneRow lane_out;
  ExpectGuarded(
      record, [&](std::string_view r) { return DecodeLane(r, kLane, lane_out); },
      [&] {
        return lane_out.id == lane.id && lane_out.key == lane.key && lane_out.waiting == 5 &&
               lane_out.next_due == lane.next_due;
      });
  const SegmentRow segment{3, 100, 90, 80};
  EncodeSegment(segment, record);
  SegmentRow segment_out;
  ExpectGuarded(
      record, [&](std::string_view r) { return DecodeSegment(r, 3, segment_out); },
      [&] { return segment_out == segment; });
  const Suspension suspension{{SuspensionKind::kSite, "mx.test"}, WallFromMicros(7), 3, "refused"};
  EncodeSuspension(suspension, kLane, record);
  Suspension suspension_out;
  bool known = false;
  ExpectGuarded(
      record, [&](std::string_view r) { return DecodeSuspension(r, kLane, suspension_out, known); },
      [&] { return known && suspension_out == suspension; });
  const StateRow state{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  EncodeState(state, record);
  StateRow state_out;
  ExpectGuarded(
      record, [&](std::string_view r) { return DecodeState(r, state_out); },
      [&] { return state_out == state; });
  EncodeSeed(99, record);
  uint64_t seed = 0;
  ExpectGuarded(
      record, [&](std::string_view r) { return DecodeSeed(r, seed); }, [&] { return seed == 99; });
}

TEST(QueueCodec, LeavesSuspensionsOfKindsAloneThatItDoesNotKnow) {
  std::string record;
  EncodeSuspension({{SuspensionKind(77), "x"}, {}, 1, "y"}, kLane, record);
  Suspension out;
  bool known = true;
  EXPECT_TRUE(DecodeSuspension(record, kLane, out, known));
  EXPECT_FALSE(known);
}

TEST(QueueCodec, ReadsBackSuspensionsOfEveryKind) {
  for (int kind = 1; kind <= int(SuspensionKind::kRate); ++kind) {
    if (kind > int(SuspensionKind::kPerConnection) && kind < int(SuspensionKind::kQuota)) continue;
    std::string record;
    EncodeSuspension({{SuspensionKind(kind), "x"}, {}, 1, "y"}, kLane, record);
    Suspension out;
    bool known = false;
    EXPECT_TRUE(DecodeSuspension(record, kLane, out, known));
    EXPECT_TRUE(known) << kind;
    EXPECT_EQ(out.id.kind, SuspensionKind(kind));
  }
}

TEST(QueueCodec, NoticesARecordUnderTheWrongKey) {
  std::string record;
  EncodeMessage(FullMessage(), 1, record);
  MessageRecord message;
  EXPECT_FALSE(DecodeMessage(record, kId + 1, message));
  EncodeRecipient(FullRecipient(), nullptr, record);
  RecipientRecord recipient;
  EXPECT_FALSE(DecodeRecipient(record, {kId, 8}, recipient));
}

TEST(QueueCodec, CutsAReplyThatIsTooLong) {
  Recipient r = FullRecipient();
  r.last_reply.append(1000, 's');
  std::string record;
  EncodeRecipient(r, &kLane, record);
  RecipientRecord out;
  ASSERT_TRUE(DecodeRecipient(record, kRecipient, out));
  EXPECT_EQ(out.recipient.last_reply, std::string(kMaxReplyText, 'r'));
}

Event FullEvent(uint64_t n) {
  Event e;
  e.type = EventType(1 + n % 9);
  e.time = WallFromMicros(int64_t(n) * 1'000'003);
  e.message = kId + n;
  e.recipient_index = uint32_t(n);
  e.size = n << 33;
  e.recipient = "r" + std::to_string(n) + "@example.com";
  e.sender = "s@example.org";
  e.tenant = n % 5 == 0 ? "" : "tenant";
  e.campaign = "campaign" + std::to_string(n / 10);
  e.site = "site";
  e.host = "mx1.example.net [192.0.2.1]:25";
  e.source = "source";
  e.user = n % 2 ? "user" : "";
  e.peer = "192.0.2.7";
  e.text = std::string(n * 7 % 600, 't');
  e.enhanced = "4.2.1";
  e.tls = "TLSv1.3";
  e.reason = "reason";
  e.code = uint16_t(n);
  e.attempt = uint16_t(n + 1);
  e.queue_ms = int64_t(n) - 50;
  e.next_due = WallFromMicros(int64_t(n) * 60'000'000 - 5);
  return e;
}

struct StoredRow {
  uint32_t part;
  std::string record;
};

std::vector<StoredRow> RowsOf(const std::vector<Event>& events, uint64_t commit) {
  std::vector<StoredRow> rows;
  EventRows encoder;
  const auto sink = [&](uint32_t part, std::string_view record) {
    rows.push_back({part, std::string(record)});
  };
  encoder.Begin(commit);
  for (const Event& event : events) encoder.Add(event, sink);
  encoder.Finish(sink);
  return rows;
}

TEST(EventCodec, KeepsEveryFieldAndOrderOverManyRows) {
  std::vector<Event> events;
  for (uint64_t n = 0; n < 500; ++n) events.push_back(FullEvent(n));
  events[100].text.assign(kMaxEventText, 'x');
  events[100].host.assign(kMaxEventText, 'y');  // alone more than a row
  const std::vector<StoredRow> rows = RowsOf(events, 77);
  EXPECT_GT(rows.size(), 10u);
  size_t n = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].part, i);
    OutboxRow row;
    row.commit = 77;
    row.part = uint32_t(i);
    ASSERT_TRUE(DecodeEventRow(rows[i].record, row));
    EXPECT_TRUE(row.items.size() == 1 || rows[i].record.size() <= kMaxRecord);
    for (const OutboxRow::Item& item : row.items) {
      ASSERT_LT(n, events.size());
      EXPECT_EQ(item.event, events[n]) << n;
      EXPECT_EQ(item.id, EventIdOf(77, uint32_t(n)));
      n += 1;
    }
  }
  EXPECT_EQ(n, events.size());
}

TEST(EventCodec, GuardsRows) {
  const std::vector<Event> events = {FullEvent(1), FullEvent(2), FullEvent(3)};
  const std::vector<StoredRow> rows = RowsOf(events, 5);
  ASSERT_EQ(rows.size(), 1u);
  OutboxRow row;
  row.commit = 5;
  ExpectGuarded(
      rows[0].record, [&](std::string_view r) { return DecodeEventRow(r, row); },
      [&] {
        if (row.items.size() != events.size()) return false;
        for (size_t i = 0; i < events.size(); ++i)
          if (row.items[i].event != events[i]) return false;
        return true;
      });
}

}  // namespace
}  // namespace sluice::queue
