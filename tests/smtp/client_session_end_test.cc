// Goal: the client conversation ends as protocol.md 10-15 says, whatever the server does, and tells
// what may have been taken.
// Method: ClientTalk plays the server by hand and reads what the session sends and concludes.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "smtp/client_session.h"
#include "tests/smtp/client_talk.h"

namespace sluice::smtp {
namespace {

using std::chrono::seconds;

TEST(ClientSession, EndsWhenHeloIsRefusedToo) {
  ClientTalk talk;
  talk.Say("220 hello\r\n");
  talk.Sent();
  talk.Say("502 no\r\n");
  talk.Sent();
  talk.Say("550 5.7.1 go away\r\n");
  EXPECT_EQ(talk.Events(), "closed");
  EXPECT_EQ(talk.End(), "helo 550 5.7.1");
}

TEST(ClientSession, EndsWithTheGreetingThatRefuses) {
  for (const char* greeting : {"421 4.3.2 busy\r\n", "450 later\r\n", "554 5.7.1 no service\r\n"}) {
    ClientTalk talk;
    talk.Say(greeting);
    EXPECT_EQ(talk.Events(), "closed");
    EXPECT_EQ(talk.session.end().code, uint16_t(std::stoi(greeting)));
    EXPECT_EQ(talk.session.end().verb, ClientVerb::kGreeting);
  }
}

TEST(ClientSession, EndsWith421AtAnyTime) {
  struct Case {
    int replies;  // good ones before the 421
    const char* outcome;
  };
  const char* good[] = {"250 ok\r\n", "250 ok\r\n", "354 go\r\n"};
  for (const Case& c : {Case{0, "mail 421 4.3.2"}, Case{1, "rcpt 421 4.3.2"},
                        Case{2, "data 421 4.3.2"}, Case{3, "dot 421 4.3.2"}}) {
    ClientTalk talk = ClientTalk::Ready(kPipelining);
    talk.Begin({"x@y.example"});
    talk.Sent();
    for (int i = 0; i < c.replies; ++i) talk.Say(good[i]);
    talk.Sent();
    talk.Say("421 4.3.2 closing\r\n");
    EXPECT_EQ(talk.Events(), "done closed");
    EXPECT_EQ(talk.Outcome(0), c.outcome);
  }
}

TEST(ClientSession, TellsWhereTheConnectionWasLost) {
  const char* good[] = {"250 ok\r\n", "250 ok\r\n", "354 go\r\n"};
  const char* expected[] = {"mail lost", "rcpt lost", "data lost", "dot lost after-content"};
  for (int replies = 0; replies <= 3; ++replies) {
    ClientTalk talk = ClientTalk::Ready(kPipelining);
    talk.Begin({"x@y.example"});
    talk.Sent();
    for (int i = 0; i < replies; ++i) talk.Say(good[i]);
    talk.Sent();
    talk.session.OnLost(talk.now);
    EXPECT_EQ(talk.Events(), "done closed");
    EXPECT_EQ(talk.Outcome(0), expected[replies]);
  }
}

TEST(ClientSession, TellsThatContentHadLeftInTheFlightWhenTheConnectionIsLost) {
  ClientTalk talk = ClientTalk::Ready(kAll);
  talk.Begin({"x@y.example"});
  talk.Sent();
  talk.session.OnLost(talk.now);
  EXPECT_EQ(talk.Outcome(0), "mail lost after-content");
  ClientTalk half = ClientTalk::Ready(kAll);
  half.Begin({"x@y.example"});
  half.Sent(60);
  half.session.OnLost(half.now);
  EXPECT_EQ(half.Outcome(0), "mail lost");
}

TEST(ClientSession, KeepsTheRefusalOfARecipientWhenTheConnectionIsLostLater) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.Begin({"no@y.example", "x@y.example"});
  talk.Sent();
  talk.Say("250 ok\r\n550 5.1.1 no\r\n250 ok\r\n");
  talk.session.OnLost(talk.now);
  EXPECT_EQ(talk.Outcome(0), "rcpt 550 5.1.1");
  EXPECT_EQ(talk.Outcome(1), "data lost");
}

TEST(ClientSession, CallsATransactionUntriedWhenTheConnectionEndedBeforeIt) {
  for (const bool by_421 : {true, false}) {
    ClientTalk talk = ClientTalk::Ready(kPipelining);
    talk.Begin({"x@y.example"});
    talk.Sent();
    talk.Say("250 ok\r\n250 ok\r\n354 go\r\n");
    talk.Sent();
    talk.Say("250 done\r\n");
    talk.Events();
    talk.Begin({"z@y.example"});
    talk.Sent();
    if (by_421) talk.Say("421 4.4.2 idle too long\r\n");
    if (!by_421) talk.session.OnLost(talk.now);
    EXPECT_EQ(talk.Events(), "done closed");
    EXPECT_EQ(talk.Outcome(0), by_421 ? "mail 421 4.4.2 untried" : "mail lost untried");
  }
}

TEST(ClientSession, ClosesOnA421BetweenTransactions) {
  ClientTalk talk = ClientTalk::Ready(kAll);
  talk.Say("421 4.4.2 idle too long\r\n");
  EXPECT_EQ(talk.Events(), "closed");
  EXPECT_EQ(talk.session.end().fault, ClientFault::kNone);
}

TEST(ClientSession, NeverTakesAnUnsolicitedReplyForSuccess) {
  // Behind EHLO, before anything was asked.
  ClientTalk early = ClientTalk::Ready(kAll);
  early.Say("250 ok\r\n");
  EXPECT_EQ(early.Events(), "closed");
  EXPECT_EQ(early.session.end().fault, ClientFault::kProtocol);
  // More replies than commands, in one read.
  ClientTalk many = ClientTalk::Ready(kNone);
  many.Begin({"x@y.example"});
  many.Sent();
  many.Say("250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n");
  EXPECT_EQ(many.Events(), "done closed");
  EXPECT_EQ(many.Outcome(0), "mail protocol");
  // Ahead of what has not left.
  ClientTalk blocked = ClientTalk::Ready(kAll);
  blocked.Begin({"x@y.example"});
  blocked.Sent(10);
  blocked.Say("250 ok\r\n250 ok\r\n250 ok\r\n");
  EXPECT_EQ(blocked.Outcome(0), "mail protocol");
  // The dot is answered before it was sent.
  ClientTalk dot = ClientTalk::Ready(kPipelining);
  dot.Begin({"x@y.example"});
  dot.Sent();
  dot.Say("250 ok\r\n250 ok\r\n354 go\r\n250 done\r\n");
  EXPECT_EQ(dot.Outcome(0), "dot protocol");
  // A refusal of what was not asked is none either.
  ClientTalk refusal = ClientTalk::Ready(kPipelining);
  refusal.Begin({"x@y.example"});
  refusal.Sent(10);
  refusal.Say("550 5.1.1 no\r\n");
  EXPECT_EQ(refusal.Outcome(0), "mail protocol");
}

TEST(ClientSession, TakesARefusalWhileContentIsUnderWayAndCloses) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.Begin({"x@y.example"}, std::string(5000, 'x') + "\r\n");
  talk.Sent();
  talk.Say("250 ok\r\n250 ok\r\n354 go\r\n");
  EXPECT_EQ(talk.Sent(1000).size(), 1000u);
  talk.Say("552 5.3.4 too much\r\n");
  EXPECT_EQ(talk.Events(), "done closed");
  EXPECT_EQ(talk.Outcome(0), "dot 552 5.3.4");
}

