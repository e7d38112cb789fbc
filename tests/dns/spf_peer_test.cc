// The same records, addresses and senders given to our SPF evaluator and to python3-spf: the same
// verdicts. Goal: an independent reading of RFC 7208 agrees with ours.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "dns/spf.h"
#include "engine/base/check.h"
#include "engine/base/text.h"
#include "tests/dns/study_fixture.h"

namespace sluice::dns {
namespace {

using Zone = std::map<std::string, std::vector<std::string>>;

const Zone& WholeZone() {
  static const Zone zone = {
      {"pass.test TXT", {"v=spf1 ip4:192.0.2.0/28 ip6:2001:db8:1::/48 -all"}},
      {"soft.test TXT", {"v=spf1 ip4:192.0.2.1 ~all"}},
      {"neutral.test TXT", {"v=spf1 ip4:198.51.100.0/24 ?all"}},
      {"open.test TXT", {"v=spf1"}},
      {"other.test TXT", {"some other text", "google-site-verification=abc"}},
      {"mixed.test TXT", {"some other text", "v=spf1 ip4:192.0.2.1 -all"}},
      {"two.test TXT", {"v=spf1 -all", "v=spf1 +all"}},
      {"case.test TXT", {"V=SPF1 IP4:192.0.2.1 -ALL"}},
      {"minus.test TXT", {"v=spf1 -ip4:192.0.2.1 +all"}},
      {"a.test TXT", {"v=spf1 a -all"}},
      {"a.test A", {"192.0.2.1", "192.0.2.17"}},
      {"a.test AAAA", {"2001:db8:1::1"}},
      {"acidr.test TXT", {"v=spf1 a:a.test/28//64 -all"}},
      {"mx.test TXT", {"v=spf1 mx -all"}},
      {"mx.test MX", {"10 h1.mx.test", "20 h2.mx.test"}},
      {"h1.mx.test A", {"192.0.2.1"}},
      {"h2.mx.test A", {"192.0.2.9"}},
      {"h2.mx.test AAAA", {"2001:db8:1::9"}},
      {"mxcidr.test TXT", {"v=spf1 mx:mx.test/30 -all"}},
      {"inc.test TXT", {"v=spf1 include:pass.test ~all"}},
      {"incsoft.test TXT", {"v=spf1 include:soft.test ?all"}},
      {"incnone.test TXT", {"v=spf1 include:nothing.test ~all"}},
      {"incbad.test TXT", {"v=spf1 include:bad.test ~all"}},
      {"deep.test TXT", {"v=spf1 include:deep1.test -all"}},
      {"deep1.test TXT", {"v=spf1 include:deep2.test ?all"}},
      {"deep2.test TXT", {"v=spf1 include:inc.test +a:a.test -all"}},
      {"redir.test TXT", {"v=spf1 ip4:198.51.100.7 redirect=pass.test"}},
      {"redirnone.test TXT", {"v=spf1 redirect=nothing.test"}},
      {"redirall.test TXT", {"v=spf1 ?all redirect=pass.test"}},
      {"bad.test TXT", {"v=spf1 ip4:1.2.3 -all"}},
      {"badlate.test TXT", {"v=spf1 ip4:192.0.2.1 bogus -all"}},
      {"badcidr.test TXT", {"v=spf1 a/33 -all"}},
      {"badmacro.test TXT", {"v=spf1 exists:%{z}.x.test -all"}},
      {"exists.test TXT", {"v=spf1 exists:%{ir}.%{l1r+}.ok.%{d} -all"}},
      {"1.2.0.192.user.ok.exists.test A", {"127.0.0.2"}},
      {"macros.test TXT", {"v=spf1 include:%{o}.include.test a:%{h} -all"}},
      {"macros.test.include.test TXT", {"v=spf1 ip4:192.0.2.9 -all"}},
      {"helo.test A", {"192.0.2.1"}},
      {"ptr.test TXT", {"v=spf1 ptr -all"}},
      {"1.2.0.192.in-addr.arpa PTR", {"x.ptr.test", "liar.test"}},
      {"x.ptr.test A", {"192.0.2.1"}},
      {"ptrother.test TXT", {"v=spf1 ptr:liar.test -all"}},
      {"liar.test A", {"198.51.100.9"}},
      {"slow.test TXT", {"TIMEOUT"}},
      {"incslow.test TXT", {"v=spf1 include:slow.test -all"}},
      {"aslow.test TXT", {"v=spf1 a:slowhost.test -all"}},
      {"slowhost.test A", {"TIMEOUT"}},
      {"slowhost.test AAAA", {"TIMEOUT"}},
      {"void2.test TXT", {"v=spf1 a:n1.test a:n2.test ip4:192.0.2.1 -all"}},
      {"void3.test TXT", {"v=spf1 a:n1.test a:n2.test a:n3.test ip4:192.0.2.1 -all"}},
      {"loop.test TXT", {"v=spf1 include:loop2.test -all"}},
      {"loop2.test TXT", {"v=spf1 include:loop.test -all"}},
      {"ten.test TXT",
       {"v=spf1 a:h1.mx.test a:h1.mx.test a:h1.mx.test a:h1.mx.test a:h1.mx.test a:h1.mx.test "
        "a:h1.mx.test a:h1.mx.test a:h1.mx.test a:h2.mx.test -all"}},
      {"eleven.test TXT",
       {"v=spf1 a:h1.mx.test a:h1.mx.test a:h1.mx.test a:h1.mx.test a:h1.mx.test a:h1.mx.test "
        "a:h1.mx.test a:h1.mx.test a:h1.mx.test a:h1.mx.test a:h2.mx.test -all"}},
      {"modifier.test TXT", {"v=spf1 ip4:192.0.2.1 unknown=%{d} -all"}},
      {"twice.test TXT", {"v=spf1 redirect=a.test redirect=pass.test"}},
      {"spaces.test TXT", {"v=spf1   ip4:192.0.2.1    -all  "}},
      {"six.test TXT", {"v=spf1 ip6:2001:db8:1::1 ip6:2001:db8:1::8/125 -all"}},
      {"nodot.test TXT", {"v=spf1 a:localhost -all"}},
  };
  return zone;
}

struct Query {
  std::string address, sender, helo;
};

// Every domain, with addresses that its records know and do not know.
std::vector<Query> Queries() {
  std::vector<Query> out;
  for (const auto& [name, values] : WholeZone()) {
    if (!name.ends_with(" TXT")) continue;
    const std::string domain = name.substr(0, name.size() - 4);
    for (const char* address :
         {"192.0.2.1", "192.0.2.9", "192.0.2.30", "198.51.100.7", "2001:db8:1::9", "2001:db8:2::1"})
      out.push_back({address, "user@" + domain, "helo.test"});
  }
  out.push_back({"192.0.2.1", "user@nothing.test", "helo.test"});
  out.push_back({"192.0.2.1", "first+user@exists.test", "helo.test"});
  return out;
}

std::string Json(const std::vector<Query>& queries) {
  const auto quoted = [](const std::string& text) { return "\"" + text + "\""; };
  std::string out = "{\"zone\":{";
  for (const auto& [name, values] : WholeZone()) {
    if (out.back() != '{') out += ',';
    out += quoted(name) + ":[";
    for (const std::string& value : values) out += (out.back() == '[' ? "" : ",") + quoted(value);
    out += "]";
  }
  out += "},\"queries\":[";
  for (const Query& q : queries)
    out += (out.back() == '[' ? "[" : ",[") + quoted(q.address) + "," + quoted(q.sender) + "," +
           quoted(q.helo) + "]";
  return out + "]}";
}

// Lines of the script's output; nothing when python3-spf is missing.
std::vector<std::string> PeerVerdicts(const std::string& input) {
  std::FILE* given = std::tmpfile();
  std::FILE* said = std::tmpfile();
  CHECK(given != nullptr && said != nullptr);
  CHECK(std::fwrite(input.data(), 1, input.size(), given) == input.size());
  std::fflush(given);
  std::rewind(given);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    dup2(fileno(given), STDIN_FILENO);
    dup2(fileno(said), STDOUT_FILENO);
    // Debian's own interpreter: it is the one that finds Debian's packages.
    execl("/usr/bin/python3", "python3", "tests/dns/spf_peer.py", nullptr);
    _exit(126);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  std::vector<std::string> lines;
  if (WIFEXITED(status) && WEXITSTATUS(status) != 77) {
    EXPECT_EQ(WEXITSTATUS(status), 0);
    std::rewind(said);
    char line[64];
    while (std::fgets(line, sizeof line, said) != nullptr)
      lines.emplace_back(std::string(line).substr(0, std::string(line).find('\n')));
  }
  std::fclose(given);
  std::fclose(said);
  return lines;
}

void Fill(FakeDns& dns) {
  std::map<std::string, std::vector<std::pair<uint16_t, std::string>>> mx;
  for (const auto& [key, values] : WholeZone()) {
    const std::string name = key.substr(0, key.find(' '));
    const std::string type = key.substr(key.find(' ') + 1);
    for (const std::string& value : values) {
      if (value == "TIMEOUT")
        dns.SetFailure(name, FakeFailure::kTimeout);
      else if (type == "TXT")
        dns.AddTxt(name, value);
      else if (type == "A")
        dns.AddA(name, value);
      else if (type == "AAAA")
        dns.AddAaaa(name, value);
      else if (type == "PTR")
        dns.AddPtr(name, value);
      else
        mx[name].emplace_back(uint16_t(std::stoi(value)), value.substr(value.find(' ') + 1));
    }
  }
  for (const auto& [name, hosts] : mx) dns.AddMx(name, hosts);
}

TEST(SpfPeer, AgreesWithPythonSpf) {
  const std::vector<Query> queries = Queries();
  const std::vector<std::string> peer = PeerVerdicts(Json(queries));
  ASSERT_EQ(peer.size(), queries.size()) << "python3-spf: tools/setup installs it";
  StudyWorld world;
  Fill(world.dns);
  std::map<std::string, int> seen;
  for (size_t i = 0; i < queries.size(); ++i) {
    const Query& q = queries[i];
    const auto verdict = world.Study<SpfVerdict>([&](Facts& facts) {
      return CheckSpf(facts,
                      {Ip(q.address.c_str()), std::string(DomainOf(q.sender)), q.sender, q.helo});
    });
    EXPECT_EQ(SpfResultText(verdict.result), peer[i])
        << q.address << " " << q.sender << ": " << verdict.text << "\n  " << verdict.why;
    ++seen[peer[i]];
  }
  EXPECT_EQ(seen.size(), 7u) << "every kind of verdict is met";
}

}  // namespace
}  // namespace sluice::dns
