// config/config.h — the whole configuration as typed values, after parsing and checking.
//
// PURPOSE   What sluice.toml says, with every default filled in and every path made absolute. An
//           engine gets a Config and never looks at a file again; reload makes a new one.
// NOT HERE  The parser (parser.h), the table of keys that makes docs/configuration.md (keys.cc).

#ifndef SLUICE_CONFIG_CONFIG_H_
#define SLUICE_CONFIG_CONFIG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ip_address.h"
#include "engine/base/time.h"
#include "engine/base/time_zone.h"

namespace sluice::config {

using namespace std::chrono_literals;

struct Queue {
  std::string path = "/var/lib/sluice/queue";
  uint64_t map_size = uint64_t(64) << 30;
  uint64_t max_bytes = uint64_t(32) << 30;
  uint64_t segment_bytes = uint64_t(64) << 20;
  uint64_t min_free_bytes = uint64_t(256) << 20;
  uint64_t body_memory = uint64_t(128) << 20;  // octets of bodies held in memory by all shards

  bool operator==(const Queue&) const = default;
};

struct Dns {
  std::vector<Endpoint> servers;  // empty: the system's
  bool trusted = false;           // may the AD bit be believed?
  bool allow_special = false;     // may MX lookups lead to loopback and private addresses?
  uint16_t port = 25;             // of hosts found by MX lookup
};

struct Control {
  std::string socket = "/run/sluice/control.sock";
};

struct Events {
  std::string log = "/var/log/sluice/events.jsonl";
  uint64_t rotate_bytes = uint64_t(1) << 30;
  Duration rotate_after = 24h;
  uint32_t keep_files = 14;  // rotated files kept

