// Goal: a Delivery walks the hosts of a route, reuses its connection, answers every recipient of
// every job exactly once, whatever the hosts do (protocol.md 11, 13-16).
// Method: scripted hosts in virtual time (fake_net.h); what the owner is told is compared as text.

#include "engine/delivery/delivery.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/delivery_world.h"

namespace sluice::engine {
namespace {

using std::chrono::seconds;
using testing::DeliveryWorld;
using testing::FakeHost;
using testing::FakeOwner;

constexpr char kA[] = "192.0.2.1:25";
constexpr char kB[] = "192.0.2.2:25";
constexpr char kC[] = "192.0.2.3:25";

TEST(Delivery, DeliversOneMessageAndSaysGoodbyeWhenIdle) {
  DeliveryWorld world;
  world.Hosts({kA});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 2)),
            "1/0 dot 250 2.0.0; 1/1 dot 250 2.0.0; closed");
  const FakeHost& host = world.net.At(kA);
  EXPECT_EQ(host.commands.back(), "QUIT");
  EXPECT_EQ(host.messages, std::vector<std::string>{"Subject: x\r\n\r\nhello\r\n"});
  EXPECT_EQ(world.owner.results[0].host, "192.0.2.1 [192.0.2.1]:25");
  EXPECT_TRUE(world.owner.results[0].dsn_passed_on);
  EXPECT_TRUE(world.net.all_gone());
}

TEST(Delivery, SendsAWholeSmallMessageInOneWrite) {
  DeliveryWorld world;
  world.Hosts({kA});
  world.Start(DeliveryWorld::MakeJob(1, 1));
  world.loop.Run();
  EXPECT_EQ(world.net.At(kA).writes, 2);  // EHLO, then all of it
}

TEST(Delivery, TakesJobsOverOneConnectionUpToItsLimit) {
  DeliveryWorld world;
  world.config().delivery.messages_per_connection = 3;
  world.Hosts({kA});
  for (uint64_t id = 2; id <= 5; ++id) world.owner.jobs.push_back(DeliveryWorld::MakeJob(id, 1));
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1/0 dot 250 2.0.0; 2/0 dot 250 2.0.0; 3/0 dot 250 2.0.0; closed");
  EXPECT_EQ(world.owner.jobs.size(), 2u);
  EXPECT_EQ(world.net.At(kA).connections, 1);
}

TEST(Delivery, KeepsToTheLimitsThatTheReceiverNames) {
  DeliveryWorld world;
  world.net.At(kA).extensions = "PIPELINING,LIMITS MAILMAX=3 RCPTMAX=2";
  world.Hosts({kA});
  world.owner.jobs.push_back(DeliveryWorld::MakeJob(2, 1));
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 5)),
            "1/0 dot 250 2.0.0; 1/1 dot 250 2.0.0; 1/2 dot 250 2.0.0; 1/3 dot 250 2.0.0; "
            "1/4 dot 250 2.0.0; closed");
  EXPECT_EQ(world.net.At(kA).messages.size(), 3u);
}

TEST(Delivery, WaitsIdleForAPoke) {
  DeliveryWorld world;
  world.Hosts({kA});
  Delivery& delivery = world.Start(DeliveryWorld::MakeJob(1, 1));
  world.loop.Run();
  EXPECT_TRUE(delivery.idle());
  world.loop.Advance(seconds(4));
  world.owner.jobs.push_back(DeliveryWorld::MakeJob(2, 1));
  delivery.Poke();
  EXPECT_EQ(world.Log(), "1/0 dot 250 2.0.0") << "nothing happens inside the call";
  world.loop.Run();
  EXPECT_EQ(world.Log(), "2/0 dot 250 2.0.0");
  world.loop.Advance(seconds(4));
  EXPECT_TRUE(delivery.idle()) << "idle time counts from the last work";
  world.loop.Advance(seconds(2));
  EXPECT_EQ(world.Log(), "closed");
}

