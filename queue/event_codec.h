// queue/event_codec.h — the stored form of events: rows of the outbox.
//
// PURPOSE   A commit's events go into rows of about 2,000 octets (no overflow pages). Within a row
//           a text that equals the one of the event before costs one bit: most events of a commit
//           share tenant, campaign, sender and source.
// FLOW      EventRows::Begin(commit), Add(event)..., Finish(); each full row goes to the sink.
// LIMITS    kMaxEventsPerCommit; a text is cut at kMaxEventText.

#ifndef SLUICE_QUEUE_EVENT_CODEC_H_
#define SLUICE_QUEUE_EVENT_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/check.h"
#include "queue/bytes.h"
#include "queue/codec.h"
#include "queue/queue.h"
#include "queue/records.h"

namespace sluice::queue {

// An event's id is (commit << kEventIndexBits) | index within the commit.
inline constexpr int kEventIndexBits = 20;
inline constexpr uint32_t kMaxEventsPerCommit = (1u << kEventIndexBits) - 1;
inline constexpr size_t kMaxEventText = 1024;

constexpr uint64_t EventIdOf(uint64_t commit, uint32_t index) {
  return commit << kEventIndexBits | index;
}

void EncodeEvent(const Event& event, const Event* before, std::string& out);
// False when damaged. `row.commit` and `row.part` are the key, and given.
bool DecodeEventRow(std::string_view record, OutboxRow& row);

class EventRows {
 public:
  void Begin(uint64_t commit) {
    commit_ = commit;
    part_ = 0;
    index_ = 0;
    count_ = 0;
  }

  // `sink(part, record)` is called for each row as it fills.
  template <typename Sink>
  void Add(const Event& event, Sink&& sink) {
    CHECK(index_ < kMaxEventsPerCommit);
    if (count_ > 0) {
      const size_t before = row_.size();
      EncodeEvent(event, before_, row_);
      if (row_.size() <= kMaxRecord) {
        Taken(event);
        return;
      }
      row_.resize(before);
      Flush(sink);
    }
    BeginRow();
    EncodeEvent(event, nullptr, row_);
    Taken(event);
  }

  template <typename Sink>
  void Finish(Sink&& sink) {
    if (count_ > 0) Flush(sink);
  }

  uint32_t rows() const { return part_; }
  uint32_t events() const { return index_; }

 private:
  template <typename Sink>
  void Flush(Sink&& sink) {
    Seal();
    sink(part_, std::string_view(row_));
    part_ += 1;
    count_ = 0;
    before_ = nullptr;
  }
  void Taken(const Event& event) {
    before_ = &event;
    index_ += 1;
    count_ += 1;
  }
  void BeginRow();
  void Seal();

  std::string row_;
  const Event* before_ = nullptr;  // the caller's: all events live until Finish()
  uint64_t commit_ = 0;
  uint32_t part_ = 0;
  uint32_t index_ = 0;  // of the next event in the commit
  uint32_t count_ = 0;  // in this row
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_EVENT_CODEC_H_