  bool operator==(const Events&) const = default;
};

struct Log {
  std::string level = "info";  // debug, info, warn, error
};

struct Engine {
  uint32_t shards = 0;        // 0: one per core
  Duration stop_within = 8s;  // of SIGTERM; then open transactions are cut
};

enum class Role : uint8_t { kSubmission, kInbound };
enum class TlsMode : uint8_t { kStartTls, kImplicit, kNone };

// A certificate chain and its private key.
struct CertificateFiles {
  std::string cert;
  std::string key;
};

struct Listener {
  uint32_t line = 0;  // of the file, for what is found wrong only when it is used
  std::vector<Endpoint> bind;
  Role role = Role::kSubmission;
  TlsMode tls = TlsMode::kStartTls;
  std::string cert;
  std::string key;
  std::vector<CertificateFiles> certificates;  // further ones, shown by the name a client asks for
  enum class ClientCertificates : uint8_t {
    kOff,
    kOptional,
    kRequired
  } client_certificates = ClientCertificates::kOff;
  std::string client_ca;           // empty: only fingerprints count
  bool login_without_auth = true;  // a certificate logs its user in at MAIL
  std::vector<IpNetwork> trusted;
  bool old_clients = true;  // design 12.14: clear-text greeting on 465 for silent clients
};

// A user of this machine.
struct LocalUser {
  std::string name;             // or a uid in digits
  std::optional<uint32_t> uid;  // none: there is no such user
};

struct User {
  std::string name;
  std::vector<std::string> passwords;  // argon2id and SCRAM strings, any of them
  std::string tenant;
  std::vector<std::string> certificate_fingerprints;  // of client certificates or their keys
  std::vector<std::string> certificate_names;  // in certificates under a listener's client_ca
  std::vector<LocalUser> local_users;          // whose mail by `sluice sendmail` is this user's
  enum class Class : uint8_t { kByMessage, kBulk, kTransactional } mail_class = Class::kByMessage;
  enum class Deliver : uint8_t { kSend, kCapture } deliver = Deliver::kSend;
  bool message_fault_451 = false;  // design 12.7: faults of a message answer 451 instead of 5xx
  bool schedule_headers = false;   // X-Schedule-... of a message hold it back
  bool priority_header = false;    // X-Priority-Class of a message decides its class
  bool pool_header = false;        // X-Virtual-MTA or X-Pool of a message chooses its pool
  bool any_from = false;           // design 12.11: From may lie outside the tenant's domains
  uint64_t daily_limit = 0;        // 0: none
  uint64_t hourly_limit = 0;       // 0: none
  bool refuse_over_limit = false;  // 452 at MAIL; otherwise what is over is held
};

// Whose mail it is, for what goes by tenant.
struct Tenant {
  std::string name;
  enum class BulkRules : uint8_t { kOff, kWarn, kAdd } bulk_rules = BulkRules::kWarn;
  std::string unsubscribe_url;      // https; the recipient's token goes behind it
  std::string unsubscribe_address;  // mailbox; the token goes behind a plus
  uint32_t weight = 1;              // its share where several wait for one site
  std::string pool;                 // of its mail; empty: the default one
};

// Settings of one campaign.
struct Campaign {
  std::string name;
  std::string tenant;  // empty: of any
  std::string pool;
};

// A source's plan at one provider.
struct WarmupFor {
  std::string provider;
  std::string plan;
};

struct Source {
  std::string name;
  std::optional<IpAddress> address;  // none: the system's choice
  std::optional<IpAddress> public_address;
  std::string ehlo;
  // Of the box that has `address`; none: this one has.
  std::optional<Endpoint> proxy{};
  enum class ProxyKind : uint8_t { kSocks5, kProxyV2 } proxy_kind = ProxyKind::kSocks5;
  std::string proxy_user{};  // empty: no login
  std::string proxy_password_file{};
  std::string proxy_password{};  // what that file holds: of LoadConfig
  std::string warmup{};          // a plan (warmup_plan.h); empty: only those of warmup_for
  std::vector<WarmupFor> warmup_for{};
  std::string warmup_start{};  // "2026-12-01"; empty: with its first mail
  enum class WarmupOverflow : uint8_t { kPool, kWait } warmup_overflow = WarmupOverflow::kPool;
  uint32_t warmup_max_deferred = 10;  // percent of a day's attempts
  uint32_t warmup_max_bounced = 5;
};

struct PoolMember {
  std::string source;
  uint32_t weight = 1;
};

struct Pool {
  std::string name;
  std::vector<PoolMember> members;
};

struct DkimKey {
  std::string selector;
  std::string key;            // file
  std::string identity = {};  // i=; empty: left out
};

struct Domain {
  std::string name;
  std::string tenant;
  std::vector<DkimKey> dkim;
  std::string return_path;
  std::string dmarc_reports = {};  // mailbox; empty: that of all domains
  bool retired = false;            // takes no new mail, stays listed (design 12.11)
};

// What all sending domains share.
struct DomainRules {
  enum class Unverified : uint8_t { kWarn, kRefuse } unverified = Unverified::kWarn;
  Duration check_every = 6h;  // 0: the engine does not look
  std::string dmarc_reports;  // mailbox that receivers send reports to; empty: none
  std::vector<std::string> dnsbl = {"zen.spamhaus.org", "bl.spamcop.net"};
};

struct RouteHost {
  std::string host;  // name or address
  uint16_t port = 25;
};

// What connections by a route must be.
enum class RouteTls : uint8_t { kOpportunistic, kRequired, kVerified, kOff };

struct Route {
  std::string match;             // domain, *.suffix or *
  std::vector<RouteHost> hosts;  // empty: by MX lookup, as without the route
  RouteTls tls = RouteTls::kOpportunistic;
};

// How connections to receivers are secured.
struct Tls {
  enum class Version : uint8_t { k12, k13 } min_version = Version::k12;
  std::string ca_file;  // empty: the system's store
  std::string cert;     // ours, for servers that ask; empty: none
  std::string key;
  bool dane = true;  // only where dns.trusted
  bool mta_sts = true;
  uint16_t mta_sts_port = 443;
};

struct Retry {
  std::vector<Duration> gaps = {5min, 10min, 20min, 40min, 1h, 2h, 4h};  // the last one repeats
  Duration max_age = 72h;
  Duration max_hold = 336h;
  std::optional<Duration>
      delay_notice;  // after this long a DELAY report, where NOTIFY asks; none: off
};

// Our own reports (DSNs).
struct Reports {
  uint32_t per_minute = 60;
};

// Reports to receivers of how TLS towards them went (RFC 8460). Off while nothing is written.
struct TlsReport {
  std::string organization;
  std::string contact;
  std::string from;      // never empty after parsing
  Duration spread = 4h;  // within it they leave, after midnight UTC

