// Large bodies in files of their own: written in pieces, read by windows, gone with their message.

#include "queue/body_file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/queue/faulty_disk.h"
#include "tests/queue/queue_fixture.h"

namespace sluice::queue {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLarge = 3 * size_t(kBodyBlock) + 1000;

class QueueBodyFile : public QueueTest {
 protected:
  std::vector<fs::path> Files() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(options_.path + "/bodies"))
      out.push_back(entry.path());
    return out;
  }

  Ref<BodyFile> Write(MessageId id, const std::string& content, const std::string& front = "",
                      size_t piece = 100'000) {
    Result<Ref<BodyFile>> file = queue_->CreateBodyFile(id);
    EXPECT_TRUE(file.has_value());
    for (size_t at = 0; at < content.size(); at += piece)
      EXPECT_TRUE((*file)->Append(*MakeBody(content.substr(at, piece))).has_value());
    EXPECT_TRUE((*file)->Finish(front).has_value());
    return *file;
  }

  Insert InsertOf(Ref<BodyFile> file) {
    Insert insert = MakeInsert(file->id(), {"a@example.com"});
    insert.content = {};
    insert.file = std::move(file);
    return insert;
  }

  // Inserts one that came as a file; where it lies.
  BodyLocation PutFile(const std::string& content, const std::string& front = "") {
    Transaction transaction = Of(InsertOf(Write(next_id_++, content, front)));
    const Committed committed = CommitOne(std::move(transaction));
    EXPECT_TRUE(committed.status.has_value());
    return committed.bodies.at(0);
  }

  void Damage(const fs::path& file, uint64_t at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(std::streamoff(at));
    const char was = char(stream.get());
    stream.seekp(std::streamoff(at));
    stream.put(char(was ^ 1));
  }
};

TEST_F(QueueBodyFile, GivesBackWhatCameInPiecesInWindowsOfAnySize) {
  Open();
  const std::string content = ContentOf(7, kLarge);
  const BodyLocation body = PutFile(content);
  EXPECT_EQ(body.segment, kOwnFile);
  EXPECT_EQ(body.length, kLarge);
  for (const uint32_t window :
       {uint32_t(1), uint32_t(999), kBodyBlock - 1, kBodyBlock, kBodyBlock + 1, uint32_t(kLarge)}) {
    for (const uint32_t at :
         {uint32_t(0), uint32_t(1), kBodyBlock - 1, kBodyBlock, uint32_t(kLarge) - window}) {
      if (at + window > kLarge) continue;
      const auto read = queue_->ReadBody(body, at, window);
      ASSERT_TRUE(read.has_value()) << read.error().what;
      EXPECT_EQ(*read, content.substr(at, window)) << at << " " << window;
    }
  }
  EXPECT_EQ(queue_->ReadBody(body, 5, 0).value(), "");
  EXPECT_EQ(queue_->ReadBody(body, 5, uint32_t(kLarge)).error().code, ErrorCode::kInvalid);
}

TEST_F(QueueBodyFile, PutsInFrontWhatComesLast) {
  Open();
  const std::string content = ContentOf(7, kBodyBlock);
  const std::string front = "DKIM-Signature: made when all was there\r\n";
  const BodyLocation body = PutFile(content, front);
  EXPECT_EQ(queue_->ReadBody(body, 0, body.length).value(), front + content);
  const std::string most(kBodyHeadroom, 'x');
  const BodyLocation next = PutFile("small", most);
  EXPECT_EQ(queue_->ReadBody(next, 0, next.length).value(), most + "small");
}

TEST_F(QueueBodyFile, GoesWithTheLastRecipientAndIsCountedUntilThen) {
  Open();
  const uint64_t before = queue_->totals().disk_bytes;
  const BodyLocation body = PutFile(ContentOf(7, kLarge));
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_GE(queue_->totals().disk_bytes, before + kLarge);
  Open();  // it is there after a restart, and counted
  EXPECT_GE(queue_->totals().disk_bytes, before + kLarge);
  EXPECT_TRUE(queue_->ReadBody(body, 0, body.length).has_value());
  Finish({body.offset, 0});
  EXPECT_TRUE(Files().empty());
  EXPECT_LT(queue_->totals().disk_bytes, before + kLarge);
  EXPECT_EQ(queue_->ReadBody(body, 0, body.length).error().code, ErrorCode::kNotFound);
}

TEST_F(QueueBodyFile, IsMadeByTheWriterForALargeBodyThatCameInMemory) {
  Open();
  const RecipientId id = Put("a@example.com", kLarge);
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_EQ(BodyOf(id), ContentOf(id.message, kLarge));
  Put("a@example.com", kBodyBlock);
  EXPECT_EQ(Files().size(), 1u) << "up to the size of a block it lies with the others";
}