TEST(Delivery, WalksToTheNextHostWhenOneIsRefusedSilentOrBroken) {
  DeliveryWorld world;
  world.net.At(kA).connect = FakeHost::Connect::kRefuse;
  world.net.At(kB).connect = FakeHost::Connect::kSilent;
  world.Hosts({kA, kB, kC});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed");
  EXPECT_EQ(world.net.attempts, (std::vector<std::string>{kA, kB, kC}));
}

TEST(Delivery, NeverBouncesByAGreetingAndTriesTheNextHost) {
  for (const char* greeting : {"554 5.7.1 no service here\r\n", "450 later\r\n", "421 later\r\n",
                               "garbage\r\n", "drop", "silence"}) {
    DeliveryWorld world;
    world.net.At(kA).greeting = greeting;
    world.Hosts({kA, kB});
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed") << greeting;
  }
}

TEST(Delivery, EndsTheRoundWhenTheHostSpeaksOfRateListsOrGreylisting) {
  for (const char* greeting :
       {"421 4.7.0 Too many connections from your IP\r\n", "554 IP is on a blocklist\r\n",
        "450 4.7.1 greylisted\r\n", "421 4.7.28 unusual rate of mail\r\n"}) {
    DeliveryWorld world;
    world.net.At(kA).greeting = greeting;
    world.Hosts({kA, kB});
    const std::string log = world.Finish(DeliveryWorld::MakeJob(1, 2));
    EXPECT_TRUE(log.starts_with("1 returned 0,1 greeting ")) << log;
    EXPECT_EQ(world.net.attempts.size(), 1u);
  }
}

TEST(Delivery, ReturnsTheJobWhenAllHostsFail) {
  DeliveryWorld world;
  world.net.At(kA).connect = FakeHost::Connect::kRefuse;
  world.net.At(kB).connect = FakeHost::Connect::kSilent;
  world.Hosts({kA, kB});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 2)),
            "1 returned 0,1 connect timeout after 2; closed");
}

