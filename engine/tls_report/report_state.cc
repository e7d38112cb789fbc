#include "engine/tls_report/report_state.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "engine/tls_report/report_text.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
// The year 9999: sums with later times would run over.
constexpr uint64_t kTimeMax = 253'402'300'799'000'000;

// ---- out

Json TallyJson(const DomainTally& tally) {
  Json policies = Json::array();
  for (const auto& [policy, counts] : tally) {
    Json failures = Json::array();
    for (const auto& [failure, times] : counts.failures)
      failures.push_back({NameOf(failure.result), failure.sending_ip, failure.mx_host,
                          failure.receiving_ip, failure.reason, times});
    policies.push_back({{"type", NameOf(policy.type)},
                        {"domain", policy.domain},
                        {"text", policy.text},
                        {"mx", policy.mx},
                        {"good", counts.good},
                        {"failures", std::move(failures)}});
  }
  return policies;
}

Json ReportJson(const PendingReport& report) {
  return {{"domain", report.domain},
          {"begin_us", MicrosOf(report.begin)},
          {"end_us", MicrosOf(report.end)},
          {"policies", TallyJson(report.tally)},
          {"looked_up", report.looked_up},
          {"uris", report.uris},
          {"failures", report.failures},
          {"due_us", MicrosOf(report.due)},
          {"give_up_us", MicrosOf(report.give_up)},
          {"trouble", report.trouble}};
}

// ---- back in: a field that is not what it must be makes `good` false

class StateReader {
 public:
  const Json& Field(const Json& json, const char* key) {
    static const Json kNothing;
    if (json.is_object())
      if (const auto found = json.find(key); found != json.end()) return *found;
    good = false;
    return kNothing;
  }
  std::string Text(const Json& json) {
    if (json.is_string()) return json.get<std::string>();
    good = false;
    return {};
  }
  uint64_t Number(const Json& json) {
    if (json.is_number_unsigned()) return json.get<uint64_t>();
    good = false;
    return 0;
  }
  WallTime Time(const Json& json) {
    const uint64_t micros = Number(json);
    if (micros <= kTimeMax) return WallFromMicros(int64_t(micros));
    good = false;
    return {};
  }
  std::vector<std::string> Lines(const Json& json) {
    std::vector<std::string> out;
    good = good && json.is_array();
    if (!good) return out;
    for (const Json& line : json) out.push_back(Text(line));
    return out;
  }
  void Failures(const Json& json, PolicyTally& tally) {
    good = good && json.is_array();
    if (!good) return;
    for (const Json& one : json) {
      good = good && one.is_array() && one.size() == 6;
      if (!good) return;
      const auto result = TlsResultNamed(Text(one[0]));
      good = good && result.has_value();
      if (!good) return;
      tally.failures[{*result, Text(one[1]), Text(one[2]), Text(one[3]), Text(one[4])}] +=
          Number(one[5]);
    }
  }
  DomainTally Tally(const Json& json) {
    DomainTally out;
    good = good && json.is_array();
    if (!good) return out;
    for (const Json& one : json) {
      const auto type = TlsPolicyTypeNamed(Text(Field(one, "type")));
      good = good && type.has_value();
      if (!good) return out;
      PolicyTally& tally = out[{*type, Text(Field(one, "domain")), Lines(Field(one, "text")),
                                Lines(Field(one, "mx"))}];
      tally.good = Number(Field(one, "good"));
      Failures(Field(one, "failures"), tally);
    }
    return out;
  }
  PendingReport Report(const Json& json) {
    PendingReport out;
    out.domain = Text(Field(json, "domain"));
    out.begin = Time(Field(json, "begin_us"));
    out.end = Time(Field(json, "end_us"));
    out.tally = Tally(Field(json, "policies"));
    const Json& looked_up = Field(json, "looked_up");
    good = good && looked_up.is_boolean();
    out.looked_up = good && looked_up.get<bool>();
    out.uris = Lines(Field(json, "uris"));
    out.failures = uint32_t(Number(Field(json, "failures")));
    out.due = Time(Field(json, "due_us"));
    out.give_up = Time(Field(json, "give_up_us"));
    out.trouble = Text(Field(json, "trouble"));
    return out;
  }

  bool good = true;
};

}  // namespace

std::string FormatTlsReportState(const TlsReportState& state) {
  Json days = Json::array();
  for (const auto& [day, tally] : state.days) {
    Json domains = Json::object();
    for (const auto& [domain, policies] : tally.domains) domains[domain] = TallyJson(policies);
    days.push_back({{"begin_us", MicrosOf(BeginOfDay(day))},
                    {"left_out", tally.left_out},
                    {"domains", std::move(domains)}});
  }
  Json reports = Json::object();
  for (const auto& [id, report] : state.reports) reports[id] = ReportJson(report);
  return Json{{"version", kVersion},
              {"reported_until_us", MicrosOf(state.reported_until)},
              {"days", std::move(days)},
              {"reports", std::move(reports)}}
             .dump(-1, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

Result<TlsReportState> ParseTlsReportState(std::string_view text) {
  const auto bad = Fail(ErrorCode::kCorrupt, "is not a file of TLS reports");
  const Json json = Json::parse(text, nullptr, false);
  StateReader reader;
  if (reader.Field(json, "version") != Json(kVersion)) return bad;
  TlsReportState state;
  state.reported_until = reader.Time(reader.Field(json, "reported_until_us"));
  const Json& days = reader.Field(json, "days");
  const Json& reports = reader.Field(json, "reports");
  if (!days.is_array() || !reports.is_object()) return bad;
  for (const Json& one : days) {
    DayTally& day = state.days[DayOf(reader.Time(reader.Field(one, "begin_us")))];
    day.left_out = reader.Number(reader.Field(one, "left_out"));
    const Json& domains = reader.Field(one, "domains");
    if (!domains.is_object()) return bad;
    for (const auto& [domain, policies] : domains.items())
      day.domains[domain] = reader.Tally(policies);
  }
  for (const auto& [id, report] : reports.items()) state.reports[id] = reader.Report(report);
  if (!reader.good) return bad;
  return state;
}

}  // namespace sluice::engine
