// dns/tlsrpt_record.h — who wants reports of TLS failures: the record _smtp._tls.<domain> (RFC 8460
// 3).
//
// PURPOSE   Pure functions over what a stranger's DNS gave us.
// NOT HERE  Asking, and making the reports: engine/tls_report.
// LIMITS    kTlsRptRecordMax octets of a record, kTlsRptPlacesMax places to report to; what is
//           beyond is left out.
// TESTS     tests/dns/tlsrpt_record_test.cc, tests/fuzz/fuzz_tlsrpt_record.cc

#ifndef SLUICE_DNS_TLSRPT_RECORD_H_
#define SLUICE_DNS_TLSRPT_RECORD_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::dns {

// Real records have one place or two, and under 300 octets.
inline constexpr size_t kTlsRptRecordMax = 4'096;
inline constexpr size_t kTlsRptPlacesMax = 4;
inline constexpr uint16_t kHttpsPort = 443;

// Where reports go: a mailbox, or else a path of a web server.
struct TlsRptPlace {
  std::string uri;      // as the record has it
  std::string mailbox;  // "reports@example.com", domain in lower case; empty: https
  std::string host;     // lower case
  uint16_t port = kHttpsPort;
  std::string path;  // with the leading slash, and the query

  friend bool operator==(const TlsRptPlace&, const TlsRptPlace&) = default;
};

// "mailto:..." or "https://...". None: another scheme, or malformed.
std::optional<TlsRptPlace> ParseTlsRptUri(std::string_view uri);

// The places of "v=TLSRPTv1; rua=mailto:...,https://..." among the TXT records of a name; empty
// when there is not exactly one such record (RFC 8460 3), or it names no place that we can use.
std::vector<TlsRptPlace> TlsRptPlaces(std::span<const std::string> txt);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_TLSRPT_RECORD_H_
