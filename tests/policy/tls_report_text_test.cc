// Goal: the report is the JSON of RFC 8460 4.4, gzip gives back what went in, and the state file
// loses nothing.

#include <gtest/gtest.h>
#include <zlib.h>

#include <nlohmann/json.hpp>
#include <string>

#include "engine/tls_report/gzip.h"
#include "engine/tls_report/report_text.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

PendingReport Sample() {
  PendingReport report;
  report.domain = "b.example";
  report.begin = BeginOfDay(20'782);
  report.end = BeginOfDay(20'783);
  DayTally day;
  const TlsPolicyTold sts{TlsPolicyType::kSts,
                          "b.example",
                          {"version: STSv1", "mode: testing", "mx: *.b.example", "max_age: 86400"},
                          {"*.b.example"}};
  day.Add({"b.example", sts, {}}, 5326);
  day.Add({"b.example",
           sts,
           {TlsResult::kCertificateExpired, "192.0.2.1", "mx1.b.example", "198.51.100.2",
            "certificate has expired"}},
          100);
  day.Add({"b.example", sts, {.result = TlsResult::kStsPolicyFetchError}}, 3);
  day.Add({"b.example", {TlsPolicyType::kTlsa, "mx2.b.example", {"3 1 1 AB"}}, {}});
  report.tally = day.domains.at("b.example");
  return report;
}

TEST(TlsReportText, IsTheJsonOfTheRfc) {
  const config::TlsReport sender{
      .organization = "Example Inc.", .contact = "ops@example.com", .from = "t@example.com"};
  const Json report = Json::parse(FormatTlsReport(sender, "1.a@mta.example", Sample()));
  EXPECT_EQ(report, Json::parse(R"({
    "organization-name": "Example Inc.",
    "date-range": {"start-datetime": "2026-11-25T00:00:00Z",
                   "end-datetime": "2026-11-25T23:59:59Z"},
    "contact-info": "ops@example.com",
    "report-id": "1.a@mta.example",
    "policies": [
      {"policy": {"policy-type": "sts", "policy-domain": "b.example",
                  "policy-string": ["version: STSv1", "mode: testing", "mx: *.b.example",
                                    "max_age: 86400"],
                  "mx-host": ["*.b.example"]},
       "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 103},
       "failure-details": [
         {"result-type": "certificate-expired", "sending-mta-ip": "192.0.2.1",
          "receiving-mx-hostname": "mx1.b.example", "receiving-ip": "198.51.100.2",
          "failed-session-count": 100, "failure-reason-code": "certificate has expired"},
         {"result-type": "sts-policy-fetch-error", "failed-session-count": 3}]},
      {"policy": {"policy-type": "tlsa", "policy-domain": "mx2.b.example",
                  "policy-string": ["3 1 1 AB"]},
       "summary": {"total-successful-session-count": 1, "total-failure-session-count": 0}}]})"));
}

TEST(TlsReportText, HasTheFileNameOfTheRfc) {
  EXPECT_EQ(TlsReportFileName("mta.example", "1.a@mta.example", Sample()),
            "mta.example!b.example!1795564800!1795651199!1.a.json.gz");
  EXPECT_EQ(SpanText(Sample()), "2026-11-25T00:00:00Z to 2026-11-25T23:59:59Z");
}

TEST(TlsReportText, NamesEveryResultAndKnowsItAgain) {
  for (int i = 1; i <= int(TlsResult::kStsWebpkiInvalid); ++i)
    EXPECT_EQ(TlsResultNamed(NameOf(TlsResult(i))), TlsResult(i));
  EXPECT_EQ(TlsResultNamed(""), std::nullopt);
  EXPECT_EQ(TlsResultNamed("dane-required"), std::nullopt);
  for (const auto type : {TlsPolicyType::kNone, TlsPolicyType::kSts, TlsPolicyType::kTlsa})
    EXPECT_EQ(TlsPolicyTypeNamed(NameOf(type)), type);
}

TEST(TlsReportText, SurvivesOctetsThatAreNoText) {
  PendingReport report = Sample();
  report.tally.begin()->second.failures[{TlsResult::kValidationFailure, "", "", "", "\xff\n\""}] =
      1;
  EXPECT_TRUE(Json::accept(FormatTlsReport({}, "1", report)));
}

std::string Gunzip(const std::string& file) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string in = file, out(1'000'000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = uInt(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  EXPECT_EQ(inflateEnd(&stream), Z_OK);
  return out;
}

TEST(Gzip, GivesBackWhatWentIn) {
  std::string octets;
  for (int i = 0; i < 300'000; ++i) octets.push_back(char(uint32_t(i) * uint32_t(i) >> 3));
  for (const std::string& text : {std::string(), std::string("x"), octets}) {
    const std::string file = Gzip(text);
    EXPECT_TRUE(file.starts_with("\x1f\x8b"));
    EXPECT_EQ(Gunzip(file), text);
  }
}

TlsReportState SampleState() {
  TlsReportState state;
  state.reported_until = BeginOfDay(20'782) + std::chrono::hours(3);
  state.days[20'782].domains["b.example"] = Sample().tally;
  state.days[20'782].left_out = 7;
  state.days[20'783];
  PendingReport sent = Sample();
  sent.looked_up = true;
  sent.uris = {"mailto:a@b.example", "https://b.example/"};
  sent.failures = 2;
  sent.due = sent.end + std::chrono::minutes(5);
  sent.give_up = sent.end + kDay;
  sent.trouble = "no answer";
  state.reports = {{"1.a@mta.example", Sample()}, {"1.b@mta.example", sent}};
  return state;
}

TEST(TlsReportState, ComesBackAsItWasWritten) {
  const auto back = ParseTlsReportState(FormatTlsReportState(SampleState()));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, SampleState());
  EXPECT_EQ(*ParseTlsReportState(FormatTlsReportState({})), TlsReportState());
}

TEST(TlsReportState, RefusesADamagedFileInAnyPlace) {
  const std::string text = FormatTlsReportState(SampleState());
  // The last two octets close the object and the line.
  for (size_t size = 0; size + 2 < text.size(); ++size)
    EXPECT_FALSE(ParseTlsReportState(text.substr(0, size))) << size;
  // Every value in turn becomes something else: never a crash, and nothing of it is believed.
  const Json whole = Json::parse(text);
  const Json flat = whole.flatten();
  for (const auto& [path, value] : flat.items()) {
    Json broken = whole;
    broken[Json::json_pointer(path)] = value.is_boolean() ? Json("x") : Json(true);
    EXPECT_FALSE(ParseTlsReportState(broken.dump())) << path;
  }
}

}  // namespace
}  // namespace sluice::engine
