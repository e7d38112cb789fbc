// Goal: what a receiver cannot take is converted or refused unsent; the rest leaves as it should
// (protocol.md 14).
// Method: scripted hosts in virtual time (fake_net.h); what the owner is told is compared as text.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/delivery/delivery.h"
#include "tests/engine/delivery_world.h"

namespace sluice::engine {
namespace {

using testing::DeliveryWorld;
using testing::kA;
using testing::kB;

TEST(Delivery, GoesOnWithDataWhereBdatIsOfferedButNotUnderstood) {
  DeliveryWorld world;
  world.net.At(kA).replies["BDAT"] = {"502 5.5.1 what"};
  world.Hosts({kA});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 2)),
            "1/0 dot 250 2.0.0; 1/1 dot 250 2.0.0; closed");
  EXPECT_EQ(world.net.At(kA).connections, 1);
}

TEST(Delivery, RefusesWhatTheReceiverCannotTakeWithoutSendingIt) {
  const struct {
    const char* extensions;
    uint16_t flags;
    const char* text;
    const char* expected;
  } kCases[] = {
      {"SIZE 10", 0, "Subject: x\r\n\r\nhello\r\n", "1/0 local too-large"},
      {"SIZE", queue::kFlagSmtpUtf8 | queue::kFlag8Bit, "Subject: \xc3\xa9\r\n\r\nhello\r\n",
       "1/0 local no-utf8"},
      {"SIZE", queue::kFlag8Bit | queue::kFlagSigned, "Subject: x\r\n\r\n\xc3\xa9\r\n",
       "1/0 local no-8bit"},
      {"SIZE", queue::kFlag8Bit, "Subject: \xc3\xa9\r\n\r\nhello\r\n", "1/0 local no-8bit"},
  };
  for (const auto& c : kCases) {
    DeliveryWorld world;
    world.net.At(kA).extensions = c.extensions;
    world.Hosts({kA});
    world.owner.jobs.push_back(DeliveryWorld::MakeJob(2, 1, "\r\n"));
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1, c.text, c.flags)),
              std::string(c.expected) + "; 2/0 dot 250 2.0.0; closed");
    EXPECT_EQ(world.net.At(kA).messages.size(), 1u);
  }
}

TEST(Delivery, NeedsNoSmtpUtf8WhenAddressesAndHeaderAreAscii) {
  DeliveryWorld world;
  world.Hosts({kA});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1, "Subject: x\r\n\r\n\xc3\xa9\r\n",
                                                queue::kFlagSmtpUtf8 | queue::kFlag8Bit)),
            "1/0 dot 250 2.0.0; closed");
  EXPECT_EQ(world.net.At(kA).commands[1], "MAIL FROM:<a@b.example> SIZE=18 BODY=8BITMIME");
}

TEST(Delivery, ConvertsEightBitContentForAReceiverWithout8BitMime) {
  const std::string text =
      "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nhello to all caf\xc3\xa9s\r\n";
  const std::string converted =
      "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\nhello to all caf=C3=A9s\r\n";
  for (const int windowed : {0, 1, 2}) {
    DeliveryWorld world;
    world.net.At(kA).extensions = "PIPELINING";
    world.Hosts({kA});
    Job job = DeliveryWorld::MakeJob(1, 1, text, queue::kFlag8Bit);
    world.owner.stored = text;
    world.owner.at_once = windowed == 2;
    if (windowed != 0) job.content = {};
    EXPECT_EQ(world.Finish(std::move(job)), "1/0 dot 250 2.0.0; closed");
    EXPECT_EQ(world.net.At(kA).messages, std::vector<std::string>{converted});
  }
}

TEST(Delivery, LeavesOutTheCutsAndStuffsDots) {
  const std::string text = "Bcc: x\r\nA: b\r\nReturn-Path: y\r\n\r\n.dot\r\n";
  for (const char* extensions : {"PIPELINING", "PIPELINING,CHUNKING"}) {
    DeliveryWorld world;
    world.net.At(kA).extensions = extensions;
    world.Hosts({kA});
    queue::Message message;
    message.flags = queue::kFlagDots;
    message.body.length = uint32_t(text.size());
    message.cuts = {{0, 8}, {14, 16}};
    world.Finish(DeliveryWorld::WithMessage(1, 1, message, text));
    const bool chunked = std::string(extensions) != "PIPELINING";
    EXPECT_EQ(world.net.At(kA).messages[0],
              chunked ? "A: b\r\n\r\n.dot\r\n" : "A: b\r\n\r\n..dot\r\n");
  }
}

TEST(Delivery, RefusesADamagedRecordOfCuts) {
  DeliveryWorld world;
  world.Hosts({kA});
  queue::Message message;
  message.cuts = {{10, 8}, {14, 16}};
  EXPECT_EQ(world.Finish(DeliveryWorld::WithMessage(1, 1, message, std::string(50, 'x'))),
            "1/0 local unreadable; closed");
}

