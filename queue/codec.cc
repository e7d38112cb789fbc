#include "queue/codec.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/check.h"
#include "queue/bytes.h"
#include "queue/hash.h"

namespace sluice::queue {
namespace {

constexpr uint8_t kVersion = 1;

bool IsKnown(SuspensionKind kind) {
  return (kind >= SuspensionKind::kSite && kind <= SuspensionKind::kPerConnection) ||
         (kind >= SuspensionKind::kQuota && kind <= SuspensionKind::kWarmup);
}

// Seeds of the rows whose key is a name.
constexpr uint64_t kStateHash = 1;
constexpr uint64_t kSeedHash = 2;

constexpr size_t kMessageHeadSize = 4 + 4 + 4 + 8 + 8;

enum RecipientBits : uint8_t { kHasDue = 1, kDelayTold = 2, kReleasedLater = 4, kHasSource = 8 };

uint64_t HashOf(const RecipientId& id) { return id.message * 0x9e3779b97f4a7c15u + id.index; }
uint64_t HashOf(const LaneId& id) { return id.high ^ (id.low * 0x9e3779b97f4a7c15u); }

// In stored order.
std::array<std::string Order::*, 6> OrderTexts() {
  return {&Order::name, &Order::tenant, &Order::source, &Order::value, &Order::why, &Order::by};
}
// Texts with their lengths, kind and scope, times, count.
static_assert(kEnvelope + 6 * (kMaxOrderText + 2) + 2 + 3 * 8 + 10 <= kMaxRecord);

ByteWriter Begin(std::string& out) {
  out.assign(kEnvelope, '\0');
  return ByteWriter(out);
}

void PutWindow(ByteWriter& to, const SendWindow& window) {
  to.I64(MicrosOf(window.end));
  to.U16(window.from);
  to.U16(window.to);
  to.U16(uint16_t(window.offset));
}

bool GetWindow(ByteReader& from, SendWindow& out) {
  out.end = WallFromMicros(from.I64());
  out.from = from.U16();
  out.to = from.U16();
  out.offset = int16_t(from.U16());
  return from.ok() && out.from <= kMinutesOfDay && out.to <= kMinutesOfDay;
}

void PutHead(ByteWriter& to, const MessageHead& head) {
  to.U32(head.open);
  to.U32(head.body.segment);
  to.U32(head.body.length);
  to.U64(head.body.offset);
  to.U64(head.body.checksum);
}

MessageHead GetHead(ByteReader& from) {
  MessageHead head;
  head.open = from.U32();
  head.body.segment = from.U32();
  head.body.length = from.U32();
  head.body.offset = from.U64();
  head.body.checksum = from.U64();
  return head;
}

void PutSignature(ByteWriter& to, const Signature& signature) {
  to.Var(signature.length);
  to.U8(signature.body_form);
  for (const uint8_t octet : signature.body_hash) to.U8(octet);
  to.Var(signature.selectors.size());
  for (const uint64_t selector : signature.selectors) to.U64(selector);
}

bool GetSignature(ByteReader& from, Signature& signature) {
  signature.length = from.Var32();
  signature.body_form = from.U8();
  for (uint8_t& octet : signature.body_hash) octet = from.U8();
  const uint64_t selectors = from.Var();
  if (!from.ok() || selectors > kMaxSigners) return false;
  signature.selectors.resize(size_t(selectors));
  for (uint64_t& selector : signature.selectors) selector = from.U64();
  return from.done() && signature.length > 0;
}

}  // namespace

void SealRecord(std::string& record, uint64_t key_hash) {
  CHECK(record.size() >= kEnvelope);
  record[4] = char(kVersion);
  const uint32_t sum = uint32_t(Hash64(std::string_view(record).substr(4), key_hash));
  std::memcpy(record.data(), &sum, sizeof sum);
}

bool OpenRecord(std::string_view record, uint64_t key_hash, uint8_t version,
                std::string_view& fields) {
  if (record.size() < kEnvelope) return false;
  uint32_t sum;
  std::memcpy(&sum, record.data(), sizeof sum);
  if (uint32_t(Hash64(record.substr(4), key_hash)) != sum) return false;
  if (uint8_t(record[4]) != version) return false;
  fields = record.substr(kEnvelope);
  return true;
}

void EncodeMessage(const Message& message, uint32_t open, std::string& out) {
  ByteWriter to = Begin(out);
  PutHead(to, {open, message.body});
  CHECK(out.size() == kEnvelope + kMessageHeadSize);
  to.I64(MicrosOf(message.accepted));
  to.I64(MicrosOf(message.released));
  to.U16(message.flags);
  to.U8(uint8_t(message.ret));
  to.Var(message.header_length);
  to.Var(message.recipients);
  to.Text(message.sender);
  to.Text(message.tenant);
  to.Text(message.campaign);
  to.Text(message.user);
  to.Text(message.envid);
  if ((message.flags & kFlagPool) != 0) to.Text(message.pool);
  to.Var(message.cuts.size());
  for (const Cut& cut : message.cuts) {
    to.Var(cut.offset);
    to.Var(cut.length);
  }
  if ((message.flags & kFlagScheduled) != 0) PutWindow(to, message.window);
  if (message.signature.length > 0) PutSignature(to, message.signature);
  SealRecord(out, message.id);
}

bool DecodeMessage(std::string_view record, MessageId id, MessageRecord& out) {
  std::string_view fields;
  if (!OpenRecord(record, id, kVersion, fields)) return false;
  ByteReader from(fields);
  const MessageHead head = GetHead(from);
  out.open = head.open;
  Message& m = out.message;
  m.id = id;
  m.body = head.body;
  m.accepted = WallFromMicros(from.I64());
  m.released = WallFromMicros(from.I64());
  m.flags = from.U16();
  const uint8_t ret = from.U8();
  if (ret > uint8_t(DsnRet::kHeaders)) return false;
  m.ret = DsnRet(ret);
  m.header_length = from.Var32();
  m.recipients = from.Var32();
  m.sender = from.Text();
  m.tenant = from.Text();
  m.campaign = from.Text();
  m.user = from.Text();
  m.envid = from.Text();
  m.pool = (m.flags & kFlagPool) != 0 ? from.Text() : std::string();
  const uint64_t cuts = from.Var();
  if (!from.ok() || cuts > kMaxCuts) return false;
  m.cuts.resize(size_t(cuts));
  for (Cut& cut : m.cuts) {
    cut.offset = from.Var32();
    cut.length = from.Var32();
  }
  m.window = {};
  if ((m.flags & kFlagScheduled) != 0 && !GetWindow(from, m.window)) return false;
  m.signature = {};
  return from.done() || GetSignature(from, m.signature);
}

bool DecodeMessageHead(std::string_view record, MessageId id, MessageHead& out) {
  std::string_view fields;
  if (!OpenRecord(record, id, kVersion, fields)) return false;
  ByteReader from(fields);
  out = GetHead(from);
  return from.ok();
}

void PatchMessageHead(std::string& record, MessageId id, const MessageHead& head) {
  CHECK(record.size() >= kEnvelope + kMessageHeadSize);
  std::string fixed;
  ByteWriter to(fixed);
  PutHead(to, head);
  record.replace(kEnvelope, kMessageHeadSize, fixed);
  SealRecord(record, id);
}

void EncodeRecipient(const Recipient& recipient, const LaneId* due_in, std::string& out) {
  ByteWriter to = Begin(out);
  const bool later = recipient.released != WallTime{};
  to.U8(uint8_t((due_in ? kHasDue : 0) | (recipient.delay_told ? kDelayTold : 0) |
                (later ? kReleasedLater : 0) | (recipient.source != 0 ? kHasSource : 0)));
  to.I64(MicrosOf(recipient.due));
  if (due_in) {
    to.U64(due_in->high);
    to.U64(due_in->low);
  }
  if (later) to.I64(MicrosOf(recipient.released));
  to.U8(recipient.notify);
  to.U16(recipient.attempts);
  to.Text(recipient.address);
  to.Text(recipient.orcpt);
  to.Text(std::string_view(recipient.last_reply).substr(0, kMaxReplyText));
  if (recipient.source != 0) to.U32(recipient.source);
  SealRecord(out, HashOf(recipient.id));
}

bool DecodeRecipient(std::string_view record, const RecipientId& id, RecipientRecord& out) {
  std::string_view fields;
  if (!OpenRecord(record, HashOf(id), kVersion, fields)) return false;
  ByteReader from(fields);
  const uint8_t bits = from.U8();
  Recipient& r = out.recipient;
  r.id = id;
  out.has_due = (bits & kHasDue) != 0;
  r.delay_told = (bits & kDelayTold) != 0;
  r.due = WallFromMicros(from.I64());
  out.lane = {};
  if (out.has_due) {
    out.lane.high = from.U64();
    out.lane.low = from.U64();
  }
  r.released = (bits & kReleasedLater) != 0 ? WallFromMicros(from.I64()) : WallTime{};
  r.notify = from.U8();
  r.attempts = from.U16();
  r.address = from.Text();
  r.orcpt = from.Text();
  r.last_reply = from.Text();
  r.source = (bits & kHasSource) != 0 ? from.U32() : 0;
  return from.done();
}

bool DecodeRecipientHead(std::string_view record, const RecipientId& id, RecipientHead& out) {
  std::string_view fields;
  if (!OpenRecord(record, HashOf(id), kVersion, fields)) return false;
  ByteReader from(fields);
  out = {};
  out.has_due = (from.U8() & kHasDue) != 0;
  out.due = WallFromMicros(from.I64());
  if (out.has_due) {
    out.lane.high = from.U64();
    out.lane.low = from.U64();
  }
  return from.ok();
}

void EncodeLane(const LaneRow& row, std::string& out) {
  ByteWriter to = Begin(out);
  to.U64(row.waiting);
  to.I64(MicrosOf(row.next_due));
  to.Text(row.key.domain);
  to.Text(row.key.tenant);
  to.Text(row.key.campaign);
  SealRecord(out, HashOf(row.id));
}

bool DecodeLane(std::string_view record, const LaneId& id, LaneRow& out) {
  std::string_view fields;
  if (!OpenRecord(record, HashOf(id), kVersion, fields)) return false;
  ByteReader from(fields);
  out.id = id;
  out.waiting = from.U64();
  out.next_due = WallFromMicros(from.I64());
  out.key.domain = from.Text();
  out.key.tenant = from.Text();
  out.key.campaign = from.Text();
  return from.done();
}

void EncodeSegment(const SegmentRow& row, std::string& out) {
  ByteWriter to = Begin(out);
  to.U64(row.size);
  to.U64(row.used);
  to.U64(row.live);
  SealRecord(out, row.number);
}

bool DecodeSegment(std::string_view record, uint32_t number, SegmentRow& out) {
  std::string_view fields;
  if (!OpenRecord(record, number, kVersion, fields)) return false;
  ByteReader from(fields);
  out.number = number;
  out.size = from.U64();
  out.used = from.U64();
  out.live = from.U64();
  return from.done() && out.used <= out.size && out.live <= out.used;
}

void EncodeSuspension(const Suspension& suspension, const LaneId& name, std::string& out) {
  ByteWriter to = Begin(out);
  to.U8(uint8_t(suspension.id.kind));
  to.I64(MicrosOf(suspension.until));
  to.U32(suspension.failures);
  to.Text(suspension.id.key);
  to.Text(std::string_view(suspension.reason).substr(0, kMaxReplyText));
  SealRecord(out, HashOf(name));
}

bool DecodeSuspension(std::string_view record, const LaneId& name, Suspension& out, bool& known) {
  std::string_view fields;
  if (!OpenRecord(record, HashOf(name), kVersion, fields)) return false;
  ByteReader from(fields);
  out.id.kind = SuspensionKind(from.U8());
  known = IsKnown(out.id.kind);
  if (!known) return from.ok();
  out.until = WallFromMicros(from.I64());
  out.failures = from.U32();
  out.id.key = from.Text();
  out.reason = from.Text();
  return from.done();
}

void EncodeOrder(const Order& order, std::string& out) {
  ByteWriter to = Begin(out);
  to.U8(uint8_t(order.kind));
  to.U8(uint8_t(order.scope));
  for (const auto text : OrderTexts())
    to.Text(std::string_view(order.*text).substr(0, kMaxOrderText));
  to.I64(MicrosOf(order.given));
  to.I64(MicrosOf(order.until));
  to.I64(MicrosOf(order.ended));
  to.Var(order.count);
  SealRecord(out, order.id);
}

bool DecodeOrder(std::string_view record, uint64_t id, Order& out, bool& known) {
  std::string_view fields;
  if (!OpenRecord(record, id, kVersion, fields)) return false;
  ByteReader from(fields);
  const uint8_t kind = from.U8();
  const uint8_t scope = from.U8();
  known = kind >= uint8_t(OrderKind::kPause) && kind <= uint8_t(OrderKind::kReroute) &&
          scope >= uint8_t(OrderScope::kTenant) && scope <= uint8_t(OrderScope::kPath);
  if (!known) return from.ok();
  out.id = id;
  out.kind = OrderKind(kind);
  out.scope = OrderScope(scope);
  for (const auto text : OrderTexts()) out.*text = from.Text();
  out.given = WallFromMicros(from.I64());
  out.until = WallFromMicros(from.I64());
  out.ended = WallFromMicros(from.I64());
  out.count = from.Var();
  return from.done();
}

void EncodeState(const StateRow& state, std::string& out) {
  ByteWriter to = Begin(out);
  to.U64(state.run);
  to.U64(state.commit);
  to.U32(state.next_segment);
  to.U32(state.active_segment);
  to.U64(state.messages);
  to.U64(state.recipients);
  to.U64(state.body_bytes);
  to.U64(state.outbox_rows);
  to.U64(state.file_bytes);
  to.U64(state.last_order);
  SealRecord(out, kStateHash);
}

bool DecodeState(std::string_view record, StateRow& out) {
  std::string_view fields;
  if (!OpenRecord(record, kStateHash, kVersion, fields)) return false;
  ByteReader from(fields);
  out.run = from.U64();
  out.commit = from.U64();
  out.next_segment = from.U32();
  out.active_segment = from.U32();
  out.messages = from.U64();
  out.recipients = from.U64();
  out.body_bytes = from.U64();
  out.outbox_rows = from.U64();
  // A queue of before there were such files, or orders, ends sooner.
  out.file_bytes = from.done() ? 0 : from.U64();
  out.last_order = from.done() ? 0 : from.U64();
  return from.done();
}

void EncodeSeed(uint64_t seed, std::string& out) {
  ByteWriter to = Begin(out);
  to.U64(seed);
  SealRecord(out, kSeedHash);
}

bool DecodeSeed(std::string_view record, uint64_t& seed) {
  std::string_view fields;
  if (!OpenRecord(record, kSeedHash, kVersion, fields)) return false;
  ByteReader from(fields);
  seed = from.U64();
  return from.done();
}

}  // namespace sluice::queue
