// Goal: a day's sessions reach exactly those who ask for them, once, over faults, retries and
// restarts. Method: virtual time, a scripted DNS, web server and mail queue.

#include <gtest/gtest.h>
#include <zlib.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/tls_report/report_text.h"
#include "engine/tls_report/reporter.h"
#include "tests/dns/fake_dns.h"
#include "tests/dns/manual_clock.h"

namespace sluice::engine {
namespace {

using namespace std::chrono_literals;

class FakeWeb final : public HttpFetch {
 public:
  void Fetch(HttpRequest request, std::function<void(const HttpResponse&)> done) override {
    asked.push_back(std::move(request));
    done(response);
  }
  HttpResponse response{.status = 201, .error = {}, .content_type = {}, .body = {}};
  std::vector<HttpRequest> asked;
};

class TlsReporterTest : public ::testing::Test {
 protected:
  TlsReporterTest() {
    config::Config config;
    config.hostname = "mta.example";
    config.tls_report = {
        .organization = "Example", .contact = "ops@example.com", .from = "tls@example.com"};
    config_ = std::make_shared<const config::Config>(config);
    Begin({});
  }
  // As after a restart with what was on disk.
  void Begin(TlsReportState known) {
    reporter_.reset();
    reporter_ = std::make_unique<TlsReporter>(
        ReporterParts{
            .clock = clock_,
            .timers = timers_,
            .random = random_,
            .resolver = resolver_,
            .web = web_,
            .gather = [this](const auto& done) { done(std::exchange(days_, {})); },
            .mail =
                [this](TlsReportLetter letter, const auto& done) {
                  if (mail_) letters_.push_back(std::move(letter));
                  done(mail_);
                },
            .save = [this](const auto& state) { saved_ = *state; },
            .alert = [this](const auto&, const std::string& text) { alerts_.push_back(text); }},
        config_, std::move(known));
  }
  void Publish(const std::string& domain, const std::string& places) {
    dns_.AddTxt("_smtp._tls." + domain, "v=TLSRPTv1; rua=" + places);
  }
  void Session(const std::string& domain, TlsResult result = TlsResult::kGood) {
    days_[DayOf(clock_.Wall())].Add(
        {domain, {TlsPolicyType::kNone, domain}, {.result = result, .mx_host = "mx." + domain}});
  }
  void Pass(Duration time) { clock_.Advance(timers_, time); }
  size_t SendNow() {
    size_t made = 0;
    reporter_->SendNow([&made](size_t n) { made = n; });
    Pass(1s);
    return made;
  }

