// tests/tools/sink_session_test.cc — the sink's conversation, fed whole and in every cut.
//
// METHOD  A script of client octets goes in; the replies and what was recorded come out, and must
//         not depend on how the octets were cut.

#include "tools/sink/sink_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "tools/sink/sink_recorder.h"

namespace sluice::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct Kept {
  std::string outcome, sender, content;
  std::vector<std::string> recipients;
  friend bool operator==(const Kept&, const Kept&) = default;
};

class KeepingRecorder final : public MessageRecorder {
 public:
  bool Record(const ReceivedMessage& m) override {
    if (full) return false;
    const auto first = m.recipients->begin();
    kept.push_back({std::string(m.outcome), std::string(m.sender), std::string(m.content),
                    std::vector<std::string>(first, first + ptrdiff_t(m.recipient_count))});
    return true;
  }
  std::vector<Kept> kept;
  bool full = false;
};

// One session with its surroundings.
struct Bench {
  explicit Bench(SinkOptions options = {}, bool tls = false) {
    options.capture = "kept";
    auto made = SinkPolicy::Make(options, tls);
    CHECK(made.has_value());
    policy = std::make_unique<SinkPolicy>(*std::move(made));
    Reconnect();
  }
  void Reconnect() {
    session = std::make_unique<SinkSession>(
        *policy, memory, stats, &recorder,
        SinkPeer{.peer = "192.0.2.1:5", .local = "192.0.2.2:25", .connection = ++connections});
    session->Start({});
  }
  // What is said in answer to these octets.
  std::string Feed(std::string_view in, size_t cut = 0) {
    for (size_t i = 0; i < in.size(); i += cut == 0 ? in.size() : cut)
      session->OnBytes(in.substr(i, cut == 0 ? in.size() : cut), now, WallTime{});
    return std::exchange(session->output(), {});
  }

  std::unique_ptr<SinkPolicy> policy;
  SinkMemory memory;
  SinkStats stats;
  KeepingRecorder recorder;
  std::unique_ptr<SinkSession> session;
  uint64_t connections = 0;
  Instant now{};
};

constexpr std::string_view kWholeMail =
    "EHLO c.test\r\nMAIL FROM:<a@b.test> SIZE=100\r\nRCPT TO:<\"x>y z\"@d.test>\r\n"
    "RCPT TO:<e@D.test> NOTIFY=NEVER\r\nDATA\r\nSubject: "
    "x\r\n\r\n..dot\r\n.\r.\r\n.\rx\r\n\n.\n\r\n"
    "..\r\n.\r\nRSET\r\nNOOP\r\nMAIL FROM:<>\r\nRCPT TO:<f@d.test>\r\nBDAT 5\r\nab\r\ncBDAT 4 "
    "LAST\r\n.\r\n\n"
    "QUIT\r\n";

TEST(SinkSession, SaysAndKeepsTheSameForEveryCutOfTheInput) {
  Bench whole;
  const std::string said = whole.Feed(kWholeMail);
  ASSERT_THAT(whole.recorder.kept, SizeIs(2));
  EXPECT_EQ(whole.recorder.kept[0], (Kept{"accepted",
                                          "a@b.test",
                                          "Subject: x\r\n\r\n.dot\r\n\r.\r\n\rx\r\n\n.\n\r\n.\r\n",
                                          {"\"x>y z\"@d.test", "e@D.test"}}));
  EXPECT_EQ(whole.recorder.kept[1], (Kept{"accepted", "", "ab\r\nc.\r\n\n", {"f@d.test"}}));
  EXPECT_EQ(whole.session->wish(), SinkSession::Wish::kClose);
  EXPECT_EQ(whole.stats.messages, 2);
  EXPECT_EQ(whole.stats.recipients, 3);
  for (size_t cut = 1; cut < kWholeMail.size(); ++cut) {
    Bench bench;
    EXPECT_EQ(bench.Feed(kWholeMail, cut), said) << cut;
    EXPECT_EQ(bench.recorder.kept, whole.recorder.kept) << cut;
  }
}

