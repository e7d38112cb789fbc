// tests/tools/views_test.cc — the engine's answers as people see them.

#include "tools/commands/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/commands/order_views.h"
#include "tools/commands/warmup.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Views, ReadsGoodBadAndForeignAnswers) {
  const auto good = ReadResponse(R"({"ok":true,"status":{}})");
  ASSERT_TRUE(good.has_value());
  EXPECT_TRUE(good->ok);
  const auto bad = ReadResponse(R"({"ok":false,"code":550,"error":"no such user"})");
  ASSERT_TRUE(bad.has_value());
  EXPECT_FALSE(bad->ok);
  EXPECT_EQ(bad->code, 550);
  EXPECT_EQ(bad->error, "no such user");
  EXPECT_EQ(ReadResponse(R"({"ok":false})")->error, "refused without a reason");
  for (const char* foreign :
       {"", "220 mail.test ESMTP", "[]", "5", R"({"ok":"yes"})", "{\"ok\":tr"})
    EXPECT_EQ(ReadResponse(foreign).error().code, ErrorCode::kCorrupt) << foreign;
}

TEST(Views, HandsJsonOnAsItIs) {
  const std::string json = R"({"lanes":[{"domain":"a.test"}],"more":false,"ok":true})";
  EXPECT_EQ(MemberJson(json, "lanes"), R"([{"domain":"a.test"}])");
  EXPECT_EQ(MemberJson(json, "gone"), "null");
  EXPECT_EQ(WithoutOk(json), R"({"lanes":[{"domain":"a.test"}],"more":false})");
  EXPECT_FALSE(HasMore(json));
  EXPECT_TRUE(HasMore(R"({"more":true})"));
}

TEST(Views, ShowsWarmUps) {
  EXPECT_EQ(RenderWarmups(R"({"warmups":[]})"), "No source is in warm-up.\n");
  const std::string shown = RenderWarmups(
      R"({"warmups":[{"source":"m7","provider":"google","state":"warming","day":4,"days":30,
        "planned":135,"given":100,"tried":99,"deferred":2,"bounced":1,"overflow":"pool",
        "last":"day 3 went well"}]})");
  for (const char* part : {"m7", "google", "warming", "4/30", "135", "day 3 went well"})
    EXPECT_THAT(shown, HasSubstr(part));
}

TEST(Views, ShowsTheStatus) {
  const std::string shown = RenderStatus(R"({"ok":true,"status":{"shards":2,"accepted":10,
    "delivered":7,"deferred":2,"bounced":1,"expired":0,"commit_failures":0,"connections_in":3,
    "connections_out":4,"lanes":5,"recipients_in_memory":2,"sites":6,"sites_suspended":1,
    "suspensions":[{"kind":"site","key":"mx.dead.test","until":"2026-11-21T07:56:00.000000Z",
    "failures":2,"reason":"mx.dead.test [192.0.2.9]:25: connection refused"}],
    "damaged_records":0,"uptime_s":3725,"queue":{"messages":2,"recipients":2,"body_bytes":20480,
    "disk_bytes":67108864,"outbox_rows":0},"accepting":true,"events":"written"}})");
  EXPECT_EQ(shown,
            "accepting mail   yes\n"
            "event log        written\n"
            "running for      1h 2m\n"
            "shards           2\n"
            "connections      3 in, 4 out\n"
            "waiting          2 recipients            of 2 messages in 5 lanes, 2 in memory\n"
            "on disk          64.0 MiB                20.0 KiB of bodies; 0 events to be written\n"
            "sites            6                       1 suspended\n"
            "suspended        mx.dead.test            until 2026-11-21 07:56:00 after 2 failures: "
            "mx.dead.test [192.0.2.9]:25: connection refused\n"
            "since the start  10 messages accepted\n"
            "                 7 recipients delivered\n"
            "                 2 attempts deferred\n"
            "                 1 recipient bounced\n"
            "                 0 recipients expired\n");
}

TEST(Views, ShowsWhatIsWrongInTheStatus) {
  const std::string shown = RenderStatus(
      R"({"status":{"accepting":false,"commit_failures":3,"damaged_records":1,"events":"disk full"}})");
  EXPECT_THAT(shown, HasSubstr("accepting mail   NO"));
  EXPECT_THAT(shown, HasSubstr("disk full"));
  EXPECT_THAT(shown, HasSubstr("3 commits failed"));
  EXPECT_THAT(shown, HasSubstr("1 damaged record"));
}

