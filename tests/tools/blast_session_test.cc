// tests/tools/blast_session_test.cc — the load source's conversation and plan, without a socket.
//
// METHOD  A server script of replies goes in; what was sent and the results come out.

#include "tools/blast/blast_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/blast/blast_plan.h"
#include "tools/blast/latency.h"

namespace sluice::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Outcome = BlastResult::Outcome;

BlastManner Manner() {
  BlastManner manner;
  manner.helo = "h";
  manner.mail_from = "<f@x>";
  manner.body = ".b\r\n";
  manner.stuffed_body = "..b\r\n";
  return manner;
}

BlastMessage Message(int64_t seq, std::vector<std::string> to = {"r@y"}) {
  return {seq, std::move(to), "X: " + std::to_string(seq) + "\r\n\r\n"};
}

std::string Sent(BlastSession& session) {
  std::string all;
  for (const auto slice : session.Output()) all += slice;
  session.Consume(all.size(), Instant{});
  return all;
}

std::string Say(BlastSession& session, std::string_view replies) {
  session.OnBytes(replies, Instant{} + std::chrono::milliseconds(5));
  return Sent(session);
}

// Through greeting and EHLO.
void Open(BlastSession& session, std::string_view offers = "250 h\r\n") {
  EXPECT_EQ(Sent(session), "");
  EXPECT_EQ(Say(session, "220-a\r\n220 b\r\n"), "EHLO h\r\n");
  EXPECT_EQ(Say(session, offers), "");
  EXPECT_TRUE(session.ready());
}

TEST(BlastSession, SendsOneCommandAtATime) {
  const BlastManner manner = Manner();
  BlastSession session(manner);
  Open(session, "250-h\r\n250 PIPELINING\r\n");
  ASSERT_TRUE(session.wants_message());
  session.Give(Message(1, {"r@y", "s@y"}));
  EXPECT_FALSE(session.wants_message());
  EXPECT_EQ(Sent(session), "MAIL FROM:<f@x>\r\n");
  EXPECT_EQ(Say(session, "250 ok\r\n"), "RCPT TO:<r@y>\r\n");
  EXPECT_EQ(Say(session, "250 ok\r\n"), "RCPT TO:<s@y>\r\n");
  EXPECT_EQ(Say(session, "550 no\r\n"), "DATA\r\n");
  EXPECT_EQ(Say(session, "354 go\r\n"), "X: 1\r\n\r\n..b\r\n.\r\n");
  EXPECT_EQ(Say(session, "250 2.0.0 Ok: queued as I1\r\n"), "");
  const auto result = session.TakeResult();
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->outcome, Outcome::kAccepted);
  EXPECT_THAT(result->accepted, ElementsAre("r@y"));
  EXPECT_THAT(result->rcpt_refusals, ElementsAre("550 no"));
  EXPECT_EQ(result->latency, std::chrono::milliseconds(5));
  session.Quit();
  EXPECT_EQ(Sent(session), "QUIT\r\n");
  Say(session, "221 bye\r\n");
  EXPECT_TRUE(session.over());
  EXPECT_THAT(session.fault(), IsEmpty());
}

TEST(BlastSession, SendsTheNextEnvelopeWithTheContent) {
  BlastManner manner = Manner();
  manner.pipelining = true;
  BlastSession session(manner);
  Open(session, "250-h\r\n250 PIPELINING\r\n");
  session.Give(Message(1));
  ASSERT_TRUE(session.wants_message());
  session.Give(Message(2));
  EXPECT_FALSE(session.wants_message());
  EXPECT_EQ(Sent(session), "MAIL FROM:<f@x>\r\nRCPT TO:<r@y>\r\nDATA\r\n");
  EXPECT_EQ(Say(session, "250 ok\r\n250 ok\r\n354 go\r\n"),
            "X: 1\r\n\r\n..b\r\n.\r\nMAIL FROM:<f@x>\r\nRCPT TO:<r@y>\r\nDATA\r\n");
  EXPECT_EQ(Say(session, "250 as A\r\n250 ok\r\n250 ok\r\n354 go\r\n"), "X: 2\r\n\r\n..b\r\n.\r\n");
  EXPECT_EQ(session.TakeResult()->reply, "250 as A");
  session.Quit();
  EXPECT_EQ(Say(session, "250 as B\r\n"), "QUIT\r\n");
  EXPECT_EQ(session.TakeResult()->reply, "250 as B");
}