TEST(SinkSession, OffersWhatItsOptionsLeave) {
  EXPECT_THAT(Bench().Feed("EHLO x\r\n"), HasSubstr("250-PIPELINING\r\n250-SIZE 52428800\r\n"));
  EXPECT_THAT(Bench().Feed("EHLO x\r\n"), Not(HasSubstr("STARTTLS")));
  EXPECT_THAT(Bench({}, true).Feed("EHLO x\r\n"), HasSubstr("STARTTLS"));
  SinkOptions bare;
  bare.no_pipelining = bare.no_8bitmime = bare.no_chunking = bare.no_size = true;
  bare.no_smtputf8 = bare.no_dsn = true;
  Bench bench(bare);
  bench.Feed("");
  EXPECT_EQ(bench.Feed("EHLO x\r\n"), "250-sink.test\r\n250 ENHANCEDSTATUSCODES\r\n");
  EXPECT_THAT(bench.Feed("MAIL FROM:<a@b> SIZE=1\r\n"), StartsWith("555 "));
  EXPECT_THAT(bench.Feed("MAIL FROM:<a@b> BODY=8BITMIME\r\n"), StartsWith("555 "));
  EXPECT_THAT(bench.Feed("BDAT 1\r\n"), StartsWith("502 "));
  SinkOptions old;
  old.ehlo_off = true;
  Bench helo(old);
  helo.Feed("NOOP\r\n");
  EXPECT_THAT(helo.Feed("EHLO x\r\n"), StartsWith("502 "));
  EXPECT_EQ(helo.Feed("HELO x\r\n"), "250 sink.test\r\n");
}

TEST(SinkSession, KeepsToTheOrderOfCommands) {
  Bench bench;
  bench.Feed("NOOP\r\n");
  EXPECT_THAT(bench.Feed("MAIL FROM:<a@b>\r\n"), StartsWith("503 "));
  bench.Feed("EHLO x\r\n");
  EXPECT_THAT(bench.Feed("RCPT TO:<a@b>\r\n"), StartsWith("503 "));
  EXPECT_THAT(bench.Feed("DATA\r\n"), StartsWith("503 "));
  EXPECT_THAT(bench.Feed("BDAT 3\r\nabc"), StartsWith("503 "));
  bench.Feed("MAIL FROM:<a@b>\r\n");
  EXPECT_THAT(bench.Feed("DATA\r\n"), StartsWith("554 5.5.1"));
  EXPECT_THAT(bench.Feed("MAIL FROM:<a@b>\r\n"), StartsWith("503 "));
}