TEST(Views, ShowsWhatBulkMailLacksByTenant) {
  const std::string shown = RenderStatus(
      R"({"status":{"sender_refusals":2,"logins_failed":3,"bulk_rules":[
      {"tenant":"crm","messages":40,"faulty":12,"faults":{"not_signed":12,"no_link":0,"no_unsubscribe":3}},
      {"tenant":"good","messages":9,"faulty":0,"faults":{}},7]}})");
  EXPECT_THAT(shown, HasSubstr("2 messages refused"));
  EXPECT_THAT(shown, HasSubstr("3 logins refused"));
  EXPECT_THAT(shown, HasSubstr("12 of 40 messages: 3 no_unsubscribe, 12 not_signed\n"));
  EXPECT_THAT(shown, Not(HasSubstr("good")));
}

TEST(Views, ShowsLanesWithTheirReasons) {
  EXPECT_EQ(RenderLanes(R"({"lanes":[]})"), "Nothing is waiting.\n");
  const std::string shown = RenderLanes(R"({"lanes":[
    {"domain":"a.test","tenant":"crm","campaign":"","site":"mx.a.test","waiting":120,"in_flight":10,
     "connections":2,"next_due":null,"next_try":"now","reason":"being sent","until":null},
    {"domain":"b.test","tenant":"crm","campaign":"","site":"","waiting":3,"in_flight":0,
     "connections":0,"next_due":"2026-11-21T07:50:00.000123Z","next_try":"2026-11-21T07:56:00.000123Z",
     "reason":"deferred: 450 \u001b[31mlater","until":null}]})");
  EXPECT_EQ(shown,
            "DOMAIN  TENANT  WAITING  SENDING  CONNECTIONS  NEXT TRY             WHY IT WAITS\n"
            "a.test  crm         120       10            2  now                  being sent\n"
            "b.test  crm           3                        2026-11-21 07:56:00  deferred: 450 "
            "?[31mlater\n");
}

TEST(Views, ExplainsAMessage) {
  const std::string shown =
      RenderExplanation(R"({"recipients":[{"message":"0000g00000001","recipient":"x@b.test",
    "attempts":2,"due":"2026-11-21T07:50:00.000123Z","next_try":"2026-11-21T07:56:00.000123Z",
    "reason":"suspended","last_reply":"450 4.7.1 later"},
    {"message":"0000g00000002","recipient":"x@b.test","attempts":0,"due":"2026-11-21T07:50:00Z",
    "next_try":"now","reason":"its turn comes next"}],"lanes":[{"domain":"b.test",
    "tenant":"crm","campaign":"","site":"mx.b.test","waiting":3,"in_flight":0,"connections":0,
    "next_due":null,"next_try":"now","reason":"deferred","until":"2026-11-21T07:56:00.000123Z"}]})");
  EXPECT_EQ(
      shown,
      "MESSAGE        RECIPIENT  ATTEMPTS  NEXT TRY             WHY IT WAITS         LAST REPLY\n"
      "0000g00000001  x@b.test          2  2026-11-21 07:56:00  suspended            450 4.7.1 "
      "later\n"
      "0000g00000002  x@b.test          0  now                  its turn comes next\n"
      "\n"
      "domain        b.test\n"
      "tenant        crm\n"
      "goes to       mx.b.test\n"
      "waiting       3\n"
      "why it waits  deferred\n"
      "until         2026-11-21 07:56:00\n"
      "next try      now\n");
  EXPECT_EQ(RenderExplanation(R"({"lanes":[]})"), "Nothing is waiting.\n");
}

TEST(Views, ListsCapturedMessages) {
  EXPECT_EQ(RenderCaptured(R"({"messages":[],"more":false})"), "No captured messages.\n");
  const std::string shown = RenderCaptured(R"({"messages":[{"id":"0000g00000001",
    "time":"2026-11-21T07:51:00.000123Z","sender":"shop@s.test","recipients":["a@x.test","b@x.test"],
    "tenant":"stage","user":"stage","size":1536}],"more":false})");
  EXPECT_EQ(shown,
            "ID             TIME                 USER   TENANT     SIZE  SENDER       RECIPIENTS\n"
            "0000g00000001  2026-11-21 07:51:00  stage  stage   1.5 KiB  shop@s.test  a@x.test, "
            "b@x.test\n");
}

