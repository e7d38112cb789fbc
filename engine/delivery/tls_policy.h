// engine/delivery/tls_policy.h — what TLS a connection must have. The one place that decides.
//
// PURPOSE   (what the recipient's domain asks, what DNS says of the host) -> TlsPlan for one
//           connection; (how a connection was made, what another domain asks) -> may it carry that
//           too?
// RULES     The strongest that applies: DANE of the host, MTA-STS of the domain, the route's
//           setting, else opportunistic. DANE belongs to the host, whoever's mail goes there;
//           MTA-STS and the route belong to the recipient domain, so that one domain's demand never
//           binds another that shares its hosts (docs/adr/0011-tls-policy-of-an-attempt.md).
// NOT HERE  Looking any of it up: engine/shard/tls_policy_table.h. Connecting: delivery.h.
// TESTS     tests/engine/tls_policy_test.cc

#ifndef SLUICE_ENGINE_DELIVERY_TLS_POLICY_H_
#define SLUICE_ENGINE_DELIVERY_TLS_POLICY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "dns/sts_policy.h"
#include "dns/tlsa_lookup.h"
#include "engine/io/net.h"
#include "engine/tls_report/session.h"

namespace sluice::engine {

// What a recipient domain asks of the connections that carry its mail.
struct DomainTls {
  std::string domain;
  config::RouteTls route = config::RouteTls::kOpportunistic;
  // In force, testing or enforce; null: none.
  std::shared_ptr<const dns::StsPolicy> sts{};
  // Our reports of failing TLS: they arrive although it fails, DANE or not (RFC 8460 3).
  bool whatever_fails = false;

  bool enforces() const { return sts != nullptr && sts->mode == dns::StsMode::kEnforce; }
};

// May their recipients share a transaction?
bool Alike(const DomainTls& a, const DomainTls& b);

// By what rule a connection is made; weakest first.
enum class TlsRule : uint8_t {
  kOff,
  kOpportunistic,
  kStsTesting,    // opportunistic, and what MTA-STS would have said is noted
  kRequired,      // the route: encrypted
  kDaneUnusable,  // encrypted: TLSA records that nothing can be made of (RFC 7672 2.2)
  kVerified,      // the route: encrypted, a certificate of a known CA for the host's name
  kSts,           // MTA-STS enforce: the same, and the host is one of the policy's
  kDane,          // encrypted, a certificate that matches the TLSA records
};
std::string_view NameOf(TlsRule rule);  // of the field tls_policy in events

struct TlsPlan {
  TlsRule rule = TlsRule::kOpportunistic;
  bool use_tls = true;       // say STARTTLS where it is offered
  bool must = false;         // without TLS as below nothing is sent
  bool domains_own = false;  // the demand is this domain's: when it fails, others are not concerned
  std::string refusal{};     // not empty: nothing may be sent to this host now, and why
  std::string note{};        // MTA-STS in testing: what is wrong with the host
  // For io::TlsClientParams.
  io::TlsVerify verify = io::TlsVerify::kNone;
  bool note_only = false;
  std::string server_name{};
  std::vector<std::string> names{};
  std::vector<io::TlsaRecord> tlsa{};
};

// For a connection to `host` (lower case). `broken`: its STARTTLS failed a while ago.
TlsPlan PlanTls(const DomainTls& wanted, const dns::HostDane& dane, const std::string& host,
                bool broken);

// In the words of a report: what `domain` hears the policy was.
TlsPolicyTold TellPolicy(const DomainTls& wanted, const dns::HostDane& dane);

// How a connection was made.
struct TlsFacts {
  TlsRule rule = TlsRule::kOpportunistic;
  std::string domain;  // whose demand shaped it
  std::string host;
  bool on = false;
  io::TlsProof proof = io::TlsProof::kNone;
  std::string problem;          // why what was only noted did not verify
  bool whatever_fails = false;  // made for a report: good for nothing else
};

// May it carry mail of a domain with these wishes?
bool Suffices(const TlsFacts& facts, const DomainTls& wanted);

// For the event of a recipient under `rule`: "dane dane-ee", "mta-sts-testing failed: ...", "off".
std::string DescribeTls(TlsRule rule, const TlsFacts& facts);

// What is published and configured about TLS. Answers inside the call or later from the loop.
class TlsPolicies {
 public:
  virtual ~TlsPolicies() = default;
  virtual void ForDomain(std::string_view domain, std::function<void(const DomainTls&)> done) = 0;
  // `host`: a name that DNS gave.
  virtual void ForHost(std::string_view host, uint16_t port,
                       std::function<void(const dns::HostDane&)> done) = 0;
  // Known to be alike, without waiting for anything.
  virtual bool Alike(std::string_view domain, std::string_view other) = 0;
  // The domain's own demand was not met.
  virtual void OnMismatch(std::string_view /*domain*/) {}
  // TLS with a host of a domain was tried, or could not be.
  virtual void OnSession(TlsSession /*session*/) {}
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_TLS_POLICY_H_
