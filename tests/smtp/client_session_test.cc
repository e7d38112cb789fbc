// Goal: the client conversation sends what protocol.md 10-15 says and takes replies for what they
// are.
// Method: ClientTalk plays the server by hand and reads what the session sends and concludes.

#include "smtp/client_session.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/smtp/client_talk.h"

namespace sluice::smtp {
namespace {

using std::chrono::seconds;

TEST(ClientSession, GreetsWithEhloOnlyAfterTheGreeting) {
  ClientTalk talk;
  EXPECT_EQ(talk.Sent(), "");
  talk.Say("220-mx\r\n220 hello\r\n");
  EXPECT_EQ(talk.Sent(), "EHLO me.example\r\n");
  talk.Say("250 mx\r\n");
  EXPECT_EQ(talk.Events(), "ready");
}

TEST(ClientSession, FallsBackToHeloWhenEhloIsRefused) {
  for (const char* refusal : {"500 what\r\n", "502 5.5.1 no\r\n", "421x", "450 not now\r\n"}) {
    if (std::string(refusal) == "421x") continue;
    ClientTalk talk;
    talk.Say("220 hello\r\n");
    talk.Sent();
    talk.Say(refusal);
    EXPECT_EQ(talk.Sent(), "HELO me.example\r\n");
    talk.Say("250 PIPELINING\r\n");
    EXPECT_EQ(talk.Events(), "ready");
    EXPECT_FALSE(talk.session.capabilities().pipelining);
  }
}

TEST(ClientSession, SendsOneFlightWithBdatWhenOffered) {
  ClientTalk talk = ClientTalk::Ready(kAll);
  talk.Begin({"x@y.example"}, ".a\r\n");
  EXPECT_EQ(talk.Sent(),
            "MAIL FROM:<a@b.example> SIZE=4\r\nRCPT TO:<x@y.example>\r\nBDAT 4 LAST\r\n.a\r\n");
  talk.Say("250 ok\r\n250 ok\r\n250 2.0.0 queued\r\n");
  EXPECT_EQ(talk.Events(), "done");
  EXPECT_EQ(talk.Outcome(0), "dot 250 2.0.0");
  EXPECT_TRUE(talk.session.ready());
}

TEST(ClientSession, PipelinesDataAndWaitsFor354) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.Begin({"x@y.example", "z@y.example"}, ".a\r\n");
  EXPECT_EQ(
      talk.Sent(),
      "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nRCPT TO:<z@y.example>\r\nDATA\r\n");
  talk.Say("250 ok\r\n250 ok\r\n");
  EXPECT_EQ(talk.Sent(), "");
  talk.Say("250 ok\r\n354 go\r\n");
  EXPECT_EQ(talk.Sent(), "..a\r\n.\r\n");
  talk.Say("250 2.0.0 queued\r\n");
  EXPECT_EQ(talk.Outcome(0), "dot 250 2.0.0");
  EXPECT_EQ(talk.Outcome(1), "dot 250 2.0.0");
}

TEST(ClientSession, SendsOneCommandAtATimeWithoutPipelining) {
  for (const bool chunking : {false, true}) {
    ClientTalk talk = ClientTalk::Ready(chunking ? "CHUNKING" : kNone);
    talk.Begin({"x@y.example", "z@y.example"}, "a\r\n");
    EXPECT_EQ(talk.Sent(), "MAIL FROM:<a@b.example>\r\n");
    talk.Say("250 ok\r\n");
    EXPECT_EQ(talk.Sent(), "RCPT TO:<x@y.example>\r\n");
    talk.Say("250 ok\r\n");
    EXPECT_EQ(talk.Sent(), "RCPT TO:<z@y.example>\r\n");
    talk.Say("250 ok\r\n");
    EXPECT_EQ(talk.Sent(), chunking ? "BDAT 3 LAST\r\na\r\n" : "DATA\r\n");
    if (!chunking) {
      talk.Say("354 go\r\n");
      EXPECT_EQ(talk.Sent(), "a\r\n.\r\n");
    }
    talk.Say("250 done\r\n");
    EXPECT_EQ(talk.Events(), "done");
  }
}

TEST(ClientSession, PassesParametersOnlyWhereTheyAreOffered) {
  for (const bool offered : {true, false}) {
    ClientTalk talk = ClientTalk::Ready(offered ? "SIZE,8BITMIME,SMTPUTF8,DSN" : kNone);
    const ClientRecipient recipient{"x@y.example", "rfc822;x@y.example", kTellSuccess | kTellDelay};
    talk.envelope = {.sender = "",
                     .envid = "id+2B1",
                     .ret = DsnReturn::kHeaders,
                     .eight_bit = true,
                     .utf8 = true,
                     .recipients = {&recipient, 1}};
    talk.source = StringSource("a\r\n");
    talk.session.Begin(talk.envelope, talk.source, talk.now);
    EXPECT_EQ(talk.Sent(), offered ? "MAIL FROM:<> SIZE=3 BODY=8BITMIME SMTPUTF8 RET=HDRS "
                                     "ENVID=id+2B1\r\n"
                                   : "MAIL FROM:<>\r\n");
    talk.Say("250 ok\r\n");
    EXPECT_EQ(talk.Sent(), offered ? "RCPT TO:<x@y.example> NOTIFY=SUCCESS,DELAY "
                                     "ORCPT=rfc822;x@y.example\r\n"
                                   : "RCPT TO:<x@y.example>\r\n");
  }
}

TEST(ClientSession, SendsAnOrcptOfTheTypeUtf8InAsciiWhereTheTransactionIsNotUtf8) {
  const ClientRecipient recipient{"x@y.example", "utf-8;\xc3\xbc@y.example"};
  for (const bool utf8 : {true, false}) {
    ClientTalk talk = ClientTalk::Ready("SMTPUTF8,DSN");
    talk.envelope.utf8 = utf8;
    talk.envelope.recipients = {&recipient, 1};
    talk.source = StringSource("a\r\n");
    talk.session.Begin(talk.envelope, talk.source, talk.now);
    EXPECT_EQ(talk.Sent(),
              utf8 ? "MAIL FROM:<a@b.example> SMTPUTF8\r\n" : "MAIL FROM:<a@b.example>\r\n");
    talk.Say("250 ok\r\n");
    EXPECT_EQ(talk.Sent(), std::string("RCPT TO:<x@y.example> ORCPT=utf-8;") +
                               (utf8 ? "\xc3\xbc" : "\\x{FC}") + "@y.example\r\n");
  }
}

TEST(ClientSession, UsesDataForContentTooLargeForOneFlightOrNotInMemory) {
  ClientTalk talk = ClientTalk::Ready("CHUNKING,PIPELINING");
  talk.Begin({"x@y.example"}, std::string(kOneFlightBytes - 1, 'x') + "\r\n");
  EXPECT_TRUE(talk.Sent().ends_with("DATA\r\n"));
  ClientTalk windowed = ClientTalk::Ready("CHUNKING,PIPELINING");
  windowed.source = StringSource("a\r\n", false);
  windowed.BeginWith({"x@y.example"});
  EXPECT_TRUE(windowed.Sent().ends_with("DATA\r\n"));
}

TEST(ClientSession, SendsForTheAcceptedWhenOneOfThreeIsRefused) {
  for (const char* extensions : {kAll, kPipelining, kNone}) {
    ClientTalk talk = ClientTalk::Ready(extensions);
    talk.Begin({"x@y.example", "no@y.example", "z@y.example"});
    std::string sent = talk.Sent();
    talk.Say("250 ok\r\n");
    sent += talk.Sent();
    for (const char* reply : {"250 ok\r\n", "450 4.2.1 busy\r\n", "251 ok\r\n"}) {
      talk.Say(reply);
      sent += talk.Sent();
    }
    if (sent.ends_with("DATA\r\n")) talk.Say("354 go\r\n");
    sent += talk.Sent();
    talk.Say("250 done\r\n");
    EXPECT_EQ(talk.Events(), "done");
    EXPECT_EQ(talk.Outcome(0), "dot 250");
    EXPECT_EQ(talk.Outcome(1), "rcpt 450 4.2.1");
    EXPECT_EQ(talk.Outcome(2), "dot 250");
  }
}

TEST(ClientSession, SendsALoneDotWhenAllAreRefusedAndDataIsTakenAllTheSame) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.Begin({"x@y.example"}, "secret\r\n");
  talk.Sent();
  talk.Say("250 ok\r\n550 5.1.1 unknown\r\n354 go\r\n");
  EXPECT_EQ(talk.Sent(), ".\r\n");
  EXPECT_EQ(talk.Events(), "");
  talk.Say("250 queued nothing\r\n");
  EXPECT_EQ(talk.Events(), "done");
  EXPECT_EQ(talk.Outcome(0), "rcpt 550 5.1.1");
}