TEST(Views, ShowsTlsReports) {
  EXPECT_EQ(RenderTlsReports(R"({"tls_report":{"on":false}})"),
            "TLS reports are off: set organization and contact in [tls_report].\n");
  const std::string shown = RenderTlsReports(R"({"tls_report":{"on":true,"domains":3,"good":120,
    "bad":2,"sent":4,"failed":1,"unwanted":11,"left_out":5,"waiting":1,"reports":[{"id":"1.a@m.test",
    "domain":"b.test","begin":"2026-11-24T00:00:00.000000Z","end":"2026-11-25T00:00:00.000000Z",
    "due":"2026-11-25T02:10:00.000000Z","failures":1,"to":["https://b.test/r"],
    "problem":"https://b.test/r: status 503"}]}})");
  EXPECT_EQ(shown,
            "counted          3 domains            120 sessions with TLS, 2 failures\n"
            "waiting          1 report\n"
            "since the start  4 reports sent       11 domains asked for none\n"
            "                 1 report given up    see the alerts in the event log\n"
            "                 5 sessions left out  more domains in a day than are counted\n"
            "\n"
            "DOMAIN  UNTIL                NEXT TRY             GOES TO           LAST PROBLEM\n"
            "b.test  2026-11-25 00:00:00  2026-11-25 02:10:00  https://b.test/r  https://b.test/r: "
            "status 503\n");
}

TEST(Views, ShowsOrdersWithTheirTarget) {
  EXPECT_EQ(RenderOrders(R"({"orders":[]})"), "No orders.\n");
  const std::string json = R"({"orders":[{"id":7,"order":"cancel","scope":"campaign",
    "name":"spring","tenant":"crm","value":"bounce","state":"done","recipients":300,
    "given":"2026-11-21T07:51:00.000000Z","by":"uid 0","why":"wrong list"},
    {"id":8,"order":"pause","scope":"path","name":"@google","source":"m1","state":"in force"}]})";
  const std::string shown = RenderOrders(json);
  EXPECT_THAT(shown, HasSubstr("cancel bounce  campaign  spring of crm"));
  EXPECT_THAT(shown, HasSubstr("m1 > @google"));
  ASSERT_TRUE(FindOrder(json, "7"));
  EXPECT_TRUE(FindOrder(json, "7")->done);
  EXPECT_EQ(FindOrder(json, "7")->recipients, 300);
  EXPECT_FALSE(FindOrder(json, "8")->done);
  EXPECT_FALSE(FindOrder(json, "9"));
}

TEST(Views, ShowsGroupsAndCampaigns) {
  EXPECT_EQ(RenderGroups(R"({"groups":[]})", "tenant"), "Nothing waits.\n");
  const std::string groups =
      RenderGroups(R"({"groups":[{"name":"","waiting":12,"reason":"paused"}]})", "tenant");
  EXPECT_THAT(groups, HasSubstr("TENANT"));
  EXPECT_THAT(groups, HasSubstr("paused"));
  EXPECT_EQ(RenderCampaigns(R"({"campaigns":[]})"), "No campaigns.\n");
  EXPECT_THAT(RenderCampaigns(R"({"campaigns":[{"campaign":"spring","waiting":5,"per_hour":90,
    "estimated_end":"2026-11-21T07:51:00.000000Z"}]})"),
              HasSubstr("2026-11-21 07:51:00"));
}

TEST(Views, BearsAnswersOfAnotherShape) {
  for (const char* odd : {"", "null", "[]", R"({"status":5,"lanes":{"a":1},"messages":"x"})",
                          R"({"lanes":[1,null,"x"],"messages":[[]],"recipients":[{}]})"}) {
    EXPECT_THAT(RenderStatus(odd), Not(HasSubstr("null")));
    RenderLanes(odd);
    RenderExplanation(odd);
    RenderCaptured(odd);
    RenderOrders(odd);
    RenderGroups(odd, "site");
    RenderCampaigns(odd);
    FindOrder(odd, "1");
    RenderTlsReports(odd);
    WithoutOk(odd);
    MemberText(odd, "x");
  }
}

TEST(Views, WritesTimesSpansAndSizes) {
  EXPECT_EQ(ShortTime("2026-11-21T07:51:00.000123Z"), "2026-11-21 07:51:00");
  EXPECT_EQ(ShortTime("soon"), "soon");
  EXPECT_EQ(ShortTime(""), "");
  EXPECT_EQ(Span(7), "7s");
  EXPECT_EQ(Span(306), "5m 6s");
  EXPECT_EQ(Span(11'040), "3h 4m");
  EXPECT_EQ(Span(93'600), "1d 2h");
  EXPECT_EQ(Octets(17), "17 octets");
  EXPECT_EQ(Octets(1536), "1.5 KiB");
  EXPECT_EQ(Octets((int64_t(1) << 20) - 1), "1.0 MiB");
  EXPECT_EQ(Octets(int64_t(1) << 40), "1.0 TiB");
}

}  // namespace
}  // namespace sluice::tools
