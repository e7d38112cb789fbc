// queue/keys.h — the keys of the tables: big-endian, so that LMDB's order is the numbers' order.
//
// PURPOSE   Made on the stack, read back with checks of their length. A due time has its sign bit
//           turned, so that times before 1970 sort first.

#ifndef SLUICE_QUEUE_KEYS_H_
#define SLUICE_QUEUE_KEYS_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "engine/base/time.h"
#include "queue/records.h"

namespace sluice::queue {

inline void PutBig64(char* to, uint64_t v) {
  v = __builtin_bswap64(v);
  std::memcpy(to, &v, sizeof v);
}
inline void PutBig32(char* to, uint32_t v) {
  v = __builtin_bswap32(v);
  std::memcpy(to, &v, sizeof v);
}
inline uint64_t GetBig64(const char* from) {
  uint64_t v;
  std::memcpy(&v, from, sizeof v);
  return __builtin_bswap64(v);
}
inline uint32_t GetBig32(const char* from) {
  uint32_t v;
  std::memcpy(&v, from, sizeof v);
  return __builtin_bswap32(v);
}

template <size_t N>
struct Key {
  char data[N];
  std::string_view view() const { return {data, N}; }
};

inline constexpr size_t kMessageKeySize = 8;
inline constexpr size_t kRecipientKeySize = 12;
inline constexpr size_t kLaneKeySize = 16;
inline constexpr size_t kDueKeySize = 16 + 8 + 12;
inline constexpr size_t kOutboxKeySize = 12;
inline constexpr size_t kSegmentKeySize = 4;
inline constexpr size_t kSuspensionKeySize = 1 + 16;
inline constexpr size_t kOrderKeySize = 8;

inline Key<kMessageKeySize> MessageKey(MessageId id) {
  Key<kMessageKeySize> key;
  PutBig64(key.data, id);
  return key;
}

inline Key<kRecipientKeySize> RecipientKey(const RecipientId& id) {
  Key<kRecipientKeySize> key;
  PutBig64(key.data, id.message);
  PutBig32(key.data + 8, id.index);
  return key;
}
inline RecipientId RecipientIdOf(std::string_view key) {
  if (key.size() != kRecipientKeySize) return {};
  return {GetBig64(key.data()), GetBig32(key.data() + 8)};
}

inline Key<kLaneKeySize> LaneRowKey(const LaneId& id) {
  Key<kLaneKeySize> key;
  PutBig64(key.data, id.high);
  PutBig64(key.data + 8, id.low);
  return key;
}
inline LaneId LaneIdOfKey(std::string_view key) {
  if (key.size() < kLaneKeySize) return {};
  return {GetBig64(key.data()), GetBig64(key.data() + 8)};
}

inline Key<kDueKeySize> DueKey(const LaneId& lane, WallTime due, const RecipientId& id) {
  Key<kDueKeySize> key;
  PutBig64(key.data, lane.high);
  PutBig64(key.data + 8, lane.low);
  PutBig64(key.data + 16, uint64_t(MicrosOf(due)) ^ (uint64_t(1) << 63));
  PutBig64(key.data + 24, id.message);
  PutBig32(key.data + 32, id.index);
  return key;
}
struct DueRow {
  LaneId lane;
  WallTime due;
  RecipientId id;
};
inline DueRow DueRowOf(std::string_view key) {
  if (key.size() != kDueKeySize) return {};
  return {LaneIdOfKey(key),
          WallFromMicros(int64_t(GetBig64(key.data() + 16) ^ (uint64_t(1) << 63))),
          RecipientIdOf(key.substr(24))};
}

inline Key<kOutboxKeySize> OutboxKey(uint64_t commit, uint32_t part) {
  Key<kOutboxKeySize> key;
  PutBig64(key.data, commit);
  PutBig32(key.data + 8, part);
  return key;
}

inline Key<kSegmentKeySize> SegmentKey(uint32_t number) {
  Key<kSegmentKeySize> key;
  PutBig32(key.data, number);
  return key;
}

// `name`: the hash of the suspension's key, under the queue's seed.
inline Key<kSuspensionKeySize> SuspensionKey(SuspensionKind kind, const LaneId& name) {
  Key<kSuspensionKeySize> key;
  key.data[0] = char(kind);
  PutBig64(key.data + 1, name.high);
  PutBig64(key.data + 9, name.low);
  return key;
}
inline LaneId SuspensionNameOf(std::string_view key) {
  return key.size() == kSuspensionKeySize ? LaneIdOfKey(key.substr(1)) : LaneId{};
}

inline Key<kOrderKeySize> OrderKey(uint64_t id) {
  Key<kOrderKeySize> key;
  PutBig64(key.data, id);
  return key;
}
inline uint64_t OrderIdOf(std::string_view key) {
  return key.size() == kOrderKeySize ? GetBig64(key.data()) : 0;
}

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_KEYS_H_
