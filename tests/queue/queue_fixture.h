// tests/queue/queue_fixture.h — a queue in a folder of its own, and short ways to fill it.

#ifndef SLUICE_TESTS_QUEUE_QUEUE_FIXTURE_H_
#define SLUICE_TESTS_QUEUE_QUEUE_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "queue/queue.h"

namespace sluice::queue {

// A folder that goes with the object. On the memory file system where there is one: fast syncs.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }
  std::vector<std::string> Files(std::string_view suffix) const;

 private:
  std::string path_;
};

inline constexpr WallTime kAccepted = WallFromMicros(1'790'000'000'000'000);
inline WallTime After(int64_t seconds) { return kAccepted + Duration(seconds * 1'000'000); }

Ref<const Body> MakeBody(std::string_view content);
// `size` octets that tell by what they are of.
std::string ContentOf(MessageId id, size_t size);

class QueueTest : public ::testing::Test {
 protected:
  QueueTest();

  void Open();  // must succeed; closes first what is open
  Status TryOpen();
  void Close() { queue_.reset(); }

  // One message with one recipient for each address; nothing is committed yet.
  Insert MakeInsert(MessageId id, std::vector<std::string> addresses, size_t size = 100);
  static Transaction Of(Insert insert);
  static Event MakeEvent(EventType type, const RecipientId& id);

  Committed CommitOne(Transaction transaction);
  // Inserts one message with the next id and one recipient; must succeed.
  RecipientId Put(const std::string& address = "a@example.com", size_t size = 100);
  void Finish(const RecipientId& id);
  void Postpone(const RecipientId& id, WallTime due);
  LaneKey KeyOf(const RecipientId& id);
  std::vector<LaneRow> AllLanes(size_t page = 7);
  std::vector<RecipientId> AllOrphans(size_t limit = 5);
  std::vector<OutboxRow> AllOutbox(size_t page = 3);
  std::string BodyOf(const RecipientId& id);
  void TidyAll();

  TempFolder folder_;
  QueueOptions options_;
  std::unique_ptr<Queue> queue_;
  MessageId next_id_ = 0;
};

}  // namespace sluice::queue

#endif  // SLUICE_TESTS_QUEUE_QUEUE_FIXTURE_H_
