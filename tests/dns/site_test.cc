// Site names: a table of real and awkward MX sets, and the law that different sets differ.

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "dns/route.h"
#include "engine/base/random.h"

namespace sluice::dns {
namespace {

std::string NameOf(const std::vector<std::string>& names) {
  std::vector<MxHost> hosts;
  for (const std::string& name : names) hosts.push_back({name, uint16_t(hosts.size()), kSmtpPort});
  return SiteName(hosts);
}

struct Case {
  std::vector<std::string> hosts;
  std::string site;
};

TEST(SiteName, FoldsToShortReadableNames) {
  const std::vector<Case> cases = {
      {{"mx.example.net"}, "mx.example.net"},
      {{"example-com.mail.protection.outlook.com"}, "example-com.mail.protection.outlook.com"},
      {{"gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com",
        "alt2.gmail-smtp-in.l.google.com", "alt3.gmail-smtp-in.l.google.com",
        "alt4.gmail-smtp-in.l.google.com"},
       "(alt[1-4].)?gmail-smtp-in.l.google.com"},
      {{"aspmx.l.google.com", "alt1.aspmx.l.google.com", "alt2.aspmx.l.google.com",
        "aspmx2.googlemail.com", "aspmx3.googlemail.com"},
       "(alt[1-2].)?aspmx.l.google.com+aspmx[2-3].googlemail.com"},
      {{"mta5.am0.yahoodns.net", "mta6.am0.yahoodns.net", "mta7.am0.yahoodns.net"},
       "mta[5-7].am0.yahoodns.net"},
      {{"mx01.mail.icloud.com", "mx02.mail.icloud.com"}, "mx[01-02].mail.icloud.com"},
      {{"mx00.emig.gmx.net", "mx01.emig.gmx.net"}, "mx[00-01].emig.gmx.net"},
      {{"eu-smtp-inbound-1.mimecast.com", "eu-smtp-inbound-2.mimecast.com"},
       "eu-smtp-inbound-[1-2].mimecast.com"},
      {{"d1234567.ess.barracudanetworks.com", "d1234568.ess.barracudanetworks.com"},
       "(d1234567|d1234568).ess.barracudanetworks.com"},
      {{"d123456a.ess.barracudanetworks.com", "d123456b.ess.barracudanetworks.com"},
       "(d123456a|d123456b).ess.barracudanetworks.com"},
      {{"mx1.example.net", "mx3.example.net"}, "mx[1,3].example.net"},
      {{"mx8.example.net", "mx9.example.net", "mx10.example.net", "mx12.example.net"},
       "mx[8-10,12].example.net"},
      {{"mx.example.net", "backup.example.net", "example.net"}, "(backup.|mx.)?example.net"},
      {{"localhost"}, "localhost"},
      {{"192.0.2.1"}, "192.0.2.1"},
      {{}, ""},
  };
  for (const Case& c : cases) EXPECT_EQ(NameOf(c.hosts), c.site);
}

TEST(SiteName, IsTheSameInAnyOrderAndCase) {
  EXPECT_EQ(NameOf({"b.example", "a.example", "A.example"}), NameOf({"a.example", "b.example"}));
}

TEST(SiteName, TellsPortsApart) {
  EXPECT_EQ(SiteName({{"127.0.0.1", 0, 2525}}), "127.0.0.1:2525");
  EXPECT_NE(SiteName({{"127.0.0.1", 0, 2525}}), SiteName({{"127.0.0.1", 0, 2526}}));
  EXPECT_EQ(SiteName({{"a.example", 0, 25}, {"a.example", 1, 26}}), "a.example+a.example:26");
}

TEST(SiteName, IsBoundedAndStillTellsLongSetsApart) {
  std::vector<std::string> names;
  for (int i = 0; i < 20; ++i)
    names.push_back("host" + std::string(size_t(i), 'x') + ".example.net");
  const std::string one = NameOf(names);
  names.back() = "hostz.example.net";
  const std::string other = NameOf(names);
  EXPECT_EQ(one.size(), kSiteNameMax);
  EXPECT_NE(one, other);
  EXPECT_NE(one.find('~'), std::string::npos);
}

// Every subset of a pool of names that invite confusion has a name of its own.
TEST(SiteName, IsDifferentForEveryDifferentSet) {
  const std::vector<std::string> pool = {"mx1.a.net",   "mx01.a.net", "mx2.a.net",  "mx02.a.net",
                                         "mx.a.net",    "a.net",      "mx10.a.net", "mx9.a.net",
                                         "mx1-2.a.net", "mx1.b.net",  "mx09.a.net", "x.mx1.a.net"};
  std::map<std::string, unsigned> seen;
  for (unsigned mask = 1; mask < 1u << pool.size(); ++mask) {
    std::vector<std::string> names;
    for (size_t i = 0; i < pool.size(); ++i)
      if (mask >> i & 1) names.push_back(pool[i]);
    const auto [place, fresh] = seen.emplace(NameOf(names), mask);
    ASSERT_TRUE(fresh) << place->first << ": " << mask << " and " << place->second;
  }
}

}  // namespace
}  // namespace sluice::dns
