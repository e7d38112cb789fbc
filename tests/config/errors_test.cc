// Goal: every mistake an operator can make is answered by one line that names file, line, column,
// key and fix. Method: a table of texts and the exact lines they must give.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "config/parser.h"
#include "tests/config/fake_surroundings.h"

namespace sluice::config {
namespace {

// A complete file of one line a key, so that mistakes can be put in one by one.
constexpr std::string_view kGood =
    "hostname = \"mta1.example.com\"\n"
    "[[listener]]\n"
    "bind = [\"127.0.0.1:2525\"]\n"
    "tls = \"none\"\n"
    "trusted = [\"127.0.0.0/8\"]\n";

// Relative paths start at /etc/sluice, but lines begin with the bare name.
std::string ErrorsOf(std::string_view text) {
  const std::string file = "/etc/sluice/s.toml";
  const auto result = ParseConfig(text, file, FakeSurroundings());
  if (result) return "";
  std::string out;
  for (const Problem& problem : result.error()) out += problem.ToString().substr(12) + "\n";
  return out;
}

// The errors of kGood with `more` behind it; its first line is line 6.
std::string ErrorsWith(std::string_view more) {
  return ErrorsOf(std::string(kGood) + std::string(more));
}

TEST(ConfigErrors, NoneInTheSmallestCompleteFile) { EXPECT_EQ(ErrorsOf(kGood), ""); }

TEST(ConfigErrors, AreToldExactly) {
  struct Case {
    std::string_view more;
    std::string_view errors;
  };
  const Case cases[] = {
      {"[queue]\npth = \"q\"\n", "s.toml:7:1: queue.pth: unknown key; did you mean \"path\"?\n"},
      {"[queue]\nzzzzzz = 1\n", "s.toml:7:1: queue.zzzzzz: unknown key\n"},
      {"[quue]\npath = \"q\"\n", "s.toml:6:2: quue: unknown section; did you mean \"queue\"?\n"},
      {"[queue]\npath = 7\n",
       "s.toml:7:8: queue.path: must be text in quotes, not a whole number\n"},
      {"[queue]\npath = \"\"\n", "s.toml:7:8: queue.path: must not be empty\n"},
      {"[queue]\nmap_size = \"64Gb\"\n",
       "s.toml:7:12: queue.map_size: \"64Gb\" is not a size: write octets or a number with KB, MB, "
       "GB, "
       "KiB, MiB or GiB, as in \"64MiB\"\n"},
      {"[queue]\nmap_size = 4096\n",
       "s.toml:7:12: queue.map_size: 4096 is out of range: 16MiB to 16TiB\n"},
      {"[queue]\nmap_size = -1\n",
       "s.toml:7:12: queue.map_size: -1 is out of range: 16MiB to 16TiB\n"},
      {"[queue]\nmap_size = 1.5\n",
       "s.toml:7:12: queue.map_size: must be a size such as \"64MiB\" or a whole number of octets, "
       "not a number with a fraction\n"},
      {"[timeouts]\ndot = \"10\"\n",
       "s.toml:7:7: timeouts.dot: \"10\" is not a duration: write a number with ms, s, m, h or d, "
       "as in "
       "\"5m\"\n"},
      {"[timeouts]\ndot = 10\n",
       "s.toml:7:7: timeouts.dot: must be a duration with its unit such as \"5m\", not a whole "
       "number\n"},
      {"[timeouts]\ndot = \"2h\"\n",
       "s.toml:7:7: timeouts.dot: \"2h\" is out of range: 100ms to 1h\n"},
      {"[retry]\ngaps = []\n", "s.toml:7:8: retry.gaps: must not be empty\n"},
      {"[retry]\ngaps = [\"5m\", \"x\"]\n",
       "s.toml:7:15: retry.gaps[1]: \"x\" is not a duration: write a number with ms, s, m, h or d, "
       "as in "
       "\"5m\"\n"},
      {"[limits]\nconnections = \"many\"\n",
       "s.toml:7:15: limits.connections: must be a whole number, not text\n"},
      {"[limits]\nconnections = 99999999999\n",
       "s.toml:7:15: limits.connections: 99999999999 is out of range: 1 to 1000000\n"},
      {"[dns]\ntrusted = \"yes\"\n", "s.toml:7:11: dns.trusted: must be true or false, not text\n"},
      {"[dns]\nservers = [\"localhost:53\"]\n",
       "s.toml:7:12: dns.servers[0]: \"localhost:53\" is not ADDRESS:PORT: write \"127.0.0.1:587\" "
       "or "
       "\"[::1]:587\"\n"},
      {"[log]\nlevel = \"inof\"\n",
       "s.toml:7:9: log.level: \"inof\" is not one of \"debug\", \"info\", \"warn\", \"error\"; "
       "did you "
       "mean \"info\"?\n"},
      {"[queue\n", "s.toml:6:7: this is not TOML: "},
      {"[queue]\npath = /var/q\n",
       "s.toml:7:8: this is not TOML: Error while parsing value: could not determine value type; "
       "text must stand in quotes\n"},
      {"[[|queue]]\n", "s.toml:6:3: this is not TOML: "},
      {"\xc5\x87 = 1\n", "s.toml:6:1: this is not TOML: "},
      {"[[queue]]\npath = \"q\"\n", "s.toml:6:1: queue: there is only one: write [queue]\n"},
      {"[user]\nname = \"a\"\n", "s.toml:6:1: user: there may be several: write [[user]]\n"},
      {"[[user]]\npassword = \"$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFi$"
       "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\"\n",
       "s.toml:6:1: user[0].name: is missing\n"},
      {"[[user]]\nname = \"a\"\npassword = \"secret\"\n",
       "s.toml:8:12: user[0].password: is not an argon2id hash: make one with `sluice user hash` "
       "and put "
       "its output here\n"},
      {"[[user]]\nname = \"a\"\npassword = \"SCRAM-SHA-256$4095:MDEyMzQ1Njc4OWFi$x:y\"\n",
       "s.toml:8:12: user[0].password: is damaged, or has less than 4096 or more than 1000000 "
       "iterations: make it anew with `sluice user hash --scram`\n"},
      {"[[user]]\nname = \"a\"\npassword = \"$argon2id$v=19$m=99999999,t=2,p=1$a$b\"\n",
       "s.toml:8:12: user[0].password: is damaged, or asks for more memory or passes than a login "
       "may "
       "cost: make it anew with `sluice user hash`\n"},
      {"[[tenant]]\nname = \"a\"\nbulk_rules = \"add\"\n",
       "s.toml:8:14: tenant[0].bulk_rules: \"add\" needs an unsubscribe_url, which is what would "
       "be "
       "added\n"},
      {"[[tenant]]\nname = \"a\"\nunsubscribe_url = \"http://u.test\"\n",
       "s.toml:8:19: tenant[0].unsubscribe_url: \"http://u.test\" cannot stand in "
       "List-Unsubscribe: it takes an https:// link of at most 300 printable characters, without < "
       "> and spaces\n"},
      {"[[tenant]]\nname = \"a\"\nunsubscribe_url = \"https://u.test\"\n"
       "unsubscribe_address = \"u@\"\n",
       "s.toml:9:23: tenant[0].unsubscribe_address: \"u@\" is no mailbox with room for a token: "
       "its "
       "part before the @ may have 20 letters, digits, dots and hyphens\n"},
      {"[[source]]\nname = \"a\"\nwarmup = \"50, 9\"\n",
       "s.toml:8:10: source[0].warmup: a day has 10 to 1000000000 recipients, not 9\n"},
      {"[[source]]\nname = \"a\"\nwarmup = \"default\"\nwarmup_start = \"1.12.2026\"\n",
       "s.toml:9:16: source[0].warmup_start: \"1.12.2026\" is no date: write \"2026-12-01\"\n"},
      {"[[source]]\nname = \"a\"\nwarmup_start = \"2026-12-01\"\n",
       "s.toml:8:16: source[0].warmup_start: has nothing to act on: set warmup to a plan\n"},
      {"[[source]]\nname = \"a\"\naddress = \"10.0.0\"\n",
       "s.toml:8:11: source[0].address: \"10.0.0\" is not an IP address\n"},
      {"[[source]]\nname = \"a\"\n[[source]]\nname = \"a\"\n",
       "s.toml:9:8: source[1].name: \"a\" is there already, in line 7\n"},
      {"[[source]]\nname = \"a\"\naddress = \"192.0.2.10\"\n",
       "s.toml:8:11: source[0].address: \"192.0.2.10\" is no public address, so no receiver can "
       "see "
       "it: set "
       "public_address to what they see\n"},
      {"[[source]]\nname = \"a\"\naddress = \"1.1.1.1\"\n",
       "s.toml:8:11: source[0].address: \"1.1.1.1\" is not an address of this machine: give it to "
       "an interface, or set proxy when it lives on another box\n"},
      {"[[source]]\nname = \"a\"\nproxy = \"1.1.1.1\"\n",
       "s.toml:8:9: source[0].proxy: \"1.1.1.1\" is not ADDRESS:PORT: write \"127.0.0.1:587\" or "
       "\"[::1]:587\"\n"
       "s.toml:8:9: source[0].proxy: needs address: the one on the other box that connections are "
       "made from there\n"},
      {"[[source]]\nname = \"a\"\naddress = \"1.1.1.1\"\nproxy = \"10.0.0.5:0\"\n",
       "s.toml:9:9: source[0].proxy: port 0 is none that a proxy can listen on\n"},
      {"[[source]]\nname = \"a\"\nproxy_kind = \"socks5\"\n",
       "s.toml:8:14: source[0].proxy_kind: has nothing to act on: set proxy to ADDRESS:PORT of the "
       "proxy\n"},
      {"[[source]]\nname = \"a\"\naddress = \"1.1.1.1\"\nproxy = \"10.0.0.5:1080\"\n"
       "proxy_kind = \"proxy-v2\"\nproxy_user = \"u\"\n",
       "s.toml:11:14: source[0].proxy_user: is for SOCKS5: the PROXY protocol has no login\n"},
      {"[[source]]\nname = \"a\"\naddress = \"1.1.1.1\"\nproxy = \"10.0.0.5:1080\"\n"
       "proxy_user = \"u\"\n",
       "s.toml:10:14: source[0].proxy_user: needs proxy_password\n"},
      {"[[source]]\nname = \"a\"\naddress = \"1.1.1.1\"\nproxy = \"10.0.0.5:1080\"\n"
       "proxy_user = \"u\"\nproxy_password = \"missing\"\n",
       "s.toml:11:18: source[0].proxy_password: cannot read \"/etc/sluice/missing\": No such file "
       "or "
       "directory\n"},
      {"[[tenant]]\nname = \"a\"\npool = \"defalt\"\n",
       "s.toml:8:8: tenant[0].pool: there is no [[pool]] or [[source]] named \"defalt\"; did you "
       "mean \"default\"?\n"},
      {"[[campaign]]\nname = \"a\"\npool = \"default\"\n[[campaign]]\nname = \"a\"\n"
       "pool = \"default\"\n",
       "s.toml:10:8: campaign[1].name: \"a\" of this tenant is there already\n"},
      {"[[source]]\nname = \"main\"\n[[pool]]\nname = \"p\"\nsources = [{ name = \"mian\" }]\n",
       "s.toml:10:11: pool[0].sources: there is no [[source]] named \"mian\"; did you mean "
       "\"main\"?\n"},
      {"[[source]]\nname = \"a\"\n[[pool]]\nname = \"p\"\nsources = [{ name = \"a\", weight = 0 "
       "}]\n",
       "s.toml:10:35: pool[0].sources[0].weight: 0 is out of range: 1 to 10000\n"},
      {"[[pool]]\nname = \"p\"\nsources = [\"a\"]\n",
       "s.toml:8:12: pool[0].sources[0]: must be a table such as { name = \"...\" }, not text\n"},
      {"[[route]]\nmatch = \"a..b\"\nhosts = [\"127.0.0.1:25\"]\n",
       "s.toml:7:9: route[0].match: \"a..b\" is not a domain, \"*.suffix\" or \"*\"\n"},
      {"[[route]]\nmatch = \"*\"\nhosts = [\"127.0.0.1:99999\"]\n",
       "s.toml:8:10: route[0].hosts[0]: \"127.0.0.1:99999\" is not HOST:PORT: write "
       "\"127.0.0.1:2525\" or "
       "\"mx.example.net:25\"\n"},
      {"[[route]]\nmatch = \"*\"\nhosts = []\n", "s.toml:8:9: route[0].hosts: must not be empty\n"},
      {"[[route]]\nmatch = \"*\"\n",
       "s.toml:6:1: route[0].hosts: is missing: a route without hosts needs at least tls\n"},
      {"[[route]]\nmatch = \"*\"\ntls = \"verifed\"\n",
       "s.toml:8:7: route[0].tls: \"verifed\" is not one of \"opportunistic\", \"required\", "
       "\"verified\", \"off\"; did you mean \"verified\"?\n"},
      {"[tls]\nca_file = \"missing.pem\"\n",
       "s.toml:7:11: tls.ca_file: cannot read \"/etc/sluice/missing.pem\": No such file or "
       "directory\n"},
      {"[tls]\ncert = \"cert.pem\"\n", "s.toml:7:8: tls.cert: needs its key: set tls.key\n"},
      {"[tls]\nkey = \"key.pem\"\n", "s.toml:7:7: tls.key: needs its certificate: set tls.cert\n"},
      {"[[route]]\nmatch = \"A.example\"\nhosts = [\"a\"]\n[[route]]\nmatch = \"a.example\"\nhosts "
       "= "
       "[\"b\"]\n",
       "s.toml:10:9: route[1].match: \"a.example\" is there already, in line 7\n"},
      {"[[domain]]\nname = \"example.com\"\ndkim = [{ selector = \"s\", key = \"missing.pem\" }]\n",
       "s.toml:8:8: domain[0].dkim: cannot read \"/etc/sluice/missing.pem\": No such file or "
       "directory\n"},
      {"[[domain]]\nname = \"example.com\"\ndkim = [{ selector = \"s\", key = \"damaged.pem\" }]\n",
       "s.toml:8:8: domain[0].dkim: /etc/sluice/damaged.pem: the private key is damaged\n"},
      {"[[domain]]\nname = \"example.com\"\ndkim = [{ selector = \"s\", key = \"a.pem\" }, { "
       "selector "
       "= \"s\", key = \"b.pem\" }]\n",
       "s.toml:8:8: domain[0].dkim: selector \"s\" is there twice: a name in DNS has one key\n"},
      {"[[domain]]\nname = \"example.com\"\ndkim = [{ selector = \"s 1\", key = \"a.pem\" }]\n",
       "s.toml:8:8: domain[0].dkim: selector \"s 1\" is no name for DNS: write \"s1\" or the "
       "like\n"},
      {"[[domain]]\nname = \"example.com\"\ndkim = [{ selector = \"s\", key = \"a.pem\", identity "
       "= "
       "\"@other.com\" }]\n",
       "s.toml:8:8: domain[0].dkim: identity \"@other.com\" must end in @example.com or a domain "
       "below it\n"},
      {"[domains]\ndmarc_reports = \"a,b@c.test\"\n",
       "s.toml:7:17: domains.dmarc_reports: \"a,b@c.test\" is no mailbox for reports: write it as "
       "in "
       "\"dmarc@example.com\", its part before the @ of letters, digits, dots, hyphens, + and _\n"},
      {"[[domain]]\nname = \"example.com\"\ndmarc_reports = \"mailto:a@b\"\n",
       "s.toml:8:17: domain[0].dmarc_reports: \"mailto:a@b\" is no mailbox for reports: write it "
       "as "
       "in \"dmarc@example.com\", its part before the @ of letters, digits, dots, hyphens, + and "
       "_\n"},
      {"[dkim]\nexpire = \"10d\"\n",
       "s.toml:7:10: dkim.expire: signatures would expire before their mail is sent: at least "
       "max_hold + max_age + 1 day, \"18d\"\n"},
      {"[dkim]\nalso_sign = [\"X Y\"]\n",
       "s.toml:7:14: dkim.also_sign[0]: \"X Y\" is no name of a header field\n"},
  };
  for (const Case& test : cases) {
    const std::string errors = ErrorsWith(test.more);
    // The words of a syntax error are toml++'s; ours end at "TOML: ".
    if (test.errors.ends_with(": "))
      EXPECT_TRUE(errors.starts_with(test.errors)) << errors;
    else
      EXPECT_EQ(errors, test.errors) << test.more;
  }
}

TEST(ConfigErrors, NameAWrongChoiceWithTheNearestRightOne) {
  EXPECT_EQ(ErrorsWith("[[listener]]\nbind = [\"127.0.0.1:2526\"]\ntls = \"starttsl\"\n"),
            "s.toml:8:7: listener[1].tls: \"starttsl\" is not one of \"starttls\", \"implicit\", "
            "\"none\"; did you mean \"starttls\"?\n");
}

TEST(ConfigErrors, DemandCertificateAndKeyForTls) {
  EXPECT_EQ(
      ErrorsWith("[[listener]]\nbind = [\"127.0.0.1:2526\"]\ncert = \"gone.pem\"\n"),
      "s.toml:6:1: listener[1].key: is missing: TLS needs cert and key (\"none\" is possible on "
      "loopback only)\n"
      "s.toml:8:8: listener[1].cert: cannot read \"/etc/sluice/gone.pem\": No such file or "
      "directory\n");
}

TEST(ConfigErrors, AllowClearTextOnLoopbackOnly) {
  EXPECT_EQ(
      ErrorsWith("[[listener]]\nbind = [\"0.0.0.0:25\"]\ntls = \"none\"\n"),
      "s.toml:8:7: listener[1].tls: \"none\" is for loopback addresses only: use \"starttls\" with "
      "cert and key\n");
}

TEST(ConfigErrors, RefuseAnOpenRelay) {
  const std::string open = "[[listener]]\nbind = [\"127.0.0.1:2526\"]\ntls = \"none\"\ntrusted = ";
  EXPECT_EQ(
      ErrorsWith(open + "[\"10.0.0.0/8\", \"0.0.0.0/0\"]\n"),
      "s.toml:9:11: listener[1].trusted: \"0.0.0.0/0\" lets half the internet relay without a "
      "login: name your own networks\n");
  EXPECT_THAT(ErrorsWith(open + "[\"0.0.0.0/1\"]\n"), testing::HasSubstr("half the internet"));
  EXPECT_THAT(ErrorsWith(open + "[\"::/0\"]\n"), testing::HasSubstr("half the internet"));
  EXPECT_EQ(ErrorsWith(open + "[\"fd00::/16\", \"192.168.0.0/16\"]\n"), "");
}

TEST(ConfigErrors, TellWhatLiesInTheWay) {
  EXPECT_EQ(ErrorsWith("[queue]\npath = \"a-file\"\n"),
            "s.toml:7:8: queue.path: \"/etc/sluice/a-file\" is no folder: the queue needs one of "
            "its own\n");
  EXPECT_EQ(ErrorsWith("[queue]\npath = \"a-folder\"\n"), "");
  EXPECT_EQ(ErrorsWith("[events]\nlog = \"a-folder\"\n"),
            "s.toml:7:7: events.log: \"/etc/sluice/a-folder\" is a folder: name a file in it, such "
            "as \"/etc/sluice/a-folder/events.jsonl\"\n");
  EXPECT_EQ(ErrorsWith("[events]\nlog = \"a-pipe\"\n"),
            "s.toml:7:7: events.log: \"/etc/sluice/a-pipe\" is not a regular file\n");
  EXPECT_EQ(ErrorsWith("[control]\nsocket = \"a-file\"\n"),
            "s.toml:7:10: control.socket: \"/etc/sluice/a-file\" is there already and is no "
            "socket: name another path, or remove it\n");
  EXPECT_EQ(ErrorsWith("[control]\nsocket = \"a-socket\"\n"), "");
  const auto socket = [](size_t octets) {
    return "[submission]\nlocal_socket = \"/" + std::string(octets - 1, 'x') + "\"\n";
  };
  EXPECT_EQ(ErrorsWith(socket(107)), "");
  EXPECT_EQ(ErrorsWith(socket(108)),
            "s.toml:7:16: submission.local_socket: has 108 octets as an absolute path, and a "
            "socket's has at most 107: name a shorter one\n");
}

TEST(ConfigErrors, TellWhatCertificatesNeed) {
  EXPECT_EQ(ErrorsWith("[[user]]\nname = \"a\"\n"),
            "s.toml:6:1: user[0].password: is missing: a user logs in by password, or by "
            "certificate_fingerprints or certificate_names\n");
  EXPECT_EQ(ErrorsWith("[[user]]\nname = \"a\"\ncertificate_fingerprints = [\"AB:CD\"]\n"),
            "s.toml:8:29: user[0].certificate_fingerprints[0]: \"AB:CD\" is not a SHA-256 "
            "fingerprint: write the 64 hex digits that `openssl x509 -noout -fingerprint -sha256` "
            "prints\n");
  EXPECT_EQ(ErrorsWith("[[user]]\nname = \"a\"\ncertificate_names = \"x.test\"\n"
                       "[[user]]\nname = \"b\"\ncertificate_names = [\"y.test\", \"X.test\"]\n"),
            "s.toml:11:21: user[1].certificate_names: \"x.test\" belongs to \"a\" already\n");
  EXPECT_EQ(ErrorsWith("[[listener]]\nbind = \"127.0.0.1:1\"\ncert = \"c\"\nkey = \"k\"\n"
                       "certificates = [{ cert = \"gone.pem\" }]\n"
                       "client_certificates = \"optional\"\nclient_ca = \"missing.pem\"\n"),
            "s.toml:10:16: listener[1].certificates[0].cert: cannot read "
            "\"/etc/sluice/gone.pem\": No such file or directory\n"
            "s.toml:10:17: listener[1].certificates[0].key: is missing\n"
            "s.toml:12:13: listener[1].client_ca: cannot read \"/etc/sluice/missing.pem\": No such "
            "file or directory\n");
  EXPECT_EQ(ErrorsWith("certificates = [{ cert = \"c\", key = \"k\" }]\n"
                       "client_certificates = \"required\"\n"),
            "s.toml:6:16: listener[0].certificates: have no use with tls = \"none\"\n"
            "s.toml:7:23: listener[0].client_certificates: needs TLS: tls is \"none\"\n");
  EXPECT_EQ(ErrorsWith("[[listener]]\nbind = \"127.0.0.1:1\"\ncert = \"c\"\nkey = \"k\"\n"
                       "role = \"inbound\"\nclient_certificates = \"optional\"\n"),
            "s.toml:11:23: listener[1].client_certificates: is for logins: a listener with role "
            "\"inbound\" has none\n");
}

TEST(ConfigErrors, RefuseOneAddressTwice) {
  EXPECT_EQ(ErrorsWith("[[listener]]\nbind = \"127.0.0.1:2525\"\ntls = \"none\"\n"),
            "s.toml:7:8: listener[1].bind: \"127.0.0.1:2525\" is bound twice\n");
}

TEST(ConfigErrors, AreCollectedNotOnlyTheFirst) {
  EXPECT_EQ(
      ErrorsOf("hostname = \"localhost\"\n[events]\nlog = 3\nlgo = 4\n[control]\nsockt = \"x\"\n"),
      "s.toml:1:1: listener: there is none: add a [[listener]], or nobody can connect\n"
      "s.toml:1:12: hostname: \"localhost\" is not a fully qualified domain name: write "
      "\"mta1.example.com\" (international names in their xn-- form)\n"
      "s.toml:3:7: events.log: must be text in quotes, not a whole number\n"
      "s.toml:4:1: events.lgo: unknown key; did you mean \"log\"?\n"
      "s.toml:6:1: control.sockt: unknown key; did you mean \"socket\"?\n");
}

TEST(ConfigErrors, NameAMissingHostname) {
  EXPECT_EQ(ErrorsOf(""),
            "s.toml:1:1: hostname: is missing\n"
            "s.toml:1:1: listener: there is none: add a [[listener]], or nobody can connect\n");
}

TEST(ConfigErrors, DemandANameAPersonAndASignatureForTlsReports) {
  const std::string both = "[tls_report]\norganization = \"X\"\ncontact = \"ops@example.com\"\n";
  const std::string signs =
      "[[domain]]\nname = \"example.com\"\ndkim = [{ selector = \"s1\", key = \"k\" }]\n";
  EXPECT_EQ(ErrorsWith("[tls_report]\nspread = \"1h\"\n"), "");
  EXPECT_EQ(ErrorsWith(both + signs), "");
  EXPECT_EQ(
      ErrorsWith("[tls_report]\norganization = \"X\"\n"),
      "s.toml:7:16: tls_report.organization: needs somebody to ask: set tls_report.contact\n");
  EXPECT_EQ(ErrorsWith("[tls_report]\ncontact = \"a@b.example\"\n"),
            "s.toml:7:11: tls_report.contact: needs a name beside it: set "
            "tls_report.organization\n");
  EXPECT_EQ(ErrorsWith("[tls_report]\norganization = \"X\"\ncontact = \"ops\"\n" + signs),
            "s.toml:8:11: tls_report.contact: \"ops\" is no mail address: write "
            "\"postmaster@example.com\"\n");
  EXPECT_EQ(ErrorsWith(both + "from = \"a@other.example\"\n" + signs),
            "s.toml:9:8: tls_report.from: no [[domain]] with a key signs for "
            "\"a@other.example\", and receivers drop reports without a signature of the "
            "submitter: add a key, or use an address of a domain that has one\n");
  EXPECT_EQ(ErrorsWith(both),
            "s.toml:6:1: tls_report.from: no [[domain]] with a key signs for "
            "\"tls-reports@mta1.example.com\", and receivers drop reports without a signature of "
            "the submitter: add a key, or use an address of a domain that has one\n");
}

TEST(ConfigErrors, NeverShowAPassword) {
  for (std::string_view password : {"hunter2hunter2", "$argon2id$hunter2"}) {
    const std::string errors =
        ErrorsWith("[[user]]\nname = \"a\"\npassword = [\"" + std::string(password) + "\"]\n");
    EXPECT_NE(errors, "");
    EXPECT_EQ(errors.find("hunter2"), std::string::npos) << errors;
  }
}

TEST(ConfigErrors, TellALostFileOnce) {
  const auto result = LoadConfig("/nonexistent/sluice.toml", SystemSurroundings());
  ASSERT_FALSE(result);
  EXPECT_EQ(FormatProblems(result.error()),
            "/nonexistent/sluice.toml: cannot read the configuration: No such file or directory\n");
}

TEST(ConfigErrors, RefuseNamesThatALoginCannotTellApart) {
  const auto users = [](std::string_view a, std::string_view b) {
    const std::string tail = "\"\ncertificate_names = ";
    return "[[user]]\nname = \"" + std::string(a) + tail + "\"a.test\"\n[[user]]\nname = \"" +
           std::string(b) + tail + "\"b.test\"\n";
  };
  EXPECT_EQ(ErrorsWith(users("\xc3\xa9", "e")), "");
  EXPECT_EQ(ErrorsWith(users("\xc3\xa9", "e\xcc\x81")),
            "s.toml:10:8: user[1].name: \"e\xcc\x81\" is the same as \"\xc3\xa9\" in line 7 to a "
            "client that logs in (RFC 4013)\n");
  EXPECT_EQ(ErrorsWith(users("a", "\xc2\xad")),
            "s.toml:10:8: user[1].name: \"\xc2\xad\" has nothing in it that SASL would keep\n");
}

TEST(ConfigErrors, RefuseControlCharactersInNames) {
  EXPECT_EQ(ErrorsWith("[[source]]\nname = \"a\\r\\nb\"\n"),
            "s.toml:7:8: source[0].name: must not contain control characters\n");
}

}  // namespace
}  // namespace sluice::config
