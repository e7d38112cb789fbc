// Large messages: to disk while they arrive, so that neither their size nor their number shows in
// memory; and what the client hears when the disk says no.

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/engine/signing_keys.h"
#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

namespace fs = std::filesystem;

using testing::EndsWith;
using testing::StartsWith;

class SubmissionLarge : public SubmissionTest {
 protected:
  SubmissionLarge() {
    std::string pattern = (fs::temp_directory_path() / "sluice-large-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    MakeDisk(uint64_t(1) << 30);
  }
  ~SubmissionLarge() override {
    for (Client& client : clients)
      if (client.events) client.Leave();
    listener.reset();
    intake.accepted.clear();
    while (disk_worker.Step()) {
    }
    fs::remove_all(folder_);
  }

  void MakeDisk(uint64_t max_bytes) {
    intake.disk = std::make_unique<queue::BodyFiles>(
        queue::BodyFilesOptions{folder_, max_bytes, 0, false}, &real_disk_);
    EXPECT_TRUE(intake.disk->Open().has_value());
  }
  size_t Files() const {
    const fs::directory_iterator all(folder_ + "/bodies");
    return size_t(std::distance(begin(all), end(all)));
  }
  static std::string Lines(size_t octets) {
    std::string out;
    while (out.size() < octets) out += "line " + std::to_string(out.size()) + " of a large one\r\n";
    return out;
  }
  // In the pieces a loop would read; the disk keeps up, or does nothing. What the client heard.
  std::string Send(Client& client, std::string_view bytes, bool disk_works) {
    constexpr size_t kRead = size_t(64) << 10;
    std::string heard;
    while (!bytes.empty()) {
      heard += client.Say(bytes.substr(0, kRead));
      bytes.remove_prefix(std::min(bytes.size(), kRead));
      while (disk_works && disk_worker.Step()) {
      }
    }
    return heard + client.stream->Take();
  }
  Client& BeginMessage() {
    Client& client = Connect();
    client.Say(kEnvelope);
    EXPECT_THAT(client.Say("DATA\r\n"), StartsWith("354"));
    return client;
  }

  std::string folder_;
  queue::Disk real_disk_;
};

TEST_F(SubmissionLarge, KeepsAMessageOnDiskWhileItArrivesAndSubmitsItsFile) {
  Client& client = BeginMessage();
  const std::string content = "From: a@b.test\r\nSubject: s\r\n\r\n" + Lines(3'000'000);
  Send(client, content, true);
  EXPECT_EQ(Files(), 1u);
  EXPECT_LT(bodies.used(), 2 * ContentSpool::kPiece);
  EXPECT_EQ(client.Say(".\r\n"), "");
  EXPECT_TRUE(intake.accepted.empty()) << "not before the file is synced";
  while (disk_worker.Step()) {
  }
  ASSERT_EQ(intake.accepted.size(), 1u);
  Accepted& accepted = intake.accepted[0];
  ASSERT_TRUE(accepted.file);
  EXPECT_FALSE(accepted.content);
  const queue::BodyLocation body = accepted.file->location();
  EXPECT_EQ(accepted.size(), body.length);
  const std::string kept = intake.disk->Read(body, 0, body.length).value();
  EXPECT_THAT(kept, StartsWith("Received: from "));
  EXPECT_THAT(kept, EndsWith(content));
  EXPECT_EQ(kept.substr(accepted.message.header_length - 4, 4), "\r\n\r\n");
  intake.Commit();
  EXPECT_THAT(client.stream->Take(), StartsWith("250 2.0.0 Ok: queued as"));
  EXPECT_EQ(spools.open, 0u);
}

TEST_F(SubmissionLarge, PutsSignaturesInFrontOfTheFileWhenItIsWhole) {
  StepWorkers pool;
  Signing signing(pool);
  config.domains = {TestDomain("b.test", "default")};
  Start();
  context.keyring = MakeTestKeyring(config);
  context.signing = &signing;
  Client& client = BeginMessage();
  const std::string body = Lines(1'000'000);
  Send(client, "Bcc: x\r\nFrom: a@b.test\r\n\r\n" + body + ".\r\n", true);
  EXPECT_TRUE(intake.accepted.empty());
  ASSERT_TRUE(pool.Step());
  EXPECT_TRUE(intake.accepted.empty()) << "not before the file is synced";
  while (disk_worker.Step()) {
  }
  ASSERT_EQ(intake.accepted.size(), 1u);
  const Accepted& accepted = intake.accepted[0];
  EXPECT_FALSE(accepted.sign);
  const queue::Message& message = accepted.message;
  const queue::BodyLocation location = accepted.file->location();
  const std::string kept = intake.disk->Read(location, 0, location.length).value();
  EXPECT_THAT(kept, StartsWith("DKIM-Signature: v=1; a=ed25519-sha256;"));
  EXPECT_THAT(kept.substr(message.signature.length), StartsWith("Received: "));
  EXPECT_EQ(kept.substr(message.cuts.at(0).offset, message.cuts[0].length), "Bcc: x\r\n");
  EXPECT_EQ(kept.substr(message.header_length), body);
  smtp::DkimBodyHash hash(smtp::Canonical::kRelaxed);
  hash.Update(body);
  EXPECT_EQ(message.signature.body_hash, hash.Finish());
}

TEST_F(SubmissionLarge, MakesTheClientWaitWhenTheDiskIsBehind) {
  Client& client = BeginMessage();
  Send(client, "A: b\r\n\r\n" + Lines(700'000), false);
  EXPECT_FALSE(client.stream->paused) << "one piece is being written, another gathers";
  Send(client, Lines(200'000), false);
  EXPECT_TRUE(client.stream->paused);
  Pass(config.limits.idle * 2, std::chrono::seconds(10));
  EXPECT_FALSE(client.stream->closed) << "waiting for our disk is not idling";
  while (disk_worker.Step()) {
  }
  EXPECT_FALSE(client.stream->paused);
  client.Say(".\r\n");
  while (disk_worker.Step()) {
  }
  intake.Commit();
  EXPECT_THAT(client.stream->Take(), StartsWith("250"));
}

TEST_F(SubmissionLarge, AnswersAtTheEndOfTheDataWhenTheDiskIsFullAndGoesOn) {
  MakeDisk(1'000'000);
  Client& client = BeginMessage();
  Send(client, "A: b\r\n\r\n" + Lines(3'000'000), true);
  EXPECT_LT(bodies.used(), 2 * ContentSpool::kPiece) << "what has nowhere to go is not kept";
  client.Say(".\r\n");
  while (disk_worker.Step()) {
  }
  EXPECT_THAT(client.stream->Take(), StartsWith("452 4.3.1"));
  while (disk_worker.Step()) {
  }
  EXPECT_EQ(Files(), 0u);
  client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n");
  client.Say("A: b\r\n\r\nsmall\r\n.\r\n");
  EXPECT_EQ(intake.accepted.size(), 1u);

  intake.disk = nullptr;
  intake.Commit();
  EXPECT_THAT(client.stream->Take(), StartsWith("250"));
  client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n");
  EXPECT_THAT(Send(client, "A: b\r\n\r\n" + Lines(1'000'000) + ".\r\n", true),
              StartsWith("451 4.3.0"));
}

TEST_F(SubmissionLarge, LeavesNothingOfWhatNeverEnded) {
  Client& lost = BeginMessage();
  Send(lost, "A: b\r\n\r\n" + Lines(1'000'000), true);
  EXPECT_EQ(Files(), 1u);
  lost.Leave();
  while (disk_worker.Step()) {
  }
  EXPECT_EQ(Files(), 0u);

  // Lost while the last of it is written: nothing is queued.
  Client& late = BeginMessage();
  Send(late, "A: b\r\n\r\n" + Lines(1'000'000), true);
  late.Say(".\r\n");
  late.Leave();
  while (disk_worker.Step()) {
  }
  EXPECT_EQ(Files(), 0u);
  EXPECT_TRUE(intake.accepted.empty());
  EXPECT_EQ(spools.open, 0u);
}

TEST_F(SubmissionLarge, RefusesTooLargeAMessageAndForgetsItsFile) {
  config.limits.message_size = 1'000'000;
  Client& client = BeginMessage();
  EXPECT_THAT(Send(client, "A: b\r\n\r\n" + Lines(2'000'000) + ".\r\n", true),
              StartsWith("552 5.3.4"));
  while (disk_worker.Step()) {
  }
  EXPECT_EQ(Files(), 0u);
}

// Less than a piece each, but many: the budget of all bodies is one MiB here.
TEST_F(SubmissionLarge, GivesUnfinishedBodiesToTheDiskWhenTheBudgetIsUsedUp) {
  std::vector<Client*> all;
  for (int i = 0; i < 12; ++i) {
    Client& client = BeginMessage();
    Send(client, "A: b\r\n\r\n" + Lines(150'000), true);
    all.push_back(&client);
  }
  EXPECT_GT(Files(), 0u);
  EXPECT_LT(bodies.used(), bodies.limit() + 2 * ContentSpool::kPiece);
  for (Client* client : all) {
    EXPECT_FALSE(client->stream->paused);
    client->Say(".\r\n");
  }
  while (disk_worker.Step()) {
  }
  EXPECT_EQ(intake.accepted.size(), all.size());
  intake.Commit();
  for (Client* client : all) EXPECT_THAT(client->stream->Take(), StartsWith("250"));
}

// Many that drop what they have begun must not fill the worker's ring.
TEST_F(SubmissionLarge, BeginsNoOtherFileUntilTheDiskHasLetGoOfTheOneThatWasDropped) {
  Client& client = Connect();
  const std::string content = "A: b\r\n\r\n" + Lines(400'000);
  const std::string round = "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT " +
                            std::to_string(content.size()) + "\r\n" + content + "RSET\r\n";
  Send(client, "EHLO c\r\n" + round, false);
  EXPECT_TRUE(client.stream->paused) << "the client waits for the disk";
  for (int i = 0; i < 10; ++i) Send(client, round, false);  // had it been read all the same
  EXPECT_LE(disk_worker.jobs.size(), SpoolRoom::kJobsMax);
  EXPECT_EQ(spools.open, 1u);
  Pass(config.limits.idle * 2, std::chrono::seconds(10));
  EXPECT_FALSE(client.stream->closed) << "waiting for our disk is not idling";
  while (disk_worker.Step()) {
  }
  EXPECT_FALSE(client.stream->paused);
  EXPECT_EQ(spools.open, 0u);
  EXPECT_EQ(spools.jobs, 0u);
  EXPECT_EQ(Files(), 0u);
}

// The budget is one MiB; whose messages are gone, their pieces still wait for the disk.
TEST_F(SubmissionLarge, ReadsNoContentWhileTheBudgetIsUsedUpByPiecesThatWaitForTheDisk) {
  for (int i = 0; i < 5; ++i) {
    Client& gone = BeginMessage();
    Send(gone, "A: b\r\n\r\n" + Lines(300'000), false);
    gone.Leave();
  }
  EXPECT_EQ(spools.open, 5u);
  EXPECT_TRUE(bodies.exhausted());
  Client& client = BeginMessage();
  client.Say("A: b\r\n\r\n" + Lines(10'000));
  EXPECT_TRUE(client.stream->paused);
  Advance(std::chrono::milliseconds(10));
  EXPECT_TRUE(client.stream->paused) << "waiting makes room";
  while (disk_worker.Step()) {
  }
  Advance(std::chrono::milliseconds(10));
  EXPECT_FALSE(client.stream->paused);
}

TEST_F(SubmissionLarge, KeepsAMessageInSmallChunksOnDiskToo) {
  Client& client = Connect();
  client.Say(kEnvelope);
  const std::string first = "A: b\r\n\r\n";
  const std::string chunk = Lines(30'000);
  const auto say = [&](const std::string& octets, const char* last) {
    const std::string bdat = "BDAT " + std::to_string(octets.size()) + last + "\r\n";
    const std::string heard = client.Say(bdat + octets);
    while (disk_worker.Step()) {
    }
    return heard + client.stream->Take();
  };
  EXPECT_THAT(say(first, ""), StartsWith("250"));
  for (int i = 0; i < 100; ++i) EXPECT_THAT(say(chunk, ""), StartsWith("250"));
  EXPECT_EQ(Files(), 1u);
  EXPECT_LT(bodies.used(), 2 * ContentSpool::kPiece);
  say("x\r\n", " LAST");
  ASSERT_EQ(intake.accepted.size(), 1u);
  EXPECT_TRUE(intake.accepted[0].file);
  EXPECT_GT(intake.accepted[0].size(), 3'000'000u);
}

TEST_F(SubmissionLarge, PausesThoseThatSendSmallChunksWhenTheBudgetIsUsedUp) {
  spools.open = SpoolRoom::kOpenMax;  // none may go to disk
  Client& one = Connect();
  Client& other = Connect();
  const std::string chunk = Lines(30'000);
  const std::string bdat = "BDAT " + std::to_string(chunk.size()) + "\r\n" + chunk;
  for (Client* client : {&one, &other})
    client->Say(kEnvelope + std::string("BDAT 8\r\nA: b\r\n\r\n"));
  for (int i = 0; i < 100 && !one.stream->paused; ++i) {
    one.Say(bdat);
    if (i % 2 == 0) other.Say(bdat);
  }
  EXPECT_TRUE(one.stream->paused);
  EXPECT_FALSE(other.stream->paused);
  EXPECT_LT(bodies.used(), bodies.limit() + 2 * ContentSpool::kPiece);
  spools.open = 0;
}

// Beyond the number of files under way, bodies stay in memory as before.
TEST_F(SubmissionLarge, TakesALargeMessageWithoutAFileWhenTooManyAreUnderWay) {
  spools.open = SpoolRoom::kOpenMax;
  Client& client = BeginMessage();
  Send(client, "A: b\r\n\r\n" + Lines(700'000) + ".\r\n", true);
  ASSERT_EQ(intake.accepted.size(), 1u);
  EXPECT_FALSE(intake.accepted[0].file);
  EXPECT_GT(intake.accepted[0].content->size(), 700'000u);
  spools.open = 0;
}

}  // namespace
}  // namespace sluice::engine
