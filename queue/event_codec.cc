#include "queue/event_codec.h"

#include <array>
#include <bit>
#include <cstring>

namespace sluice::queue {
namespace {

constexpr uint8_t kVersion = 1;

// In stored order: never reorder, only append. Rows written before have no bit for what is new.
constexpr std::array kTexts = {
    &Event::recipient, &Event::sender, &Event::tenant, &Event::campaign,   &Event::site,
    &Event::host,      &Event::source, &Event::user,   &Event::peer,       &Event::text,
    &Event::enhanced,  &Event::tls,    &Event::reason, &Event::tls_policy,
};
// A bit for "has text", and one for "the same as before", of each, in one varint of 32 bits.
static_assert(kTexts.size() <= 16);

uint64_t RowHash(uint64_t commit, uint32_t part) { return commit * 0x9e3779b97f4a7c15u + part; }

uint64_t ZigZag(int64_t v) { return uint64_t(v) << 1 ^ uint64_t(v >> 63); }
int64_t UnZigZag(uint64_t v) { return int64_t(v >> 1) ^ -int64_t(v & 1); }

}  // namespace

void EncodeEvent(const Event& event, const Event* before, std::string& out) {
  ByteWriter to(out);
  uint32_t present = 0, same = 0;
  for (size_t i = 0; i < kTexts.size(); ++i) {
    const std::string& text = event.*kTexts[i];
    if (text.empty()) continue;
    const bool equal = before != nullptr && before->*kTexts[i] == text;
    (equal ? same : present) |= 1u << i;
  }
  to.U8(uint8_t(event.type));
  to.U16(uint16_t(present));
  to.U16(uint16_t(same));
  to.I64(MicrosOf(event.time));
  to.U64(event.message);
  to.Var(event.recipient_index);
  to.Var(event.size);
  to.Var(event.code);
  to.Var(event.attempt);
  to.Var(ZigZag(event.queue_ms));
  to.Var(ZigZag(MicrosOf(event.next_due)));
  for (size_t i = 0; i < kTexts.size(); ++i)
    if (present >> i & 1) to.Text(std::string_view(event.*kTexts[i]).substr(0, kMaxEventText));
}

void EventRows::BeginRow() {
  row_.assign(kEnvelope, '\0');
  ByteWriter to(row_);
  to.U32(index_);
  to.U16(0);  // the count, by Seal
}

void EventRows::Seal() {
  const uint16_t count = uint16_t(count_);
  CHECK(count == count_);
  std::memcpy(row_.data() + kEnvelope + 4, &count, sizeof count);
  SealRecord(row_, RowHash(commit_, part_));
}

bool DecodeEventRow(std::string_view record, OutboxRow& row) {
  row.items.clear();
  std::string_view fields;
  if (!OpenRecord(record, RowHash(row.commit, row.part), kVersion, fields)) return false;
  ByteReader from(fields);
  const uint32_t first = from.U32();
  const uint16_t count = from.U16();
  if (first > kMaxEventsPerCommit || count > kMaxEventsPerCommit - first) return false;
  row.items.reserve(std::min<size_t>(count, fields.size() / 16));
  for (uint32_t i = 0; i < count; ++i) {
    row.items.push_back({EventIdOf(row.commit, first + i), {}});
    Event& event = row.items.back().event;
    const uint8_t type = from.U8();
    const uint16_t present = from.U16();
    const uint16_t same = from.U16();
    event.time = WallFromMicros(from.I64());
    event.message = from.U64();
    event.recipient_index = from.Var32();
    event.size = from.Var();
    event.code = uint16_t(from.Var32());
    event.attempt = uint16_t(from.Var32());
    event.queue_ms = UnZigZag(from.Var());
    event.next_due = WallFromMicros(UnZigZag(from.Var()));
    if (!from.ok() || type < uint8_t(EventType::kAccepted) || type > uint8_t(EventType::kOrder))
      return false;
    event.type = EventType(type);
    for (size_t t = 0; t < kTexts.size(); ++t) {
      if (present >> t & 1) {
        event.*kTexts[t] = from.Text();
      } else if (same >> t & 1) {
        if (i == 0) return false;
        event.*kTexts[t] = row.items[i - 1].event.*kTexts[t];
      }
    }
    if (!from.ok()) return false;
  }
  return from.done();
}

}  // namespace sluice::queue