TEST(ClientSession, FaultsOnRepliesThatCannotFollow) {
  for (const char* replies :
       {"354 go\r\n", "250 ok\r\n354 what\r\n", "250 ok\r\n250 ok\r\n250 ok\r\n", "hello\r\n",
        "100 x\r\n", "600 x\r\n", "\r\n", "25 ok\r\n"}) {
    ClientTalk talk = ClientTalk::Ready(kPipelining);
    talk.Begin({"x@y.example"});
    talk.Sent();
    talk.Say(replies);
    EXPECT_EQ(talk.Events(), "done closed") << replies;
    EXPECT_EQ(talk.session.outcomes()[0].fault, ClientFault::kProtocol) << replies;
  }
}

TEST(ClientSession, GivesEachReplyItsOwnDeadlineInTotal) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.Begin({"x@y.example"});
  EXPECT_EQ(talk.session.deadline(), talk.now + seconds(6)) << "nobody takes the output";
  talk.Sent();
  EXPECT_EQ(talk.session.deadline(), talk.now + seconds(3));
  talk.Pass(seconds(2));
  talk.Say("250-still");
  EXPECT_EQ(talk.session.deadline(), talk.now + seconds(1)) << "octets do not lengthen it";
  talk.Say("\r\n250 here\r\n");
  EXPECT_EQ(talk.session.deadline(), talk.now + seconds(4));
  talk.Say("250 ok\r\n");
  EXPECT_EQ(talk.session.deadline(), talk.now + seconds(5));
  talk.Say("354 ok\r\n");
  talk.Sent();
  EXPECT_EQ(talk.session.deadline(), talk.now + seconds(7));
  talk.Pass(seconds(7));
  talk.session.OnDeadline(talk.now);
  EXPECT_EQ(talk.Outcome(0), "dot timeout after-content");
}