TEST(BlastSession, SendsAWholeMessageAtOnceByBdat) {
  BlastManner manner = Manner();
  manner.pipelining = manner.bdat = true;
  BlastSession session(manner);
  Open(session, "250-h\r\n250-CHUNKING\r\n250 PIPELINING\r\n");
  session.Give(Message(1));
  EXPECT_EQ(Sent(session),
            "MAIL FROM:<f@x>\r\nRCPT TO:<r@y>\r\nBDAT 12 LAST\r\nX: 1\r\n\r\n.b\r\n");
  EXPECT_EQ(Say(session, "250 ok\r\n550 no\r\n554 none\r\n"), "RSET\r\n");
  Say(session, "250 ok\r\n");
  const auto result = session.TakeResult();
  EXPECT_EQ(result->outcome, Outcome::kRefused);
  EXPECT_THAT(result->rcpt_refusals, ElementsAre("550 no"));
  EXPECT_TRUE(session.wants_message());
}

TEST(BlastSession, GoesOnAfterEachKindOfRefusal) {
  for (const bool pipelining : {false, true}) {
    BlastManner manner = Manner();
    manner.pipelining = pipelining;
    BlastSession session(manner);
    Open(session, "250-h\r\n250 PIPELINING\r\n");
    session.Give(Message(1));
    Sent(session);
    Say(session, pipelining ? "450 a\r\n503 b\r\n503 c\r\n250 reset\r\n" : "450 a\r\n");
    session.Give(Message(2));
    Sent(session);
    Say(session,
        pipelining ? "250 a\r\n450 b\r\n554 c\r\n250 r\r\n" : "250 a\r\n450 b\r\n250 r\r\n");
    session.Give(Message(3));
    Sent(session);
    Say(session, "250 a\r\n250 b\r\n451 c\r\n250 r\r\n");
    session.Give(Message(4));
    Sent(session);
    Say(session, "250 a\r\n250 b\r\n354 c\r\n");
    Say(session, "552 d\r\n");
    std::vector<std::string> replies;
    while (const auto result = session.TakeResult()) {
      EXPECT_EQ(result->outcome, Outcome::kRefused);
      replies.push_back(result->reply);
    }
    EXPECT_THAT(replies, ElementsAre("450 a", "450 b", "451 c", "552 d"));
    EXPECT_TRUE(session.wants_message());
    EXPECT_THAT(session.fault(), IsEmpty());
  }
}

TEST(BlastSession, TellsUnknownFromNotSentWhenTheConnectionIsLost) {
  BlastManner manner = Manner();
  manner.pipelining = true;
  BlastSession session(manner);
  Open(session, "250-h\r\n250 PIPELINING\r\n");
  session.Give(Message(1));
  session.Give(Message(2));
  Sent(session);
  Say(session, "250 ok\r\n250 ok\r\n354 go\r\n");
  session.OnLost();
  const auto first = session.TakeResult();
  EXPECT_EQ(first->message.seq, 1);
  EXPECT_EQ(first->outcome, Outcome::kUnknown);
  const auto second = session.TakeResult();
  EXPECT_EQ(second->message.seq, 2);
  EXPECT_EQ(second->outcome, Outcome::kNotSent);
  EXPECT_THAT(second->message.recipients, ElementsAre("r@y"));
  EXPECT_FALSE(session.TakeResult().has_value());
}

