// Goal: however a connection ends, and whenever the engine stops, nothing is lost, nothing is told
// twice, and the receiver has seen the end before another connection takes its place (promise 3).
// Method: scripted hosts in virtual time (fake_net.h); what the owner is told is compared as text.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/delivery/delivery.h"
#include "tests/engine/delivery_world.h"

namespace sluice::engine {
namespace {

using std::chrono::seconds;
using testing::DeliveryWorld;
using testing::FakeHost;
using testing::kA;
using testing::kB;

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

TEST(Delivery, IsClosedWhenThePeerHasClosedAfterQuit) {
  DeliveryWorld world;
  world.net.At(kA).closes_after_quit = false;
  world.Hosts({kA});
  world.Start(DeliveryWorld::MakeJob(1, 1));
  world.loop.Advance(seconds(5));  // idle: QUIT and its reply
  EXPECT_EQ(world.net.At(kA).commands.back(), "QUIT");
  EXPECT_EQ(world.Log(), "1/0 dot 250 2.0.0");
  world.loop.Advance(seconds(2));
  EXPECT_EQ(world.Log(), "") << "the receiver still counts the connection";
  world.net.last().Drop();
  world.loop.Run();
  EXPECT_EQ(world.Log(), "closed");
}

TEST(Delivery, ClosesItselfWhenThePeerDoesNotAndLetsTheEndArrive) {
  DeliveryWorld world;
  world.net.At(kA).closes_after_quit = false;
  world.Hosts({kA});
  world.Start(DeliveryWorld::MakeJob(1, 1));
  world.loop.Advance(seconds(5) + Delivery::kPartingMax);
  EXPECT_TRUE(world.net.all_gone());
  EXPECT_EQ(world.Log(), "1/0 dot 250 2.0.0");
  world.loop.Advance(Delivery::kTravel);
  EXPECT_EQ(world.Log(), "closed");
}

TEST(Delivery, LetsTheEndOfABrokenConnectionArriveBeforeTheNext) {
  for (const char* greeting : {"garbage\r\n", "554 no\r\n"}) {
    DeliveryWorld world;
    world.net.At(kA).greeting = greeting;
    world.Hosts({kA, kB});
    world.Start(DeliveryWorld::MakeJob(1, 1));
    world.loop.Run();
    EXPECT_TRUE(world.net.all_gone());
    EXPECT_EQ(world.net.attempts.size(), 1u);
    world.loop.Advance(Delivery::kTravel);
    EXPECT_EQ(world.net.attempts.size(), 2u) << greeting;
    EXPECT_EQ(world.Log(), "1/0 dot 250 2.0.0");
  }
}

TEST(Delivery, WaitsForNoEndWhenStopped) {
  DeliveryWorld world;
  world.net.At(kA).closes_after_quit = false;
  world.Hosts({kA});
  world.Start(DeliveryWorld::MakeJob(1, 1));
  world.loop.Advance(seconds(5));
  world.delivery->Stop();
  world.loop.Run();
  EXPECT_EQ(world.Log(), "1/0 dot 250 2.0.0; closed");
}

}  // namespace
}  // namespace sluice::engine