TEST(ClientSession, ResetsBehindATransactionThatEndedOpen) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.Begin({"x@y.example"});
  talk.Sent();
  talk.Say("250 ok\r\n550 5.1.1 unknown\r\n554 5.5.1 no recipients\r\n");
  EXPECT_EQ(talk.Events(), "done");
  talk.Begin({"z@y.example"});
  EXPECT_TRUE(talk.Sent().starts_with("RSET\r\nMAIL FROM:"));
  talk.Say("250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n");
  talk.Sent();
  talk.Say("250 done\r\n");
  EXPECT_EQ(talk.Outcome(0), "dot 250");
  talk.Begin({"z@y.example"});
  EXPECT_TRUE(talk.Sent().starts_with("MAIL FROM:")) << "no RSET between good transactions";
}

TEST(ClientSession, DoesNotSendDataWhenAllAreRefusedWithoutPipelining) {
  ClientTalk talk = ClientTalk::Ready(kNone);
  talk.Begin({"x@y.example"});
  talk.Sent();
  talk.Say("250 ok\r\n");
  talk.Sent();
  talk.Say("550 5.1.1 unknown\r\n");
  EXPECT_EQ(talk.Sent(), "");
  EXPECT_EQ(talk.Events(), "done");
}

TEST(ClientSession, CountsTheRefusalOfTheSenderForEveryRecipient) {
  for (const char* extensions : {kAll, kPipelining, kNone}) {
    ClientTalk talk = ClientTalk::Ready(extensions);
    talk.Begin({"x@y.example", "z@y.example"});
    talk.Sent();
    talk.Say("550 5.7.1 not you\r\n");
    if (extensions == kPipelining) talk.Say("503 no\r\n503 no\r\n503 no\r\n");
    if (extensions == kAll) talk.Say("503 no\r\n503 no\r\n503 no\r\n");
    EXPECT_EQ(talk.Sent(), "");
    EXPECT_EQ(talk.Events(), "done") << extensions;
    EXPECT_EQ(talk.Outcome(0), "mail 550 5.7.1");
    EXPECT_EQ(talk.Outcome(1), "mail 550 5.7.1");
  }
}