// What comes together answers what was sent together: a reply may not come before its command.
TEST(BlastSession, DoesTheSameForEveryCutOfTheReplies) {
  const std::string greeting = "220-hello\r\n220 x\r\n";
  const std::string offers = "250-h\r\n250-PIPELINING\r\n250 SIZE\r\n";
  const std::string queued = "250 2.0.0 Ok: queued as Q\r\n";
  const std::vector<std::string> lock_step = {
      greeting, offers, "250 m\r\n", "250-r\r\n250 r\r\n", "354 go\r\n", queued, "221 bye\r\n"};
  const std::vector<std::string> flights = {
      greeting, offers, "250 m\r\n250-r\r\n250 r\r\n354 go\r\n", queued, "221 bye\r\n"};
  for (const bool pipelining : {false, true}) {
    const std::vector<std::string>& replies = pipelining ? flights : lock_step;
    for (size_t cut = 1; cut <= flights[1].size(); ++cut) {
      BlastManner manner = Manner();
      manner.pipelining = pipelining;
      BlastSession session(manner);
      bool given = false;
      std::string sent;
      for (const std::string& flight : replies) {
        for (size_t i = 0; i < flight.size(); i += cut) {
          session.OnBytes(std::string_view(flight).substr(i, cut), Instant{});
          if (!given && session.wants_message()) {
            session.Give(Message(1));
            session.Quit();
            given = true;
          }
          sent += Sent(session);
        }
      }
      EXPECT_EQ(sent,
                "EHLO h\r\nMAIL FROM:<f@x>\r\nRCPT TO:<r@y>\r\nDATA\r\nX: 1\r\n\r\n..b\r\n.\r\n"
                "QUIT\r\n");
      EXPECT_TRUE(session.over());
      EXPECT_THAT(session.fault(), IsEmpty());
      EXPECT_EQ(session.TakeResult()->outcome, Outcome::kAccepted);
    }
  }
}

TEST(BlastSession, TakesItsOutputInAnyPieces) {
  BlastManner manner = Manner();
  manner.pipelining = true;
  BlastSession session(manner);
  Open(session, "250-h\r\n250 PIPELINING\r\n");
  session.Give(Message(1));
  session.Give(Message(2));
  Sent(session);
  session.OnBytes("250 ok\r\n250 ok\r\n354 go\r\n", Instant{});
  std::string sent;
  while (true) {
    std::string_view next;
    for (const auto slice : session.Output())
      if (next.empty()) next = slice;
    if (next.empty()) break;
    sent += next[0];
    session.Consume(1, Instant{});
  }
  EXPECT_EQ(sent, "X: 1\r\n\r\n..b\r\n.\r\nMAIL FROM:<f@x>\r\nRCPT TO:<r@y>\r\nDATA\r\n");
}

TEST(BlastSession, EndsWithAFaultOnWhatIsNoReply) {
  for (const std::string& bad :
       {std::string("hello\r\n"), std::string("999 x\r\n"), std::string("2\r\n"),
        std::string("421 busy\r\n"), "220 " + std::string(9000, 'x'), std::string("554 no\r\n")}) {
    const BlastManner manner = Manner();
    BlastSession session(manner);
    session.OnBytes(bad, Instant{});
    EXPECT_TRUE(session.over()) << bad.substr(0, 20);
    EXPECT_THAT(session.fault(), ::testing::Not(IsEmpty()));
  }
  const BlastManner manner = Manner();
  BlastSession session(manner);
  Open(session);
  Say(session, "250 nobody asked\r\n");
  EXPECT_THAT(session.fault(), HasSubstr("unasked"));
}