TEST(SinkSession, SurvivesALineThatIsTooLong) {
  Bench bench;
  bench.Feed("EHLO x\r\n");
  EXPECT_THAT(bench.Feed(std::string(100'000, 'A'), 999), IsEmpty());
  EXPECT_THAT(bench.Feed("\r\nNOOP\r\n"), StartsWith("500 5.5.2"));
  EXPECT_THAT(bench.Feed("NOOP\r\n"), StartsWith("250 "));
}

TEST(SinkSession, RefusesMoreThanItsSize) {
  SinkOptions options;
  options.max_size = 20;
  Bench bench(options);
  bench.Feed("EHLO x\r\n");
  EXPECT_THAT(bench.Feed("MAIL FROM:<a@b> SIZE=21\r\n"), StartsWith("552 "));
  const std::string said = bench.Feed("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n" +
                                      std::string(50'000, 'x') + "\r\n.\r\nNOOP\r\n");
  EXPECT_THAT(said, HasSubstr("552 5.3.4"));
  EXPECT_THAT(bench.recorder.kept, IsEmpty());
  EXPECT_EQ(bench.stats.refused, 1);
}

TEST(SinkSession, AnswersByRuleOnlyWhereTheRuleMatches) {
  SinkOptions options;
  options.replies = {"rcpt@no.test:100:550 5.1.1 first\\nsecond", "dot@drop.test:100:drop",
                     "rcpt@twice.test:100x2:451 4.2.1 busy", "mail@bad:100:421 4.7.0 go away",
                     "data@quiet:100:stall"};
  Bench bench(options);
  bench.Feed("EHLO x\r\nMAIL FROM:<a@b>\r\n");
  EXPECT_EQ(bench.Feed("RCPT TO:<u@NO.test>\r\n"), "550-5.1.1 first\r\n550 second\r\n");
  EXPECT_THAT(bench.Feed("RCPT TO:<u@twice.test>\r\n"), StartsWith("451 "));
  EXPECT_THAT(bench.Feed("RCPT TO:<u@twice.test>\r\n"), StartsWith("451 "));
  EXPECT_THAT(bench.Feed("RCPT TO:<u@twice.test>\r\n"), StartsWith("250 "));
  EXPECT_THAT(bench.Feed("RCPT TO:<v@twice.test>\r\n"), StartsWith("451 "));
  EXPECT_EQ(bench.stats.domains["no.test"].refused + bench.stats.domains["NO.test"].refused, 1);

  bench.Feed("RSET\r\nMAIL FROM:<a@b>\r\nRCPT TO:<u@drop.test>\r\nDATA\r\n");
  EXPECT_THAT(bench.Feed("x\r\n.\r\n"), IsEmpty());
  EXPECT_EQ(bench.session->wish(), SinkSession::Wish::kDrop);
  EXPECT_EQ(bench.recorder.kept.at(0).outcome, "dropped");
  EXPECT_EQ(bench.stats.messages, 0);

  bench.Reconnect();
  EXPECT_THAT(bench.Feed("EHLO x\r\nMAIL FROM:<bad@b>\r\nNOOP\r\n"),
              ::testing::EndsWith("421 4.7.0 go away\r\n"));
  EXPECT_EQ(bench.session->wish(), SinkSession::Wish::kClose);
  bench.Reconnect();
  bench.Feed("EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<quiet@b>\r\n");
  EXPECT_THAT(bench.Feed("DATA\r\n"), IsEmpty());
  EXPECT_EQ(bench.session->wish(), SinkSession::Wish::kStall);
}

TEST(SinkSession, GreylistsUntilTheDelayHasPassed) {
  SinkOptions options;
  options.greylist_s = 300;
  options.greylist_match = {"@grey."};
  Bench bench(options);
  bench.Feed("EHLO x\r\nMAIL FROM:<a@b>\r\n");
  EXPECT_THAT(bench.Feed("RCPT TO:<u@white.test>\r\n"), StartsWith("250 "));
  EXPECT_THAT(bench.Feed("RCPT TO:<u@grey.test>\r\n"), StartsWith("451 4.7.1"));
  bench.now += std::chrono::seconds(299);
  EXPECT_THAT(bench.Feed("RCPT TO:<u@grey.test>\r\n"), StartsWith("451 4.7.1"));
  bench.now += std::chrono::seconds(1);
  EXPECT_THAT(bench.Feed("RCPT TO:<u@grey.test>\r\n"), StartsWith("250 "));
  EXPECT_EQ(bench.stats.greylisted, 2);
}

TEST(SinkSession, Says421AfterItsMessagesAndDropsOnce) {
  SinkOptions options;
  options.max_messages_per_connection = 1;
  options.drop_after_data = 100;
  Bench bench(options);
  const std::string mail = "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n";
  bench.Feed(mail);
  EXPECT_EQ(bench.session->wish(), SinkSession::Wish::kDrop);
  bench.Reconnect();
  EXPECT_THAT(bench.Feed(mail), HasSubstr("queued as"));
  EXPECT_THAT(bench.Feed("MAIL FROM:<a@b>\r\n"), StartsWith("421 "));
}

TEST(SinkSession, RefusesWhatItCannotRecord) {
  Bench bench;
  bench.recorder.full = true;
  EXPECT_THAT(bench.Feed("EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n"),
              HasSubstr("\r\n452 4.3.1"));
  EXPECT_EQ(bench.stats.messages, 0);
}

TEST(SinkSession, ForgetsEverythingBeforeTls) {
  Bench bench({}, true);
  bench.Feed("EHLO x\r\nMAIL FROM:<a@b>\r\n");
  EXPECT_THAT(bench.Feed("STARTTLS\r\nNOOP\r\n"), StartsWith("220 "));
  EXPECT_EQ(bench.session->wish(), SinkSession::Wish::kStartTls);
  bench.session->OnTlsReady("TLSv1.3");
  EXPECT_THAT(bench.Feed("RCPT TO:<a@b>\r\n"), StartsWith("503 "));
  EXPECT_THAT(bench.Feed("MAIL FROM:<a@b>\r\n"), StartsWith("503 "));
  EXPECT_THAT(bench.Feed("EHLO x\r\n"), Not(HasSubstr("STARTTLS")));
}

TEST(SinkRules, RejectsWhatItDoesNotUnderstand) {
  for (const char* text : {"", "rcpt", "rcpt:5", "soup:5:250 x", "rcpt:101:250 x", "rcpt:-1:250 x",
                           "rcpt:x:250 x", "rcpt:5x0:250 x", "rcpt:5x:250 x", "rcpt:5:25 x",
                           "rcpt:5:650 x", "rcpt:5:250-x", "rcpt:nan:250 x"})
    EXPECT_FALSE(ParseReplyRule(text).has_value()) << text;
  EXPECT_TRUE(ParseReplyRule("connect@127.0.0.1:0.5x3:554").has_value());
}

TEST(SinkRules, PicksTheAskedShareAndAlwaysTheSame) {
  SinkOptions options;
  options.replies = {"rcpt:10:550 no"};
  Bench one(options);
  Bench two(options);
  int picked = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string who = "u" + std::to_string(i) + "@d.test";
    const bool hit = one.policy->Find(Stage::kRcpt, who, one.memory) != nullptr;
    EXPECT_EQ(hit, two.policy->Find(Stage::kRcpt, who, two.memory) != nullptr);
    picked += hit ? 1 : 0;
  }
  EXPECT_GT(picked, 1800);
  EXPECT_LT(picked, 2200);
}

TEST(SinkRecorder, ReadsFieldsAndWritesOneLineOfJson) {
  const std::string content =
      "Received: from a by b\r\n with ESMTP id 0123abc;\r\n Sat\r\nX-Seq: 7\r\nmessage-id:<m@x>\r\n"
      "Subject: a\"b\\\x01\xff\r\n\r\nX-Seq: 8\r\n";
  EXPECT_EQ(HeaderField(content, "X-Seq"), "7");
  EXPECT_EQ(HeaderField(content, "Message-ID"), "<m@x>");
  EXPECT_EQ(HeaderField(content, "Absent"), "");
  EXPECT_EQ(HeaderField("X-Seq", "X-Seq"), "");
  EXPECT_EQ(HeaderField("X-Seq:", "X-Seq"), "");
  EXPECT_EQ(HeaderField("", "X-Seq"), "");
  EXPECT_EQ(ReceivedId(HeaderField(content, "Received")), "0123abc");
  EXPECT_EQ(BodyOf(content), "X-Seq: 8\r\n");
  EXPECT_EQ(BodyOf("\r\nx"), "x");

  const std::vector<std::string> recipients = {"a@b", "c@d"};
  const std::vector<std::string> params = {"", ""};
  ReceivedMessage message;
  message.recipients = &recipients;
  message.rcpt_params = &params;
  message.recipient_count = 1;
  message.content = content;
  const std::string line = FormatCapture(message);
  EXPECT_THAT(line, HasSubstr("\"recipients\":[\"a@b\"]"));
  EXPECT_THAT(line, HasSubstr("\"x_seq\":\"7\""));
  EXPECT_THAT(line, HasSubstr("\"subject\":\"a\\\"b\\\\\\u0001\\u00ff\""));
  EXPECT_THAT(line, ::testing::EndsWith("}\n"));
}

}  // namespace
}  // namespace sluice::tools