TEST(ClientSession, NeverTakesSuccessBehindARefusedSender) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.Begin({"x@y.example"});
  talk.Sent();
  talk.Say("550 5.7.1 not you\r\n250 ok\r\n354 go\r\n");
  EXPECT_EQ(talk.Sent(), ".\r\n");
  talk.Say("250 ok\r\n");
  EXPECT_EQ(talk.Outcome(0), "mail 550 5.7.1");
}

TEST(ClientSession, CountsARefusalOfDataForTheAccepted) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.Begin({"x@y.example", "no@y.example"});
  talk.Sent();
  talk.Say("250 ok\r\n250 ok\r\n550 5.1.1 no\r\n451 4.3.0 later\r\n");
  EXPECT_EQ(talk.Events(), "done");
  EXPECT_EQ(talk.Outcome(0), "data 451 4.3.0");
  EXPECT_EQ(talk.Outcome(1), "rcpt 550 5.1.1");
}

TEST(ClientSession, CountsTheReplyToTheDot) {
  for (const char* reply : {"250 ok\r\n", "451 4.7.1 later\r\n", "554 5.7.1 spam\r\n"}) {
    for (const char* extensions : {kAll, kPipelining}) {
      ClientTalk talk = ClientTalk::Ready(extensions);
      talk.Begin({"x@y.example"});
      talk.Sent();
      talk.Say("250 ok\r\n250 ok\r\n");
      if (extensions == kPipelining) talk.Say("354 go\r\n");
      talk.Sent();
      talk.Say(reply);
      EXPECT_EQ(talk.Events(), "done");
      EXPECT_EQ(talk.session.outcomes()[0].code, uint16_t(std::stoi(reply)));
      EXPECT_EQ(talk.session.outcomes()[0].verb, ClientVerb::kContent);
      EXPECT_TRUE(talk.session.ready());
    }
  }
}