TEST(Delivery, TriesAtMostFiveAddressesAndTwoSessions) {
  DeliveryWorld many;
  for (int i = 1; i <= 7; ++i) {
    const std::string host = "192.0.2." + std::to_string(i) + ":25";
    many.net.At(host).connect = FakeHost::Connect::kRefuse;
    many.Hosts({host});
  }
  EXPECT_EQ(many.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1 returned 0 connect refused after 5; closed");
  DeliveryWorld sessions;
  for (const char* host : {kA, kB, kC}) sessions.net.At(host).greeting = "554 no\r\n";
  sessions.Hosts({kA, kB, kC});
  EXPECT_EQ(sessions.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1 returned 0 greeting 554 after 2; closed");
}

TEST(Delivery, AsksDnsForNamesOneHostAtATime) {
  for (const bool at_once : {true, false}) {
    DeliveryWorld world;
    world.router.at_once = at_once;
    world.path.hosts = {
        {"mx0.example.net", 5, 25}, {"mx1.example.net", 10, 25}, {"mx2.example.net", 20, 25}};
    world.router.answers["mx1.example.net"] = {*IpAddress::Parse("192.0.2.1"),
                                               *IpAddress::Parse("2001:db8::1")};
    world.router.answers["mx2.example.net"] = {*IpAddress::Parse("192.0.2.2")};
    world.path.address = IpAddress::Parse("198.51.100.1");  // IPv4 only
    world.net.At(kA).connect = FakeHost::Connect::kRefuse;
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed");
    EXPECT_EQ(world.net.attempts, (std::vector<std::string>{kA, kB}));
    EXPECT_EQ(world.owner.results[0].host, "mx2.example.net [192.0.2.2]:25");
    EXPECT_FALSE(world.router.configured);
  }
}

TEST(Delivery, AsksForConfiguredHostsByTheirOwnDoor) {
  DeliveryWorld world;
  world.path.configured = true;
  world.path.hosts = {{"localhost", 0, 2525}};
  world.router.answers["localhost"] = {*IpAddress::Parse("127.0.0.1")};
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed");
  EXPECT_TRUE(world.router.configured);
}

TEST(Delivery, ReturnsTheJobWhenNoHostHasAnAddress) {
  DeliveryWorld world;
  world.path.hosts = {{"mx.example.net", 5, 25}};
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1 returned 0 connect no-address after 0; closed");
}

TEST(Delivery, UsesTlsWhereItIsOffered) {
  DeliveryWorld world(true);
  world.net.At(kA).extensions = "PIPELINING,STARTTLS";
  world.Hosts({kA});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed");
  EXPECT_EQ(world.owner.results[0].tls, "TLSv1.3 TLS_AES_256_GCM_SHA384");
}

TEST(Delivery, TriesTheSameHostOnceMoreInClearWhenTlsBreaks) {
  const struct {
    FakeHost::Tls tls;
    const char* starttls;  // its reply; empty: 220
  } kCases[] = {{FakeHost::Tls::kBroken, ""},
                {FakeHost::Tls::kStalls, ""},
                {FakeHost::Tls::kGood, "garbage"},
                {FakeHost::Tls::kGood, "drop"},
                {FakeHost::Tls::kGood, "silence"},
                {FakeHost::Tls::kGood, "421 4.3.0 no"},
                {FakeHost::Tls::kGood, "454 4.7.0 not now"}};
  for (const auto& c : kCases) {
    DeliveryWorld world(true);
    FakeHost& host = world.net.At(kA);
    host.extensions = "PIPELINING,STARTTLS";
    host.tls = c.tls;
    if (c.starttls[0] != '\0') host.replies["STARTTLS"].push_back(c.starttls);
    world.Hosts({kA, kB});
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed")
        << c.starttls;
    EXPECT_EQ(world.owner.results[0].tls, "");
    EXPECT_EQ(world.owner.results[0].host, "192.0.2.1 [192.0.2.1]:25");
    EXPECT_EQ(world.memory.size(), 1u);
    // Remembered: the next delivery does not try.
    const size_t before = host.commands.size();
    world.owner.closed = false;
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(2, 1)), "2/0 dot 250 2.0.0; closed");
    for (size_t i = before; i < host.commands.size(); ++i) EXPECT_NE(host.commands[i], "STARTTLS");
  }
}

TEST(Delivery, GoesOnAtTheNextHostWhenOneFailsWithinTheTransaction) {
  for (const char* reply : {"drop", "silence", "garbage", "299"}) {
    if (std::string(reply) == "299") continue;
    DeliveryWorld world;
    world.net.At(kA).extensions = "";
    world.net.At(kA).replies["RCPT"] = {"550 5.1.1 no", reply};
    world.Hosts({kA, kB});
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 3)),
              "1/0 rcpt 550 5.1.1; 1/1 dot 250 2.0.0; 1/2 dot 250 2.0.0; closed")
        << reply;
  }
}

TEST(Delivery, DoesNotTakeARefusedRecipientToTheNextHost) {
  DeliveryWorld world;
  world.net.At(kA).replies["RCPT"] = {"450 4.2.1 busy", "550 5.1.1 no"};
  world.Hosts({kA, kB});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 2)),
            "1/0 rcpt 450 4.2.1; 1/1 rcpt 550 5.1.1; closed");
  EXPECT_EQ(world.net.attempts.size(), 1u);
}

TEST(Delivery, NeverTriesAnotherHostAfterTheDot) {
  for (const char* extensions : {"PIPELINING", "PIPELINING,CHUNKING"}) {
    DeliveryWorld world;
    world.net.At(kA).extensions = extensions;
    world.net.At(kA).replies["."] = {"drop"};
    world.net.At(kA).replies["BDAT"] = {"drop"};
    world.Hosts({kA, kB});
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot lost after-dot; closed");
    EXPECT_EQ(world.net.attempts.size(), 1u);
  }
}

