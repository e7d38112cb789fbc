// Goal: what sluice.toml says is what the engine gets, with every default; warnings say what is
// doubtful. Method: texts and the Config they make.

#include "config/parser.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/config/fake_surroundings.h"

namespace sluice::config {
namespace {

constexpr std::string_view kHash =
    "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFi$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";

constexpr std::string_view kGood =
    "hostname = \"MTA1.example.com\"\n"
    "[[listener]]\n"
    "bind = \"127.0.0.1:2525\"\n"
    "tls = \"none\"\n"
    "trusted = [\"127.0.0.0/8\"]\n";

Loaded Parse(const std::string& text) {
  auto result = ParseConfig(text, "/etc/sluice/sluice.toml", FakeSurroundings());
  EXPECT_TRUE(result) << FormatProblems(result.error());
  return result ? std::move(*result) : Loaded{};
}

Loaded ParseWith(std::string_view more) { return Parse(std::string(kGood) + std::string(more)); }

TEST(ConfigParser, FillsEveryDefaultOfTheSmallestFile) {
  const Loaded loaded = ParseWith("");
  const Config& config = loaded.config;
  EXPECT_EQ(FormatProblems(loaded.warnings), "");
  EXPECT_EQ(config.hostname, "mta1.example.com");
  ASSERT_EQ(config.listeners.size(), 1u);
  EXPECT_EQ(config.listeners[0].tls, TlsMode::kNone);
  EXPECT_EQ(config.listeners[0].role, Role::kSubmission);
  ASSERT_EQ(config.sources.size(), 1u);
  EXPECT_EQ(config.sources[0].name, "default");
  EXPECT_EQ(config.sources[0].ehlo, "mta1.example.com");
  EXPECT_FALSE(config.sources[0].address);
  ASSERT_EQ(config.pools.size(), 1u);
  EXPECT_EQ(config.pools[0].members[0].source, "default");
  EXPECT_EQ(config.limits.message_size, 52'428'800u);
  EXPECT_EQ(config.retry.gaps.size(), 7u);
  EXPECT_EQ(config.queue.path, "/var/lib/sluice/queue");
}

TEST(ConfigParser, ReadsTheExampleOfTheDesign) {
  const Loaded loaded = Parse(R"(
hostname = "mta1.example.com"
[queue]
path = "queue"
[dns]
servers = ["127.0.0.1:53", "::1"]
[control]
socket = "../run/control.sock"
[events]
log = "/var/log/sluice/events.jsonl"
[[listener]]
bind = ["0.0.0.0:587", "[::]:587"]
role = "submission"
tls  = "starttls"
cert = "tls/cert.pem"
key  = "tls/key.pem"
trusted = []
[[user]]
name = "crm"
password = ")" + std::string(kHash) +
                              R"("
tenant = "crm"
daily_limit = 200000
class = "bulk"
message_fault = "451"
deliver = "capture"
[[source]]
name = "mailing-1"
address = "8.8.4.4"
public_address = "9.9.9.9"
ehlo = "m1.example.com"
[[pool]]
name = "slow"
sources = [{ name = "mailing-1", weight = 3 }]
[[pool]]
name = "default"
sources = [{ name = "mailing-1" }]
[[domain]]
name = "example.com"
tenant = "crm"
dkim = [{ selector = "s1", key = "dkim/s1.pem" }]
return_path = "bounces.example.com"
[[route]]
match = "*"
hosts = ["127.0.0.1:2525", "mx.example.net"]
[retry]
gaps = ["1m", "1h30m"]
max_age = "2d"
delay_notice = "4h"
[timeouts]
connect = "1500ms"
[limits]
message_size = "50MB"
)");
  const Config& config = loaded.config;
  EXPECT_EQ(config.queue.path, "/etc/sluice/queue");
  EXPECT_EQ(config.control.socket, "/etc/run/control.sock");
  ASSERT_EQ(config.dns.servers.size(), 2u);
  EXPECT_EQ(config.dns.servers[1].ToString(), "[::1]:53");
  EXPECT_EQ(config.listeners[0].cert, "/etc/sluice/tls/cert.pem");
  EXPECT_EQ(config.listeners[0].bind.size(), 2u);
  const User& user = config.users.at(0);
  EXPECT_EQ(user.passwords, std::vector<std::string>{std::string(kHash)});
  EXPECT_EQ(user.mail_class, User::Class::kBulk);
  EXPECT_EQ(user.deliver, User::Deliver::kCapture);
  EXPECT_TRUE(user.message_fault_451);
  EXPECT_EQ(user.daily_limit, 200'000u);
  EXPECT_EQ(config.sources[0].public_address, IpAddress::Parse("9.9.9.9"));
  ASSERT_EQ(config.pools.size(), 2u);
  EXPECT_EQ(config.pools[0].name, "default") << "the pool of unassigned mail stands first";
  EXPECT_EQ(config.pools[1].members[0].weight, 3u);
  EXPECT_EQ(config.domains[0].dkim[0].key, "/etc/sluice/dkim/s1.pem");
  ASSERT_EQ(config.routes[0].hosts.size(), 2u);
  EXPECT_EQ(config.routes[0].hosts[0].port, 2525);
  EXPECT_EQ(config.routes[0].hosts[1].host, "mx.example.net");
  EXPECT_EQ(config.routes[0].hosts[1].port, 25);
  EXPECT_EQ(config.retry.gaps, (std::vector<Duration>{1min, 90min}));
  EXPECT_EQ(config.retry.max_age, 48h);
  EXPECT_EQ(config.retry.delay_notice, Duration(4h));
  EXPECT_EQ(config.timeouts.connect, 1500ms);
  EXPECT_EQ(config.limits.message_size, 50'000'000u);
}

TEST(ConfigParser, SaysWhatHasNoEffectYet) {
  const Loaded loaded = ParseWith("[inbound]\nforward = \"a@example.com\"\n");
  EXPECT_EQ(
      FormatProblems(loaded.warnings),
      "/etc/sluice/sluice.toml:6:2: inbound: is read and checked, but has no effect in this "
      "version\n"
      "/etc/sluice/sluice.toml:7:1: inbound.forward: is read and checked, but has no effect in "
      "this version\n");
}

TEST(ConfigParser, TakesAListOfPasswords) {
  const Loaded loaded = ParseWith("[[user]]\nname = \"a\"\npassword = [\"" + std::string(kHash) +
                                  "\", \"" + std::string(kHash) + "\"]\n");
  EXPECT_EQ(loaded.config.users.at(0).passwords.size(), 2u);
  EXPECT_EQ(loaded.config.users.at(0).tenant, "a");
}

TEST(ConfigParser, WarnsOfWhatMayBeMeant) {
  struct Case {
    std::string_view more;
    std::string_view warning;
  };
  const Case cases[] = {
      {"[[source]]\nname = \"a\"\n[[source]]\nname = \"b\"\n[[pool]]\nname = \"p\"\n"
       "sources = [{ name = \"a\" }]\n",
       ":9:8: source[1].name: is in no pool, so nothing is sent from it\n"},
      {"[[listener]]\nbind = \"127.0.0.1:1\"\ncert = \"c.pem\"\nkey = \"open.pem\"\n",
       ":9:7: listener[1].key: \"/etc/sluice/open.pem\" can be read by everybody on this machine: "
       "chmod "
       "o-r\n"},
      {"[[user]]\nname = \"a\"\ncertificate_names = \"x.test\"\n",
       ":8:21: user[0].certificate_names: have no effect: no [[listener]] has client_certificates "
       "and a client_ca\n"},
      {"[[listener]]\nbind = \"127.0.0.1:1\"\ncert = \"c.pem\"\nkey = \"k.pem\"\n"
       "client_ca = \"ca.pem\"\n",
       ":10:13: listener[1].client_ca: has no effect while client_certificates is \"off\"\n"},
      {"[[listener]]\nbind = \"127.0.0.1:1\"\ncert = \"c.pem\"\nkey = \"k.pem\"\n"
       "client_certificates = \"optional\"\n",
       ":10:23: listener[1].client_certificates: no certificate can be good: there is no "
       "client_ca, and no [[user]] has certificate_fingerprints\n"},
      {"[retry]\nmax_age = \"2m\"\n",
       ":1:1: retry.gaps: the first gap is longer than max_age: no recipient is tried twice\n"},
      {"[retry]\ndelay_notice = \"4d\"\n",
       ":7:16: retry.delay_notice: is not before max_age, so it is never sent\n"},
  };
  for (const Case& test : cases)
    EXPECT_EQ(FormatProblems(ParseWith(test.more).warnings),
              "/etc/sluice/sluice.toml" + std::string(test.warning));
}

TEST(ConfigParser, WarnsOfTenantsThatNoUserHas) {
  const std::string user =
      "[[user]]\nname = \"shop\"\npassword = \"" + std::string(kHash) + "\"\ntenant = \"orders\"\n";
  const auto warnings = [&](const std::string& more) {
    return FormatProblems(
        Parse("unsigned = \"warn\"\n" + std::string(kGood) + user + more).warnings);
  };
  EXPECT_EQ(warnings("[[tenant]]\nname = \"order\"\n"),
            "/etc/sluice/sluice.toml:12:8: tenant[0].name: no [[user]] is of tenant \"order\", so "
            "this holds for no mail; did you mean \"orders\"?\n");
  EXPECT_EQ(warnings("[[tenant]]\nname = \"orders\"\n[[tenant]]\nname = \"default\"\n"), "");
  const std::string domain =
      "[[domain]]\nname = \"mta1.example.com\"\ndkim = [{ selector = \"s\", "
      "key = \"k\" }]\ntenant = \"shop\"\n";
  EXPECT_EQ(
      warnings(domain),
      "/etc/sluice/sluice.toml:14:10: domain[0].tenant: no [[user]] is of tenant \"shop\", so "
      "nobody can send from this domain\n");
  EXPECT_EQ(warnings(domain + "retired = true\n"), "");
}

TEST(ConfigParser, WarnsWhenNobodyCanSubmit) {
  const Loaded loaded =
      Parse("hostname = \"a.example\"\n[[listener]]\nbind = \"127.0.0.1:1\"\ntls = \"none\"\n");
  EXPECT_EQ(
      FormatProblems(loaded.warnings),
      "/etc/sluice/sluice.toml:3:8: listener[0]: nobody can submit mail: there is no [[user]], and "
      "no listener has `trusted`\n");
}

TEST(ConfigParser, NamesTheTenantsWhoseBulkMailTheFirstDomainStops) {
  const std::string hash(kHash);
  const std::string users = "[[user]]\nname = \"shop\"\npassword = \"" + hash +
                            "\"\n[[user]]\nname = \"crm\"\npassword = \"" + hash +
                            "\"\n[[user]]\nname = \"alerts\"\nclass = \"transactional\"\n"
                            "password = \"" +
                            hash + "\"\n";
  const std::string domain =
      "[[domain]]\nname = \"mta1.example.com\"\ntenant = \"crm\"\n"
      "dkim = [{ selector = \"s1\", key = \"a.pem\" }]\n";
  const auto warnings = [&](const std::string& more) {
    return FormatProblems(Parse(more + std::string(kGood) + users + domain).warnings);
  };
  EXPECT_TRUE(warnings("").contains(
      "domain: bulk mail of tenants \"default\", \"shop\" is answered 451 4.7.0"))
      << warnings("");
  EXPECT_EQ(warnings("unsigned = \"warn\"\n"), "");
  EXPECT_EQ(warnings("unsigned = \"by-class\"\n"), "");
  EXPECT_EQ(FormatProblems(Parse(std::string(kGood) + users).warnings), "");
}

TEST(ConfigParser, AllowsPrivateSourcesWhenAllRoutesArePrivate) {
  const Loaded loaded = ParseWith(
      "[[source]]\nname = \"a\"\naddress = \"127.0.0.1\"\n"
      "[[route]]\nmatch = \"*\"\nhosts = [\"127.0.0.1:2525\"]\n");
  EXPECT_EQ(FormatProblems(loaded.warnings), "");
}

TEST(ConfigParser, ReadsCertificatesOfListenersAndUsers) {
  const std::string hex(64, 'a');
  std::string colons = "AA";
  for (int i = 0; i < 31; ++i) colons += ":AA";
  const Loaded loaded = ParseWith(R"(
[[listener]]
bind = "0.0.0.0:587"
cert = "tls/cert.pem"
key = "tls/key.pem"
certificates = [{ cert = "tls/b.pem", key = "tls/b.key" }, { cert = "/c.pem", key = "/c.key" }]
client_certificates = "required"
client_ca = "tls/ca.pem"
login_without_auth = false
[[user]]
name = "a"
certificate_fingerprints = [")" + colons +
                                  R"("]
[[user]]
name = "b"
certificate_names = "CRM.example.org"
certificate_fingerprints = ")" + std::string(64, 'B') +
                                  "\"\n");
  EXPECT_EQ(FormatProblems(loaded.warnings), "");
  EXPECT_EQ(loaded.config.listeners[0].client_certificates, Listener::ClientCertificates::kOff);
  EXPECT_TRUE(loaded.config.listeners[0].login_without_auth);
  const Listener& listener = loaded.config.listeners.at(1);
  ASSERT_EQ(listener.certificates.size(), 2u);
  EXPECT_EQ(listener.certificates[0].cert, "/etc/sluice/tls/b.pem");
  EXPECT_EQ(listener.certificates[1].key, "/c.key");
  EXPECT_EQ(listener.client_certificates, Listener::ClientCertificates::kRequired);
  EXPECT_EQ(listener.client_ca, "/etc/sluice/tls/ca.pem");
  EXPECT_FALSE(listener.login_without_auth);
  EXPECT_EQ(loaded.config.users[0].certificate_fingerprints, std::vector<std::string>{hex});
  EXPECT_EQ(loaded.config.users[1].certificate_names, std::vector<std::string>{"crm.example.org"});
  EXPECT_EQ(loaded.config.users[1].certificate_fingerprints,
            std::vector<std::string>{std::string(64, 'b')});
}

}  // namespace
}  // namespace sluice::config