TEST(ClientSession, SpeaksOneAtATimeWhenToldTo) {
  ClientSession session({.ehlo = "me.example", .timeouts = TestTimeouts(), .one_at_a_time = true});
  const Instant now{seconds(1)};
  session.OnConnected(now);
  session.OnBytes("220 mx\r\n", now);
  session.OnWritten(session.Output(now)[0].size(), now);
  session.OnBytes("250-mx\r\n250-PIPELINING\r\n250 CHUNKING\r\n", now);
  EXPECT_FALSE(session.capabilities().pipelining);
  EXPECT_FALSE(session.capabilities().chunking);
}

TEST(ClientSession, TakesBdatThatIsNotUnderstoodForNoAnswerToTheMessage) {
  ClientTalk talk = ClientTalk::Ready(kAll);
  talk.Begin({"no@y.example", "x@y.example"});
  talk.Sent();
  talk.Say("250 ok\r\n550 5.1.1 no\r\n250 ok\r\n502 5.5.1 what\r\n");
  EXPECT_EQ(talk.Events(), "done");
  EXPECT_EQ(talk.Outcome(0), "rcpt 550 5.1.1");
  EXPECT_EQ(talk.Outcome(1), "dot 502 5.5.1 untried");
  EXPECT_TRUE(talk.session.chunking_refused());
  talk.Begin({"x@y.example"});
  const std::string sent = talk.Sent();
  EXPECT_TRUE(sent.starts_with("RSET\r\n") && sent.ends_with("DATA\r\n")) << sent;
}

TEST(ClientSession, LimitsTheCommandsThatAreOut) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  std::vector<std::string> many;
  for (int i = 0; i < 500; ++i) many.push_back("r" + std::to_string(i) + "@y.example");
  talk.Begin(many);
  std::string sent = talk.Sent();
  EXPECT_EQ(std::count(sent.begin(), sent.end(), '\n'), ptrdiff_t(kPipelineDepthMax));
  for (int i = 0; i < 501; ++i) {
    talk.Say("250 ok\r\n");
    sent += talk.Sent();
  }
  EXPECT_TRUE(sent.ends_with("RCPT TO:<r499@y.example>\r\nDATA\r\n"));
}

TEST(ClientSession, WaitsForContentThatComesByWindows) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.source = StringSource("one\r\ntwo\r\n", false);
  talk.source.batch = 5;
  talk.source.waiting = true;
  talk.BeginWith({"x@y.example"});
  talk.Sent();
  talk.Say("250 ok\r\n250 ok\r\n354 go\r\n");
  EXPECT_EQ(talk.Sent(), "");
  EXPECT_EQ(talk.session.deadline(), kNever);
  talk.source.waiting = false;
  EXPECT_EQ(talk.Sent(), "one\r\ntwo\r\n.\r\n");
  talk.Say("250 ok\r\n");
  EXPECT_EQ(talk.Events(), "done");
}

TEST(ClientSession, NeverSendsTheDotWhenContentCannotBeRead) {
  ClientTalk talk = ClientTalk::Ready(kPipelining);
  talk.source = StringSource("one\r\ntwo\r\n", false);
  talk.source.batch = 5;
  talk.BeginWith({"x@y.example"});
  talk.Sent();
  talk.Say("250 ok\r\n250 ok\r\n354 go\r\n");
  talk.source.failing = true;
  EXPECT_EQ(talk.Sent(), "one\r\n");
  EXPECT_EQ(talk.Events(), "done closed");
  EXPECT_EQ(talk.Outcome(0), "dot content");
}

}  // namespace
}  // namespace sluice::smtp