TEST(Delivery, BeginsANewTransactionAtOnceForRecipientsBeyondTheReceiversLimit) {
  DeliveryWorld world;
  world.net.At(kA).replies["RCPT"] = {"", "", "452 4.5.3 too many", "452 4.5.3 too many"};
  world.Hosts({kA});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 4)),
            "1/0 dot 250 2.0.0; 1/1 dot 250 2.0.0; 1/2 dot 250 2.0.0; 1/3 dot 250 2.0.0; closed");
  EXPECT_EQ(world.net.At(kA).messages.size(), 2u);
}

TEST(Delivery, TakesTooManyRecipientsForADeferralWhenNoneWasAccepted) {
  DeliveryWorld world;
  world.net.At(kA).replies["RCPT"] = {"452 4.5.3 too many"};
  world.Hosts({kA});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 2)),
            "1/0 rcpt 452 4.5.3; 1/1 dot 250 2.0.0; closed");
}

TEST(Delivery, ReturnsAJobUntriedWhenTheConnectionEndsBeforeIt) {
  for (const char* how : {"421 4.4.2 enough", "drop"}) {
    DeliveryWorld world;
    world.net.At(kA).extensions = "";
    world.net.At(kA).replies["MAIL"] = {"", how};
    world.Hosts({kA, kB});
    world.owner.jobs.push_back(DeliveryWorld::MakeJob(2, 1));
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; 2 returned 0; closed")
        << how;
  }
}

TEST(Delivery, ClosesQuietlyWhenTheHostEndsAnIdleConnection) {
  DeliveryWorld world;
  world.Hosts({kA});
  world.Start(DeliveryWorld::MakeJob(1, 1));
  world.loop.Run();
  world.net.last().Say("421 4.4.2 idle\r\n");
  world.net.last().Drop();
  world.loop.Run();
  EXPECT_EQ(world.Log(), "1/0 dot 250 2.0.0; closed");
}

TEST(Delivery, GivesUpALiarAboutPipeliningWithoutLosingAnything) {
  DeliveryWorld world;
  world.net.At(kA).extensions = "PIPELINING";
  world.net.At(kA).replies["RCPT"] = {"silence"};
  world.net.At(kA).replies["DATA"] = {"silence"};
  world.Hosts({kA});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1 returned 0 rcpt timeout after 1; closed");
  // Next time it gets one command at a time.
  world.owner.closed = false;
  world.net.At(kA).writes = 0;
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(2, 1)), "2/0 dot 250 2.0.0; closed");
  EXPECT_EQ(world.net.At(kA).writes, 6);  // EHLO, MAIL, RCPT, DATA, content, QUIT
}

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

TEST(Delivery, StopsInEveryState) {
  // A silent host: the connection is being made.
  DeliveryWorld connecting;
  connecting.net.At(kA).connect = FakeHost::Connect::kSilent;
  connecting.Hosts({kA, kB});
  connecting.Start(DeliveryWorld::MakeJob(1, 1)).Stop();
  connecting.loop.Run();
  EXPECT_EQ(connecting.Log(), "1 returned 0; closed");
  // Waiting for the greeting.
  DeliveryWorld opening;
  opening.net.At(kA).greeting = "silence";
  opening.Hosts({kA, kB});
  opening.Start(DeliveryWorld::MakeJob(1, 1));
  opening.loop.Run();
  opening.delivery->Stop();
  opening.loop.Run();
  EXPECT_EQ(opening.Log(), "1 returned 0; closed");
  // Idle: QUIT.
  DeliveryWorld idle;
  idle.Hosts({kA});
  idle.Start(DeliveryWorld::MakeJob(1, 1));
  idle.loop.Run();
  idle.delivery->Stop();
  idle.loop.Run();
  EXPECT_EQ(idle.Log(), "1/0 dot 250 2.0.0; closed");
  EXPECT_EQ(idle.net.At(kA).commands.back(), "QUIT");
}