  bool on() const { return !organization.empty() && !contact.empty(); }
};

// RFC 5321 4.5.3.2, per reply.
struct Timeouts {
  Duration connect = 30s;
  Duration banner = 5min;
  Duration ehlo = 5min;
  Duration mail = 5min;
  Duration rcpt = 5min;
  Duration data = 2min;
  Duration block = 3min;
  Duration dot = 10min;
  Duration quit = 10s;
  Duration starttls = 30s;
};

struct Limits {
  uint32_t connections = 10'000;
  uint32_t connections_per_address = 200;  // none for trusted networks
  uint64_t message_size = 52'428'800;
  uint32_t recipients = 1'000;
  uint32_t errors_per_session = 20;
  Duration idle = 5min;
  uint32_t received_hops = 50;
};

// What holds where the shaping file says nothing else.
struct Delivery {
  uint32_t connections_per_path = 10;
  uint32_t messages_per_connection = 100;
  uint32_t recipients_per_transaction = 100;
  uint32_t connections = 2'000;  // outbound, in all
  Duration idle_connection = 5s;
};

// Inbound listeners: returning mail.
struct Inbound {
  std::string forward;  // where mail to postmaster, abuse and the like goes; empty: nowhere
};

// What becomes of mail from a domain without a key of ours. kByClass: bulk is refused once there is
// a [[domain]], everything else goes out with a warning.
enum class Unsigned : uint8_t { kByClass, kWarn, kDefaultSigner, kRefuse };

// How signatures are made.
struct Dkim {
  enum class Form : uint8_t { kRelaxed, kSimple };  // RFC 6376 3.4
  Form header = Form::kRelaxed;
  Form body = Form::kRelaxed;
  std::optional<Duration> expire;      // x= this long after t=; none: no x=
  std::vector<std::string> also_sign;  // fields besides the usual ones
};

struct Submission {
  enum class BareLineEnds : uint8_t {
    kNormalise,
    kRefuse
  } bare_line_ends = BareLineEnds::kNormalise;
  bool refuse_long_lines = false;  // over 998 octets
  bool address_literals = false;   // accept user@[192.0.2.1]
  std::string local_socket;      // of `sluice sendmail` for every user of the machine; empty: none
  bool queued_as_plain = false;  // "250 Ok: queued as ID" without the enhanced code
};

// How hard each receiver may be worked (shaping.h).
class Shaping;

struct Config {
  std::string file;  // where it was read from
  std::string hostname;
  std::string timezone = "UTC";  // whose days quotas count
  TimeZone zone;                 // that
  Unsigned unsigned_mail = Unsigned::kByClass;
  std::string default_signer;  // a [[domain]]: it signs everything, besides the From domain
  std::string shaping_file;    // empty: the built-in one
  Queue queue;
  Dns dns;
  Control control;
  Events events;
  Log log;
  Engine engine;
  Retry retry;
  Reports reports;
  TlsReport tls_report;
  Timeouts timeouts;
  Limits limits;
  Delivery delivery;
  Tls tls;
  Submission submission;
  Inbound inbound;
  Dkim dkim;
  std::vector<Listener> listeners;
  std::vector<User> users;
  std::vector<Tenant> tenants;  // those with settings of their own
  std::vector<Campaign> campaigns;
  std::vector<Source> sources;  // never empty after parsing
  std::vector<Pool> pools;      // never empty after parsing; the first is "default" or the default
  std::vector<Domain> domains;
  DomainRules domain_rules;
  std::vector<Route> routes;
  std::shared_ptr<const Shaping>
      shaping;  // of LoadConfig; null: all as [delivery] and the like say
};

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_CONFIG_H_
