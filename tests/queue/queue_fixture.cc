#include "tests/queue/queue_fixture.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "engine/base/text.h"

namespace sluice::queue {

namespace fs = std::filesystem;

TempFolder::TempFolder() {
  std::error_code error;
  const fs::path base =
      fs::is_directory("/dev/shm", error) ? fs::path("/dev/shm") : fs::temp_directory_path();
  std::string pattern = (base / "sluice-queue-XXXXXX").string();
  EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code error;
  fs::remove_all(path_, error);
}

std::vector<std::string> TempFolder::Files(std::string_view suffix) const {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(suffix)) out.push_back(name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Ref<const Body> MakeBody(std::string_view content) {
  Ref<Body> body = MakeRef<Body>(nullptr);
  body->Append(content);
  return body;
}

std::string ContentOf(MessageId id, size_t size) {
  std::string out;
  out.reserve(size + 32);
  while (out.size() < size) out += FormatMessageId(id) + " and again ";
  out.resize(size);
  return out;
}

QueueTest::QueueTest() {
  options_.path = folder_.path() + "/queue";
  options_.map_size = uint64_t(64) << 20;
  options_.max_bytes = uint64_t(64) << 20;
  options_.segment_bytes = uint64_t(64) << 10;
  options_.min_free_bytes = 0;
  options_.seed = 7;
}

void QueueTest::Open() {
  const Status opened = TryOpen();
  ASSERT_TRUE(opened) << opened.error().what;
}

Status QueueTest::TryOpen() {
  queue_.reset();
  Result<std::unique_ptr<Queue>> opened = Queue::Open(options_);
  if (!opened) return std::unexpected(opened.error());
  queue_ = std::move(*opened);
  next_id_ = queue_->first_id();
  return {};
}

Insert QueueTest::MakeInsert(MessageId id, std::vector<std::string> addresses, size_t size) {
  Insert insert;
  insert.message.id = id;
  insert.message.accepted = insert.message.released = kAccepted;
  insert.message.sender = "sender@example.org";
  insert.message.tenant = "crm";
  insert.message.campaign = "spring";
  insert.message.recipients = uint32_t(addresses.size());
  for (size_t i = 0; i < addresses.size(); ++i) {
    Recipient recipient;
    recipient.id = {id, uint32_t(i)};
    recipient.address = std::move(addresses[i]);
    recipient.due = kAccepted;
    insert.recipients.push_back(std::move(recipient));
  }
  insert.content = MakeBody(ContentOf(id, size));
  return insert;
}

Transaction QueueTest::Of(Insert insert) {
  Transaction transaction;
  transaction.inserts.push_back(std::move(insert));
  return transaction;
}

Event QueueTest::MakeEvent(EventType type, const RecipientId& id) {
  Event event;
  event.type = type;
  event.time = kAccepted;
  event.message = id.message;
  event.recipient_index = id.index;
  event.recipient = "a@example.com";
  event.tenant = "crm";
  return event;
}

Committed QueueTest::CommitOne(Transaction transaction) {
  std::vector<Committed> committed = queue_->CommitAll({&transaction, 1});
  EXPECT_EQ(committed.size(), 1u);
  return std::move(committed.front());
}

RecipientId QueueTest::Put(const std::string& address, size_t size) {
  const MessageId id = next_id_++;
  const Committed committed = CommitOne(Of(MakeInsert(id, {address}, size)));
  EXPECT_TRUE(committed.status) << committed.status.error().what;
  return {id, 0};
}

void QueueTest::Finish(const RecipientId& id) {
  Transaction transaction;
  transaction.finishes.push_back({id, queue_->LaneIdOf(KeyOf(id))});
  const Committed committed = CommitOne(std::move(transaction));
  EXPECT_TRUE(committed.status) << committed.status.error().what;
}

LaneKey QueueTest::KeyOf(const RecipientId& id) {
  const Result<LoadedRecipient> loaded = queue_->Load(id);
  EXPECT_TRUE(loaded) << loaded.error().what;
  if (!loaded) return {};
  return {std::string(DomainOf(loaded->recipient.address)), loaded->message.tenant,
          loaded->message.campaign};
}

void QueueTest::Postpone(const RecipientId& id, WallTime due) {
  Result<LoadedRecipient> loaded = queue_->Load(id);
  ASSERT_TRUE(loaded) << loaded.error().what;
  loaded->recipient.due = due;
  loaded->recipient.attempts += 1;
  Transaction transaction;
  transaction.postpones.push_back({loaded->recipient, KeyOf(id)});
  const Committed committed = CommitOne(std::move(transaction));
  EXPECT_TRUE(committed.status) << committed.status.error().what;
}

std::vector<LaneRow> QueueTest::AllLanes(size_t page) {
  std::vector<LaneRow> out;
  std::optional<LaneId> after;
  while (true) {
    Result<std::vector<LaneRow>> rows = queue_->Lanes(after, page);
    EXPECT_TRUE(rows);
    if (!rows || rows->empty()) return out;
    after = rows->back().id;
    for (LaneRow& row : *rows) out.push_back(std::move(row));
  }
}

std::vector<RecipientId> QueueTest::AllOrphans(size_t limit) {
  std::vector<RecipientId> out;
  MessageId from = 0;
  do {
    Result<Queue::Sweep> sweep = queue_->Orphans(from, limit);
    EXPECT_TRUE(sweep);
    if (!sweep) return out;
    for (const LoadedRecipient& found : sweep->found) out.push_back(found.recipient.id);
    from = sweep->next;
  } while (from != 0);
  return out;
}

std::vector<OutboxRow> QueueTest::AllOutbox(size_t page) {
  std::vector<OutboxRow> out;
  while (true) {
    const uint64_t commit = out.empty() ? 0 : out.back().commit;
    const uint32_t part = out.empty() ? 0 : out.back().part;
    Result<std::vector<OutboxRow>> rows = queue_->Outbox(commit, part, page);
    EXPECT_TRUE(rows);
    if (!rows || rows->empty()) return out;
    for (OutboxRow& row : *rows) out.push_back(std::move(row));
  }
}

std::string QueueTest::BodyOf(const RecipientId& id) {
  const Result<LoadedRecipient> loaded = queue_->Load(id);
  EXPECT_TRUE(loaded) << loaded.error().what;
  if (!loaded) return {};
  const BodyLocation& body = loaded->message.body;
  const Result<std::string> content = queue_->ReadBody(body, 0, body.length);
  EXPECT_TRUE(content) << content.error().what;
  return content ? *content : std::string();
}

void QueueTest::TidyAll() {
  for (int i = 0; i < 100'000 && queue_->Tidy(); ++i) {
  }
}

}  // namespace sluice::queue
