// Goal: a Delivery reuses its connection and answers every recipient of every job exactly once
// (protocol.md 11-13).
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
using testing::kA;
using testing::kB;

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

}  // namespace
}  // namespace sluice::engine