TEST(Delivery, FinishesTheTransactionThatRunsWhenStopped) {
  DeliveryWorld world;
  world.net.At(kA).replies["BDAT"] = {"silence"};
  world.Hosts({kA});
  world.owner.jobs.push_back(DeliveryWorld::MakeJob(2, 1));
  Delivery& delivery = world.Start(DeliveryWorld::MakeJob(1, 1));
  world.loop.Run();
  delivery.Stop();
  world.loop.Run();
  EXPECT_EQ(world.Log(), "");
  world.net.last().Say("250 2.0.0 slow\r\n");
  world.loop.Run();
  EXPECT_EQ(world.Log(), "1/0 dot 250 2.0.0; closed");
  EXPECT_EQ(world.owner.jobs.size(), 1u);
}

TEST(Delivery, AnswersWhatMayHaveBeenTakenWhenAborted) {
  DeliveryWorld world;
  world.net.At(kA).replies["BDAT"] = {"silence"};
  world.Hosts({kA});
  world.Start(DeliveryWorld::MakeJob(1, 1));
  world.loop.Run();
  world.delivery->Abort();
  world.loop.Run();
  EXPECT_EQ(world.Log(), "1/0 dot shutdown after-dot; closed");
}

TEST(Delivery, ReturnsWhatCannotHaveBeenTakenWhenAborted) {
  DeliveryWorld world;
  world.net.At(kA).extensions = "";
  world.net.At(kA).replies["RCPT"] = {"550 5.1.1 no", "silence"};
  world.Hosts({kA});
  world.Start(DeliveryWorld::MakeJob(1, 3));
  world.loop.Run();
  world.delivery->Abort();
  world.loop.Run();
  EXPECT_EQ(world.Log(), "1/0 rcpt 550 5.1.1; 1 returned 1,2; closed");
}

TEST(Delivery, MayBeStoppedFromWithinTheOwnersCalls) {
  DeliveryWorld world;
  world.Hosts({kA});
  world.owner.on_next = [](Delivery& delivery) { delivery.Stop(); };
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed");
}

TEST(Delivery, AnswersEveryRecipientOnceWhereverTheConnectionIsLost) {
  for (const char* extensions : {"", "PIPELINING", "PIPELINING,CHUNKING"}) {
    for (const char* verb : {"greeting", "EHLO", "MAIL", "RCPT", "DATA", ".", "BDAT", "QUIT"}) {
      for (const char* how : {"drop", "silence", "421 4.3.2 bye", "garbage", "250 x\r\n250 y"}) {
        DeliveryWorld world;
        world.net.At(kA).extensions = extensions;
        world.net.At(kA).replies[verb] = {how};
        world.net.At(kB).connect = FakeHost::Connect::kRefuse;
        world.Hosts({kA, kB});
        const std::string log = world.Finish(DeliveryWorld::MakeJob(1, 1));
        const bool answered = log.starts_with("1/0 ") || log.starts_with("1 returned 0");
        EXPECT_TRUE(answered && log.ends_with("; closed")) << verb << " " << how << ": " << log;
        EXPECT_EQ(std::count(log.begin(), log.end(), ';'), 1) << verb << " " << how << ": " << log;
      }
    }
  }
}

TEST(BrokenTlsMemory, ForgetsAfterAWhileAndWhenFull) {
  BrokenTlsMemory memory;
  const Instant start{seconds(1)};
  const Endpoint host = *Endpoint::Parse(kA);
  memory.Remember(host, start);
  EXPECT_TRUE(memory.IsBroken(host, start + seconds(3599)));
  EXPECT_FALSE(memory.IsBroken(host, start + seconds(3600)));
  for (uint32_t i = 0; i <= BrokenTlsMemory::kEntriesMax; ++i)
    memory.Remember({IpAddress::V4(i), 25}, start);
  EXPECT_EQ(memory.size(), BrokenTlsMemory::kEntriesMax);
  EXPECT_FALSE(memory.IsBroken({IpAddress::V4(0), 25}, start));
}

}  // namespace
}  // namespace sluice::engine