TEST(ClientSession, GivesUpALiarAboutPipelining) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.Begin({"x@y.example", "z@y.example"});
  talk.Sent();
  talk.Say("250 ok\r\n");  // and loses the rest of the flight
  talk.Pass(seconds(4));
  talk.session.OnDeadline(talk.now);
  EXPECT_EQ(talk.Events(), "done closed");
  EXPECT_EQ(talk.Outcome(0), "rcpt timeout");
  EXPECT_EQ(talk.Outcome(1), "rcpt timeout");
}

TEST(ClientSession, TimesOutAPeerThatDoesNotRead) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.Begin({"x@y.example"}, std::string(5000, 'x') + "\r\n");
  talk.Sent();
  talk.Say("250 ok\r\n250 ok\r\n354 go\r\n");
  talk.Sent(1000);
  talk.Pass(seconds(5));
  talk.Sent(1);
  EXPECT_EQ(talk.session.deadline(), talk.now + seconds(6));
  talk.Pass(seconds(6));
  talk.session.OnDeadline(talk.now);
  EXPECT_EQ(talk.Outcome(0), "dot timeout");
}

TEST(ClientSession, AsksForTlsAndForgetsWhatCameBefore) {
  ClientTalk talk(true);
  talk.Say("220 hello\r\n");
  talk.Sent();
  talk.Say("250-mx\r\n250-STARTTLS\r\n250 CHUNKING\r\n");
  EXPECT_EQ(talk.Sent(), "STARTTLS\r\n");
  talk.Say("220 go\r\n250 injected\r\n");
  EXPECT_EQ(talk.Events(), "tls");
  EXPECT_EQ(talk.session.deadline(), talk.now + seconds(9));
  talk.Say("250 injected\r\n");
  talk.session.OnTlsReady(talk.now);
  EXPECT_EQ(talk.Sent(), "EHLO me.example\r\n");
  talk.Say("250-mx\r\n250-STARTTLS\r\n250 PIPELINING\r\n");
  EXPECT_EQ(talk.Events(), "ready");
  EXPECT_TRUE(talk.session.capabilities().pipelining);
  EXPECT_FALSE(talk.session.capabilities().chunking);
}

TEST(ClientSession, GoesOnInClearWhenStartTlsIsRefusedInWords) {
  ClientTalk talk(true);
  talk.Say("220 hello\r\n");
  talk.Sent();
  talk.Say("250-mx\r\n250 STARTTLS\r\n");
  talk.Sent();
  talk.Say("454 4.7.0 not now\r\n");
  EXPECT_EQ(talk.Events(), "ready");
  EXPECT_TRUE(talk.session.tls_refused());
}

TEST(ClientSession, NamesTheStageWhenTlsStallsOrBreaks) {
  ClientTalk talk(true);
  talk.Say("220 hello\r\n");
  talk.Sent();
  talk.Say("250-mx\r\n250 STARTTLS\r\n");
  talk.Sent();
  talk.Say("220 go\r\n");
  talk.Pass(seconds(9));
  talk.session.OnDeadline(talk.now);
  EXPECT_EQ(talk.End(), "starttls timeout");
}

TEST(ClientSession, QuitsAndTakesAnyGoodbye) {
  for (const char* goodbye : {"221 bye\r\n", "500 what\r\n", "421 x\r\n"}) {
    ClientTalk talk = ClientTalk::Ready(kAll);
    talk.session.Quit(talk.now);
    EXPECT_EQ(talk.Sent(), "QUIT\r\n");
    EXPECT_EQ(talk.session.deadline(), talk.now + seconds(8));
    talk.Say(goodbye);
    EXPECT_EQ(talk.Events(), "closed");
  }
}

TEST(ClientSession, GivesTheSameEndForEveryWayOfCuttingTheReplies) {
  const std::string replies = "250 2.1.0 ok\r\n250-2.1.5\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n";
  for (size_t cut = 0; cut <= replies.size(); ++cut) {
    ClientTalk talk = ClientTalk::Ready(kPipelining);
    talk.Begin({"x@y.example", "no@y.example"});
    talk.Sent();
    talk.Say(replies.substr(0, cut));
    std::string sent = talk.Sent();
    talk.Say(replies.substr(cut));
    sent += talk.Sent();
    EXPECT_TRUE(sent.ends_with("\r\n.\r\n")) << cut;
    talk.Say("250 done\r\n");
    EXPECT_EQ(talk.Events(), "done");
    EXPECT_EQ(talk.Outcome(0), "dot 250");
    EXPECT_EQ(talk.Outcome(1), "rcpt 550 5.1.1");
  }
}

}  // namespace
}  // namespace sluice::smtp
