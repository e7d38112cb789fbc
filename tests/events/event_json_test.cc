// Goal: lines are what docs/events.md says, and correct JSON whatever a peer has said. Method:
// golden lines; hostile text read back by another JSON library.

#include "engine/events/event_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "engine/base/random.h"
#include "engine/base/text.h"
#include "tests/events/sample_events.h"

namespace sluice::engine {
namespace {

std::string Line(uint64_t id, const queue::Event& event) {
  EventJson json;
  std::string out;
  json.Append(id, event, out);
  return out;
}

TEST(EventJson, TellsOfAcceptance) {
  EXPECT_EQ(Line(77, SampleAccepted()),
            R"({"id":"77","time":"2026-11-21T07:51:00.000123Z","event":"accepted",)"
            R"("message":"0000100000005","recipient":"ann@example.net","sender":"b@example.com",)"
            R"("tenant":"crm","campaign":"spring","size":10240,"user":"crm","peer":"192.0.2.7"})"
            "\n");
}

TEST(EventJson, TellsOfDelivery) {
  EXPECT_EQ(Line(78, SampleDelivered()),
            R"({"id":"78","time":"2026-11-21T07:51:00.000123Z","event":"delivered",)"
            R"("message":"0000100000005","recipient":"ann@example.net","sender":"b@example.com",)"
            R"("tenant":"crm","campaign":"spring","site":"mx.example.net",)"
            R"("host":"mx1.example.net [192.0.2.1]:25","source":"default","attempt":2,"code":250,)"
            R"("enhanced":"2.0.0","text":"queued as 4711","tls":"TLSv1.3 TLS_AES_256_GCM_SHA384",)"
            R"("tls_policy":"dane","tls_verified":"dane-ee",)"
            R"("queue_ms":1500})"
            "\n");
}

TEST(EventJson, TellsOfDeferralWithItsNextTime) {
  EXPECT_EQ(Line(79, SampleDeferred()),
            R"({"id":"79","time":"2026-11-21T07:51:00.000123Z","event":"deferred",)"
            R"("message":"0000100000005","recipient":"ann@example.net","sender":"b@example.com",)"
            R"("tenant":"crm","campaign":"spring","site":"mx.example.net","source":"default",)"
            R"("attempt":1,"reason":"dns_temporary","queue_ms":1500,)"
            R"("next_due":"2026-11-21T07:56:00.000000Z"})"
            "\n");
}

TEST(EventJson, TellsTheOperatorWithoutARecipient) {
  queue::Event event;
  event.type = queue::EventType::kAlert;
  event.time = SampleTime();
  event.text = "a record is damaged";
  EXPECT_EQ(Line(1, event), R"({"id":"1","time":"2026-11-21T07:51:00.000123Z","event":"alert",)"
                            R"("text":"a record is damaged"})"
                            "\n");
}

TEST(EventJson, MakesCorrectJsonOfHostileText) {
  struct Case {
    std::string_view text;
    std::string_view json;
  };
  const Case cases[] = {
      {"plain", "\"plain\""},
      {"", "\"\""},
      {"a\"b\\c", "\"a\\\"b\\\\c\""},
      {"a\r\nb\tc", "\"a\\r\\nb\\tc\""},
      {std::string_view("\0\x1b[31m\x7f", 7), "\"\\u0000\\u001b[31m\\u007f\""},
      {"b\xc3\xbc"
       "cher \xe2\x82\xac \xf0\x9f\x93\xa7",
       "\"b\xc3\xbc"
       "cher \xe2\x82\xac \xf0\x9f\x93\xa7\""},
      {"\xff", "\"\xef\xbf\xbd\""},
      {"\xc3", "\"\xef\xbf\xbd\""},
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                  // overlong
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},  // surrogate
      {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xe2\x82x", "\"\xef\xbf\xbd\xef\xbf\xbdx\""},
  };
  for (const Case& test : cases) {
    std::string out;
    AppendJsonString(test.text, out);
    EXPECT_EQ(out, test.json);
  }
}

TEST(EventJson, ReadsBackFromAnyOctets) {
  Random random(7);
  for (int round = 0; round < 2'000; ++round) {
    queue::Event event = SampleDelivered();
    event.text.clear();
    const size_t length = size_t(random.Below(40));
    for (size_t i = 0; i < length; ++i) event.text += char(random.Below(256));
    event.recipient = event.text + "@x";
    const std::string line = Line(1, event);
    EXPECT_TRUE(IsUtf8(line));
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto json = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(json.is_object()) << line;
    if (!IsUtf8(event.text) || event.text.empty()) continue;
    EXPECT_EQ(json["text"], event.text);
  }
}

TEST(EventJson, TellsEveryTimeRight) {
  EventJson json;
  for (const int64_t micros : {int64_t(0), int64_t(999'999), int64_t(1'000'000), int64_t(999'999),
                               int64_t(-1), int64_t(1'795'247'460'000'123)}) {
    queue::Event event;
    event.type = queue::EventType::kAlert;
    event.time = WallFromMicros(micros);
    std::string out;
    json.Append(1, event, out);
    EXPECT_EQ(nlohmann::json::parse(out)["time"], FormatRfc3339(event.time));
  }
}

}  // namespace
}  // namespace sluice::engine
