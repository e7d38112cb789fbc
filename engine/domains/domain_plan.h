// engine/domains/domain_plan.h — the DNS records that a configuration needs published.
//
// PURPOSE   From [[domain]], [[source]] and keys to exact records: those of one sending domain
//           (DKIM, SPF, DMARC, return path, ownership) and those of this machine, which all domains
//           share (reverse names, address and SPF of each EHLO name). `sluice domain add` and
//           `records` print them, the checks compare DNS with them.
// NOT HERE  How they are shown (tools/commands), what DNS says (domain_check.h).
// TESTS     tests/engine/domain_plan_test.cc

#ifndef SLUICE_ENGINE_DOMAINS_DOMAIN_PLAN_H_
#define SLUICE_ENGINE_DOMAINS_DOMAIN_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/surroundings.h"
#include "dns/transport.h"
#include "engine/base/error.h"
#include "engine/base/ip_address.h"

namespace sluice::engine {

// What a record, or a finding, is about.
enum class Role : uint8_t {
  kDkim,
  kSpf,
  kDmarc,
  kReportConsent,  // of the domain that DMARC reports go to (RFC 7489 7.1)
  kReturnMx,
  kReturnSpf,
  kOwnership,
  kMxAddress,  // of `hostname`, where return-path mail goes
  kReverse,
  kEhloAddress,
  kEhloSpf,
  kReturnReach,  // findings only, from here on
  kPublicMail,
  kSource,
  kBlockList,
};
// "DKIM key", for people, and "dkim", for programs.
std::string_view RoleText(Role role);
std::string_view RoleId(Role role);

struct PlannedRecord {
  Role role;
  std::string name;
  dns::RecordType type;
  std::string value;  // of MX: the host
  uint16_t preference = 0;
  std::string purpose;  // in a sentence

  friend bool operator==(const PlannedRecord&, const PlannedRecord&) = default;
};

// A source that some pool uses, as receivers see it.
struct UsedSource {
  std::string name;
  std::string ehlo;
  std::optional<IpAddress> address;  // none: not known
  bool guessed = false;              // no address is configured: the machine's own was taken
  bool hidden = false;               // the address is not public, though mail leaves to the world
};

// What this machine needs, whatever the domain.
struct HostPlan {
  std::string hostname;
  std::vector<UsedSource> sources;
  std::vector<std::string> dnsbl;
  bool inbound = false;  // is there a listener for returning mail?
  uint16_t mx_port = 25;
  std::vector<PlannedRecord> records;
};
HostPlan PlanHost(const config::Config& config, const config::Surroundings& surroundings);

struct PlannedKey {
  std::string selector;
  std::string file;
  std::string type;        // "rsa", "ed25519"
  std::string public_key;  // base64
  std::string record;      // "v=DKIM1; k=rsa; p=..."
};

struct DomainPlan {
  std::string domain;
  std::string tenant;
  std::string return_path;    // may be empty
  std::string dmarc_reports;  // mailbox; empty: none
  bool retired = false;
  std::vector<PlannedKey> keys;
  std::string ownership;  // the TXT value
  std::vector<PlannedRecord> records;
};
// Reads the key files.
Result<DomainPlan> PlanDomain(const config::Config& config, const config::Domain& domain,
                              const HostPlan& host);

// Where `reports`' domain agrees to get reports about `domain`; empty: it need not, being of the
// same organisation.
std::string ReportConsentName(const std::string& domain, const std::string& reports);

// The domain's records and then the machine's, each once.
std::vector<PlannedRecord> AllRecords(const DomainPlan& domain, const HostPlan& host);

// "sluice-verify=..." for the TXT record _sluice.<domain> (design 12.11): the same for good, and on
// every engine of one provider, told apart by provider, tenant and domain. It is no secret: only
// who can write the domain's zone can publish it.
std::string OwnershipToken(std::string_view hostname, std::string_view tenant,
                           std::string_view domain);

// "ip4:192.0.2.10"; of a source whose address is not known "a:EHLO".
std::string SpfMechanismOf(const UsedSource& source);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DOMAINS_DOMAIN_PLAN_H_
