#include "engine/tls_report/report_text.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/text.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

// In the order of the enums.
constexpr std::array<std::string_view, 11> kResults = {"",
                                                       "starttls-not-supported",
                                                       "certificate-host-mismatch",
                                                       "certificate-expired",
                                                       "certificate-not-trusted",
                                                       "validation-failure",
                                                       "tlsa-invalid",
                                                       "dnssec-invalid",
                                                       "sts-policy-fetch-error",
                                                       "sts-policy-invalid",
                                                       "sts-webpki-invalid"};
constexpr std::array<std::string_view, 3> kTypes = {"no-policy-found", "sts", "tlsa"};

// RFC 3339 to the second, as receivers' parsers know it.
std::string TimeText(WallTime time) {
  std::string text = FormatRfc3339(time);
  return text.substr(0, text.find('.')) + "Z";
}

// Both ends are within the span: a day ends at 23:59:59.
WallTime LastOf(const PendingReport& report) {
  return std::max(report.begin, report.end - std::chrono::seconds(1));
}

int64_t SecondsOf(WallTime time) { return MicrosOf(time) / 1'000'000; }

void Put(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

Json FailureJson(const TlsFailureTold& failure, uint64_t times) {
  Json json = {{"result-type", NameOf(failure.result)}, {"failed-session-count", times}};
  Put(json, "sending-mta-ip", failure.sending_ip);
  Put(json, "receiving-mx-hostname", failure.mx_host);
  Put(json, "receiving-ip", failure.receiving_ip);
  Put(json, "failure-reason-code", failure.reason);
  return json;
}

Json PolicyJson(const TlsPolicyTold& policy, const PolicyTally& tally) {
  Json told = {{"policy-type", NameOf(policy.type)}, {"policy-domain", policy.domain}};
  if (!policy.text.empty()) told["policy-string"] = policy.text;
  if (!policy.mx.empty()) told["mx-host"] = policy.mx;
  Json json = {{"policy", std::move(told)},
               {"summary",
                {{"total-successful-session-count", tally.good},
                 {"total-failure-session-count", tally.bad()}}}};
  for (const auto& [failure, times] : tally.failures)
    json["failure-details"].push_back(FailureJson(failure, times));
  return json;
}

}  // namespace

std::string_view NameOf(TlsResult result) { return kResults[size_t(result)]; }

std::optional<TlsResult> TlsResultNamed(std::string_view name) {
  const auto* found = std::ranges::find(kResults, name);
  if (name.empty() || found == kResults.end()) return std::nullopt;
  return TlsResult(found - kResults.begin());
}

std::string_view NameOf(TlsPolicyType type) { return kTypes[size_t(type)]; }

std::optional<TlsPolicyType> TlsPolicyTypeNamed(std::string_view name) {
  const auto* found = std::ranges::find(kTypes, name);
  if (found == kTypes.end()) return std::nullopt;
  return TlsPolicyType(found - kTypes.begin());
}

std::string FormatTlsReport(const config::TlsReport& sender, const std::string& id,
                            const PendingReport& report) {
  Json json = {
      {"organization-name", sender.organization},
      {"date-range",
       {{"start-datetime", TimeText(report.begin)}, {"end-datetime", TimeText(LastOf(report))}}},
      {"contact-info", sender.contact},
      {"report-id", id},
      {"policies", Json::array()}};
  for (const auto& [policy, tally] : report.tally)
    json["policies"].push_back(PolicyJson(policy, tally));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string SpanText(const PendingReport& report) {
  return TimeText(report.begin) + " to " + TimeText(LastOf(report));
}

std::string TlsReportFileName(std::string_view submitter, const std::string& id,
                              const PendingReport& report) {
  // The unique part is the id without its domain: an at sign has no place there.
  return std::string(submitter) + "!" + report.domain + "!" +
         std::to_string(SecondsOf(report.begin)) + "!" + std::to_string(SecondsOf(LastOf(report))) +
         "!" + id.substr(0, id.find('@')) + ".json.gz";
}

}  // namespace sluice::engine
