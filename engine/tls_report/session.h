// engine/tls_report/session.h — how TLS with one mail host went, in the words of RFC 8460.
//
// PURPOSE   What a delivery, and the keeper of MTA-STS policies, tell of each try to have TLS with
//           a host of a recipient domain.
// NOT HERE  Counting (tally.h). Who tells when: engine/delivery/delivery_tls.cc.

#ifndef SLUICE_ENGINE_TLS_REPORT_SESSION_H_
#define SLUICE_ENGINE_TLS_REPORT_SESSION_H_

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "queue/records.h"

namespace sluice::engine {

// RFC 8460 4.3. Of its types only dane-required is missing: no setting of ours demands DANE.
enum class TlsResult : uint8_t {
  kGood,
  kStartTlsNotSupported,
  kCertificateHostMismatch,
  kCertificateExpired,
  kCertificateNotTrusted,
  kValidationFailure,  // any other
  kTlsaInvalid,
  kDnssecInvalid,
  kStsPolicyFetchError,
  kStsPolicyInvalid,
  kStsWebpkiInvalid,
};

enum class TlsPolicyType : uint8_t { kNone, kSts, kTlsa };

// By what policy a host was met.
struct TlsPolicyTold {
  TlsPolicyType type = TlsPolicyType::kNone;
  // "Policy Domain" (1.1): of DANE the TLSA base domain of the host, else the recipient domain.
  std::string domain;
  std::vector<std::string> text{};  // its lines, or the TLSA records
  std::vector<std::string> mx{};    // patterns; MTA-STS

  friend auto operator<=>(const TlsPolicyTold&, const TlsPolicyTold&) = default;
};

struct TlsFailureTold {
  TlsResult result = TlsResult::kGood;
  // Empty where no host was spoken to.
  std::string sending_ip{};
  std::string mx_host{};
  std::string receiving_ip{};
  std::string reason{};  // what went wrong, in our words

  friend auto operator<=>(const TlsFailureTold&, const TlsFailureTold&) = default;
};

struct TlsSession {
  std::string domain;  // the recipient's: it hears of it
  TlsPolicyTold policy;
  TlsFailureTold failure;  // kGood: none
};

// Reports that go by mail are known by this campaign together with queue::kFlagReport.
inline constexpr std::string_view kTlsReportCampaign = "tls-report";
inline bool IsTlsReport(const queue::Message& message) {
  return (message.flags & queue::kFlagReport) != 0 && message.campaign == kTlsReportCampaign;
}

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_TLS_REPORT_SESSION_H_