TEST_F(QueueBodyFile, GoesWhenItsMessageNeverCommits) {
  Open();
  Write(next_id_++, ContentOf(7, kLarge));
  EXPECT_TRUE(Files().empty());
  Insert wrong = InsertOf(Write(next_id_++, "content"));
  wrong.recipients.clear();
  EXPECT_EQ(CommitOne(Of(std::move(wrong))).status.error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(Files().empty());
}

TEST_F(QueueBodyFile, OfAnEarlierRunGoesInIdleTimeUnlessARecordNamesIt) {
  Open();
  const BodyLocation kept = PutFile(ContentOf(7, kLarge));
  for (int i = 0; i < 600; ++i)
    std::ofstream(options_.path + "/bodies/" + FormatMessageId(next_id_++)) << "never committed";
  std::ofstream(options_.path + "/bodies/notes.txt") << "not ours";
  Open();
  const auto arriving = queue_->CreateBodyFile(next_id_);
  EXPECT_EQ(Files().size(), 603u);
  TidyAll();
  EXPECT_EQ(Files().size(), 3u);
  EXPECT_TRUE(queue_->ReadBody(kept, 0, kept.length).has_value());
}

TEST_F(QueueBodyFile, NoticesEveryDamagedPart) {
  Open();
  const BodyLocation body = PutFile(ContentOf(7, kLarge), "front");
  const fs::path file = Files().at(0);
  const uint64_t size = fs::file_size(file);
  const uint64_t begin = kBodyHeadroom - 5;
  for (const uint64_t at : {begin, begin + kBodyBlock, begin + kLarge, size - 1}) {
    Damage(file, at);
    EXPECT_EQ(queue_->ReadBody(body, 0, body.length).error().code, ErrorCode::kCorrupt) << at;
    Damage(file, at);  // and back
  }
  // A window elsewhere is none the worse for it.
  Damage(file, begin);
  EXPECT_TRUE(queue_->ReadBody(body, 2 * kBodyBlock, 10).has_value());
  Damage(file, begin);
  fs::resize_file(file, size - 8);
  EXPECT_EQ(queue_->ReadBody(body, 0, 1).error().code, ErrorCode::kCorrupt);
  fs::resize_file(file, 3);
  EXPECT_EQ(queue_->ReadBody(body, 0, 1).error().code, ErrorCode::kCorrupt);
  fs::remove(file);
  EXPECT_EQ(queue_->ReadBody(body, 0, 1).error().code, ErrorCode::kNotFound);
}

TEST_F(QueueBodyFile, RefusesWhatGoesBeyondTheBoundsOfTheQueue) {
  FaultyDisk disk;
  options_.disk = &disk;
  options_.max_bytes = uint64_t(4) << 20;
  options_.min_free_bytes = 1000;
  Open();
  auto file = queue_->CreateBodyFile(next_id_++).value();
  const auto piece = MakeBody(std::string(size_t(1) << 20, 'x'));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(file->Append(*piece).has_value());
  const Status last = file->Append(*piece);
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code, ErrorCode::kFull);
  EXPECT_NE(last.error().what.find("queue.max_bytes"), std::string::npos);
  // What never came makes room again.
  file = queue_->CreateBodyFile(next_id_++).value();
  EXPECT_TRUE(file->Append(*piece).has_value());
  file = {};
  Close();
}

TEST_F(QueueBodyFile, TellsADiskThatIsFullOrBroken) {
  FaultyDisk disk;
  options_.disk = &disk;
  options_.min_free_bytes = 1000;
  Open();
  const auto piece = MakeBody(std::string(1000, 'x'));
  {
    const auto file = queue_->CreateBodyFile(next_id_++);
    disk.free_bytes = 999;
    EXPECT_EQ((*file)->Append(*piece).error().code, ErrorCode::kFull);
    disk.free_bytes = UINT64_MAX;
    disk.write_error = ENOSPC;
    EXPECT_EQ((*file)->Append(*piece).error().code, ErrorCode::kFull);
    disk.write_error = 0;
    EXPECT_TRUE((*file)->Append(*piece).has_value());
    disk.sync_error = EIO;
    EXPECT_EQ((*file)->Finish("").error().code, ErrorCode::kIo);
    disk.sync_error = 0;
  }
  EXPECT_TRUE(Files().empty());
  EXPECT_TRUE(queue_->writable().has_value()) << "a file that failed alone breaks nothing else";
  Put();
  Close();
}

}  // namespace
}  // namespace sluice::queue