TEST(Delivery, SendsLargeMessagesByWindows) {
  std::string text = "Subject: x\r\n\r\n";
  while (text.size() < 700'000) text += ".a line of some length that is repeated\r\n";
  for (const bool at_once : {true, false}) {
    DeliveryWorld world;
    world.net.At(kA).room = 50'000;
    world.Hosts({kA});
    world.owner.stored = text;
    world.owner.at_once = at_once;
    Job job = DeliveryWorld::MakeJob(1, 1, text, queue::kFlagDots);
    job.content = {};
    EXPECT_EQ(world.Finish(std::move(job)), "1/0 dot 250 2.0.0; closed");
    const std::string& sent = world.net.At(kA).messages[0];
    std::string received;
    for (size_t i = 0; i < sent.size(); ++i) {
      if (!received.ends_with("\r\n") || sent[i] != '.' || sent[i + 1] != '.') received += sent[i];
    }
    EXPECT_TRUE(received == text);
    EXPECT_EQ(world.owner.windows.size(), 3u);
  }
}

TEST(Delivery, SendsNoDotWhenAWindowCannotBeRead) {
  DeliveryWorld world;
  world.Hosts({kA});
  world.owner.stored = std::string(300'000, 'x');
  Job job = DeliveryWorld::MakeJob(1, 1, "Subject: x\r\n\r\n" + std::string(600'000, 'x'));
  job.content = {};
  EXPECT_EQ(world.Finish(std::move(job)), "1/0 content unreadable; closed");
  EXPECT_TRUE(world.net.At(kA).messages.empty());
}

// A delivery of a message that is not in memory, whose windows are answered by hand.
class LateWindow : public ::testing::Test {
 protected:
  void Start(const std::string& header, uint16_t flags) {
    text_ = header + "\r\n";
    for (int line = 0; text_.size() < 600'000; ++line)
      text_ += "line " + std::to_string(line) + " of many caf\xc3\xa9s\r\n";
    world_.Hosts({kA, kB});
    world_.owner.stored = text_;
    world_.owner.hold = true;
    Job job = DeliveryWorld::MakeJob(1, 1, text_, flags);
    job.content = {};
    world_.Start(std::move(job));
    world_.loop.Run();
  }
  // The host goes, and the next one has been asked for its transaction.
  void FailOver() {
    world_.net.last().Drop();
    world_.loop.Advance(std::chrono::seconds(2));
  }
  std::string AnswerAll() {
    while (!world_.owner.held.empty()) world_.owner.Answer();
    world_.loop.Advance(std::chrono::minutes(50));
    return world_.Log();
  }
  std::string Taken() {
    const std::vector<std::string>& messages = world_.net.At(kB).messages;
    return messages.empty() ? "" : messages[0];
  }

  DeliveryWorld world_;
  std::string text_;
};

TEST_F(LateWindow, IsNotTakenForTheFirstOfTheNextHost) {
  Start("Subject: x\r\n", 0);
  world_.owner.Answer();
  ASSERT_EQ(world_.owner.held.size(), 1u);  // the second window
  FailOver();
  ASSERT_EQ(world_.owner.held.size(), 2u);
  EXPECT_EQ(AnswerAll(), "1/0 dot 250 2.0.0; closed");
  EXPECT_TRUE(Taken() == text_);
}

TEST_F(LateWindow, IsNotTakenForTheWholeThatIsToBeConverted) {
  world_.net.At(kB).extensions = "PIPELINING";
  Start("Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n", queue::kFlag8Bit);
  world_.owner.Answer();
  FailOver();
  ASSERT_EQ(world_.owner.held.size(), 2u);
  EXPECT_EQ(AnswerAll(), "1/0 dot 250 2.0.0; closed");
  EXPECT_NE(Taken().find("Content-Transfer-Encoding: "), std::string::npos);
}

TEST(RenderedContent, FailsWhenAWindowIsLongerThanWasAskedFor) {
  queue::Message message;
  message.body.length = 4;
  RenderedContent content;
  uint32_t asked = 0;
  ASSERT_TRUE(content.UseWindows(message, [&](uint32_t, uint32_t length) { asked = length; }));
  content.Start(smtp::ContentSource::Framing::kDots);
  std::vector<std::string_view> out;
  EXPECT_EQ(content.Next(out), smtp::ContentSource::State::kWait);
  EXPECT_EQ(asked, 4u);
  content.Loaded("more\r\n");
  EXPECT_EQ(content.Next(out), smtp::ContentSource::State::kFailed);
}

}  // namespace
}  // namespace sluice::engine