  dns::ManualClock clock_;  // an hour past midnight
  TimerQueue timers_;
  Random random_{1};
  dns::FakeDns dns_{timers_, clock_};
  dns::Resolver resolver_{dns_, clock_, 1000};
  FakeWeb web_;
  TlsDays days_;
  Status mail_;  // what the queue says
  std::vector<TlsReportLetter> letters_;
  std::vector<std::string> alerts_;
  TlsReportState saved_;
  std::shared_ptr<const config::Config> config_;
  std::unique_ptr<TlsReporter> reporter_;
};

TEST_F(TlsReporterTest, ReportsADayAfterItsEndToThoseWhoAsk) {
  Publish("a.example", "mailto:tls@a.example");
  Publish("b.example", "https://b.example:8443/v1");
  for (const char* domain : {"a.example", "b.example", "silent.example"}) Session(domain);
  Pass(22h + 59min);
  EXPECT_EQ(dns_.asked().size(), 0u);  // nothing is asked before
  Pass(4h + 3min);
  ASSERT_EQ(letters_.size(), 1u);
  EXPECT_EQ(letters_[0].to, "tls@a.example");
  EXPECT_EQ(letters_[0].domain, "a.example");
  EXPECT_EQ(letters_[0].span, "1970-01-01T00:00:00Z to 1970-01-01T23:59:59Z");
  EXPECT_TRUE(letters_[0].file_name.starts_with("example.com!a.example!0!86399!0."));
  ASSERT_EQ(web_.asked.size(), 1u);
  EXPECT_EQ(web_.asked[0].host, "b.example");
  EXPECT_EQ(web_.asked[0].port, 8443);
  EXPECT_EQ(web_.asked[0].path, "/v1");
  EXPECT_EQ(web_.asked[0].content_type, "application/tlsrpt+gzip");
  EXPECT_TRUE(web_.asked[0].body.starts_with("\x1f\x8b"));
  EXPECT_EQ(reporter_->counts().sent, 2u);
  EXPECT_EQ(reporter_->counts().unwanted, 1u);
  EXPECT_TRUE(reporter_->state().reports.empty());
  EXPECT_EQ(saved_, reporter_->state());
  Pass(48h);
  EXPECT_EQ(reporter_->counts().sent, 2u);
}

TEST_F(TlsReporterTest, SpreadsReportsOverTheHoursAfterMidnight) {
  for (int i = 0; i < 100; ++i) Session(std::to_string(i) + ".example");
  Pass(23h + 2min);
  std::set<int64_t> quarters;
  size_t before = 0;
  for (int i = 0; i < 16; ++i) {
    Pass(15min);
    if (reporter_->counts().unwanted > before) quarters.insert(i);
    before = reporter_->counts().unwanted;
  }
  EXPECT_GE(quarters.size(), 12u);
  EXPECT_EQ(before, 100u);
}

TEST_F(TlsReporterTest, KeepsDaysApart) {
  Publish("a.example", "mailto:tls@a.example");
  Session("a.example");
  Pass(22h + 59min + 30s);
  Session("a.example");
  Pass(1min);  // the last minute's sessions are told of after midnight
  Session("a.example");
  Pass(5h);
  ASSERT_EQ(letters_.size(), 1u);
  Pass(24h);
  ASSERT_EQ(letters_.size(), 2u);
  EXPECT_EQ(letters_[0].span, "1970-01-01T00:00:00Z to 1970-01-01T23:59:59Z");
  EXPECT_EQ(letters_[1].span, "1970-01-02T00:00:00Z to 1970-01-02T23:59:59Z");
}

TEST_F(TlsReporterTest, SendsAtOnceOnDemandAndTheRestOfTheDayLater) {
  Publish("a.example", "mailto:tls@a.example");
  Session("a.example");
  EXPECT_EQ(SendNow(), 1u);
  ASSERT_EQ(letters_.size(), 1u);
  EXPECT_EQ(letters_[0].span, "1970-01-01T00:00:00Z to 1970-01-01T00:59:59Z");
  EXPECT_EQ(SendNow(), 0u);
  Session("a.example");
  Pass(28h);
  ASSERT_EQ(letters_.size(), 2u);
  EXPECT_EQ(letters_[1].span, "1970-01-01T01:00:01Z to 1970-01-01T23:59:59Z");
  EXPECT_NE(letters_[0].report_id, letters_[1].report_id);
}

TEST_F(TlsReporterTest, TriesAgainWhatFailedEverMoreRarelyForADay) {
  Publish("a.example", "https://a.example/");
  web_.response = {.status = 503, .error = {}, .content_type = {}, .body = {}};
  Session("a.example");
  SendNow();
  EXPECT_EQ(web_.asked.size(), 1u);
  Pass(5min);
  EXPECT_EQ(web_.asked.size(), 2u);
  Pass(9min);
  EXPECT_EQ(web_.asked.size(), 2u);
  Pass(30h);
  EXPECT_GT(web_.asked.size(), 8u);
  EXPECT_LT(web_.asked.size(), 16u);
  EXPECT_EQ(reporter_->counts().failed, 1u);
  EXPECT_EQ(alerts_, std::vector<std::string>{
                         "the TLS report about a.example was not delivered within a day and is "
                         "given up: https://a.example/: status 503"});
  EXPECT_TRUE(reporter_->state().reports.empty());
}

TEST_F(TlsReporterTest, RepeatsOnlyThePlaceThatFailed) {
  Publish("a.example", "https://a.example/,mailto:tls@a.example");
  web_.response = {.status = 0, .error = "timed out", .content_type = {}, .body = {}};
  Session("a.example");
  SendNow();
  EXPECT_EQ(letters_.size(), 1u);
  EXPECT_EQ(reporter_->state().reports.begin()->second.trouble, "https://a.example/: timed out");
  web_.response = {.status = 200, .error = {}, .content_type = {}, .body = {}};
  Pass(6min);
  EXPECT_EQ(letters_.size(), 1u);
  EXPECT_EQ(web_.asked.size(), 2u);
  EXPECT_EQ(reporter_->counts().sent, 2u);
}

TEST_F(TlsReporterTest, WaitsForDnsThatDoesNotAnswerAndForAFullQueue) {
  Publish("a.example", "mailto:tls@a.example");
  dns_.SetFailureOfAll(dns::FakeFailure::kServFail);
  mail_ = Fail(ErrorCode::kFull, "the queue is full");
  Session("a.example");
  SendNow();
  EXPECT_EQ(reporter_->counts().unwanted, 0u);
  dns_.SetFailureOfAll(dns::FakeFailure::kNone);
  Pass(6min);
  EXPECT_EQ(reporter_->state().reports.begin()->second.trouble,
            "mailto:tls@a.example: the queue is full");
  mail_ = {};
  Pass(11min);
  EXPECT_EQ(letters_.size(), 1u);
}

TEST_F(TlsReporterTest, GoesOnAfterARestartWithTheSameId) {
  Publish("a.example", "https://a.example/");
  web_.response = {.status = 503, .error = {}, .content_type = {}, .body = {}};
  Session("a.example");
  SendNow();
  Session("b.example");
  Pass(6min);
  ASSERT_EQ(saved_.reports.size(), 1u);
  EXPECT_EQ(saved_.days.size(), 1u);
  const std::string id = saved_.reports.begin()->first;
  Begin(*ParseTlsReportState(FormatTlsReportState(saved_)));
  web_.response = {.status = 200, .error = {}, .content_type = {}, .body = {}};
  Pass(1h);
  EXPECT_EQ(reporter_->counts().sent, 1u);
  EXPECT_EQ(dns_.CountAsked("TXT _smtp._tls.a.example"), 1u);
  EXPECT_TRUE(reporter_->state().reports.empty());
  EXPECT_EQ(reporter_->state().days.size(), 1u);
  EXPECT_FALSE(id.empty());
}

TEST_F(TlsReporterTest, TellsWhatIsInNoReport) {
  days_[0].left_out = 5;
  SendNow();
  EXPECT_EQ(reporter_->counts().left_out, 5u);
  ASSERT_EQ(alerts_.size(), 1u);
  EXPECT_TRUE(alerts_[0].starts_with("5 TLS sessions are in no report"));
}

TEST_F(TlsReporterTest, ForgetsAllWhenItIsSwitchedOff) {
  Publish("a.example", "https://a.example/");
  Session("a.example");
  SendNow();
  Session("b.example");
  Pass(2min);
  reporter_->Reload(std::make_shared<const config::Config>());
  EXPECT_EQ(saved_, TlsReportState());
  Session("c.example");
  Pass(48h);
  EXPECT_EQ(web_.asked.size(), 1u);
  EXPECT_TRUE(reporter_->state().days.empty());
}

TEST_F(TlsReporterTest, HasFewReportsUnderWayAtATime) {
  dns_.SetLatency(1s, 1s);
  for (int i = 0; i < 50; ++i) Session(std::to_string(i) + ".example");
  reporter_->SendNow([](size_t) {});
  EXPECT_EQ(dns_.asked().size(), TlsReporter::kAtOnce);
  Pass(10s);
  EXPECT_EQ(reporter_->counts().unwanted, 50u);
}

}  // namespace
}  // namespace sluice::engine