TEST(BlastSession, LogsInAfterTls) {
  BlastManner manner = Manner();
  manner.starttls = true;
  manner.auth_plain = "AHUAcA==";
  BlastSession session(manner);
  Say(session, "220 b\r\n");
  EXPECT_EQ(Say(session, "250-h\r\n250 STARTTLS\r\n"), "STARTTLS\r\n");
  EXPECT_EQ(Say(session, "220 go\r\n250 injected\r\n"), "");
  EXPECT_TRUE(session.wants_tls());
  session.OnTlsReady();
  EXPECT_EQ(Sent(session), "EHLO h\r\n");
  EXPECT_EQ(Say(session, "250 AUTH PLAIN\r\n"), "AUTH PLAIN AHUAcA==\r\n");
  EXPECT_FALSE(session.wants_message());
  Say(session, "235 in\r\n");
  EXPECT_TRUE(session.wants_message());
}

TEST(BlastPlan, NumbersEveryMessageOnceAndPicksDomainsByWeight) {
  BlastOptions options;
  options.messages = 4000;
  options.recipients = 5;
  options.domains = "a.test=3,b.test=1";
  options.campaign = "spring";
  options.dots = true;
  options.eight_bit = true;
  options.size = 3000;
  auto plan = BlastPlan::Make(options, WallTime{});
  ASSERT_TRUE(plan.has_value());
  std::map<std::string, int> domains;
  int64_t seq = 0;
  while (const auto message = plan->Next()) {
    EXPECT_EQ(message->seq, seq++);
    ASSERT_THAT(message->recipients, SizeIs(5));
    for (const auto& to : message->recipients) ++domains[to.substr(to.find('@') + 1)];
    EXPECT_THAT(message->head, HasSubstr("X-Seq: " + std::to_string(message->seq) + "\r\n"));
    EXPECT_THAT(message->head, HasSubstr("\r\nX-Campaign: spring\r\n"));
    EXPECT_NEAR(double(message->head.size() + plan->manner().body.size()), 3000, 20);
  }
  EXPECT_EQ(seq, 4000);
  EXPECT_NEAR(domains["a.test"], 15'000, 500);
  EXPECT_EQ(domains["a.test"] + domains["b.test"], 20'000);
  plan->GiveBack(Message(17));
  EXPECT_EQ(plan->Next()->seq, 17);
  EXPECT_THAT(plan->manner().stuffed_body, HasSubstr("\r\n..\r\n"));
  EXPECT_TRUE(plan->manner().body.ends_with("\r\n"));
}

TEST(BlastPlan, RefusesOptionsThatMakeNoSense) {
  const auto refused = [](auto change) {
    BlastOptions options;
    change(options);
    return !BlastPlan::Make(options, WallTime{}).has_value();
  };
  EXPECT_TRUE(refused([](auto& o) { o.domains = "a=0"; }));
  EXPECT_TRUE(refused([](auto& o) { o.domains = "a=x"; }));
  EXPECT_TRUE(refused([](auto& o) { o.domains = "=1"; }));
  EXPECT_TRUE(refused([](auto& o) { o.tls = "maybe"; }));
  EXPECT_TRUE(refused([](auto& o) { o.recipients = 0; }));
  EXPECT_TRUE(refused([](auto& o) { o.size = -1; }));
  EXPECT_TRUE(refused([](auto& o) {
    o.user = "u";
    o.password_file = "no/such/file";
  }));
}

TEST(LatencyHistogram, GivesPercentilesWithinSixPercent) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100'000; ++i) histogram.Add(Duration(i));
  EXPECT_NEAR(histogram.PercentileMs(0.5), 50, 3.2);
  EXPECT_NEAR(histogram.PercentileMs(0.99), 99, 6.3);
  EXPECT_EQ(histogram.PercentileMs(1), 100);
  EXPECT_EQ(histogram.max_ms(), 100);
  EXPECT_EQ(LatencyHistogram().PercentileMs(0.5), 0);
  LatencyHistogram ends;
  ends.Add(Duration(0));
  ends.Add(Duration::max());
  EXPECT_EQ(ends.PercentileMs(0.1), 0);
}

}  // namespace
}  // namespace sluice::tools
