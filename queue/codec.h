// queue/codec.h — the stored form of a message, a recipient, a lane, a segment, a suspension, an
// order and the queue's state.
//
// PURPOSE   Compact, versioned, checksummed: [checksum u32][version u8][fields]. The checksum (XXH3
//           cut to 32 bits) covers version, fields and, as its seed, the key, so that a record that
//           lies under a wrong key is noticed too. Decoding takes any octets: it is false for all
//           but a sound record, and never reads beyond.
// NOT HERE  Events (event_codec.h), tables and keys (lmdb_env.h, keys.h).
// LIMITS    A record is at most kMaxRecord octets, so that LMDB needs no overflow pages.
// TESTS     tests/queue/codec_test.cc, tests/fuzz/fuzz_queue_record.cc

#ifndef SLUICE_QUEUE_CODEC_H_
#define SLUICE_QUEUE_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "queue/records.h"

namespace sluice::queue {

// LMDB 0.9 keeps a row in its leaf up to 2,038 octets with key and header; ours have keys of at
// most 36.
inline constexpr size_t kMaxRecord = 1990;

// Checksum and version, before the fields of every record.
inline constexpr size_t kEnvelope = 5;

// Writes the checksum over a record that begins with kEnvelope octets of room.
void SealRecord(std::string& record, uint64_t key_hash);
// The fields of a sound record of this version; false else.
bool OpenRecord(std::string_view record, uint64_t key_hash, uint8_t version,
                std::string_view& fields);

// ---- message ----

struct MessageRecord {
  Message message;
  uint32_t open = 0;  // recipients not yet finished
};
// What finishing a recipient needs of its message; lies at a fixed place in the record.
struct MessageHead {
  uint32_t open = 0;
  BodyLocation body;
};

void EncodeMessage(const Message& message, uint32_t open, std::string& out);
bool DecodeMessage(std::string_view record, MessageId id, MessageRecord& out);
bool DecodeMessageHead(std::string_view record, MessageId id, MessageHead& out);
// Puts another head into a sound record.
void PatchMessageHead(std::string& record, MessageId id, const MessageHead& head);

// ---- recipient ----

// `has_due`: the due row (lane, recipient.due, recipient.id) exists.
struct RecipientRecord {
  Recipient recipient;
  bool has_due = false;
  LaneId lane;
};
// Where its due row is; what finishing needs.
struct RecipientHead {
  bool has_due = false;
  LaneId lane;
  WallTime due{};
};

// A last_reply over kMaxReplyText is cut: losing the state for its text would be worse.
void EncodeRecipient(const Recipient& recipient, const LaneId* due_in, std::string& out);
bool DecodeRecipient(std::string_view record, const RecipientId& id, RecipientRecord& out);
bool DecodeRecipientHead(std::string_view record, const RecipientId& id, RecipientHead& out);

// ---- lane ----

void EncodeLane(const LaneRow& row, std::string& out);
bool DecodeLane(std::string_view record, const LaneId& id, LaneRow& out);

// ---- segment ----

// One body file. `used`: octets appended so far; `live`: those that records name.
struct SegmentRow {
  uint32_t number = 0;
  uint64_t size = 0;
  uint64_t used = 0;
  uint64_t live = 0;

  friend bool operator==(const SegmentRow&, const SegmentRow&) = default;
};

void EncodeSegment(const SegmentRow& row, std::string& out);
bool DecodeSegment(std::string_view record, uint32_t number, SegmentRow& out);

// ---- suspension ----

// `name`: the hash of its key, which is its row's name.
void EncodeSuspension(const Suspension& suspension, const LaneId& name, std::string& out);
// A sound record of a kind that a later version made is no error: `known` is false then.
bool DecodeSuspension(std::string_view record, const LaneId& name, Suspension& out, bool& known);

// ---- order ----

void EncodeOrder(const Order& order, std::string& out);
// As with suspensions: `known` is false for a kind or scope of a later version.
bool DecodeOrder(std::string_view record, uint64_t id, Order& out, bool& known);

// ---- the queue itself ----

// Written with every commit.
struct StateRow {
  uint64_t run = 0;     // times opened
  uint64_t commit = 0;  // number of the last commit that could carry events; never repeats
  uint32_t next_segment = 1;
  uint32_t active_segment = 0;  // 0: none yet
  uint64_t messages = 0;
  uint64_t recipients = 0;
  uint64_t body_bytes = 0;
  uint64_t outbox_rows = 0;
  uint64_t file_bytes = 0;  // of large bodies, in files of their own
  uint64_t last_order = 0;  // the largest id an order ever had

  friend bool operator==(const StateRow&, const StateRow&) = default;
};

void EncodeState(const StateRow& state, std::string& out);
bool DecodeState(std::string_view record, StateRow& out);
// The seed of LaneIdOf.
void EncodeSeed(uint64_t seed, std::string& out);
bool DecodeSeed(std::string_view record, uint64_t& seed);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_CODEC_H_
