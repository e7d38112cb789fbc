// The header scan: what is a header, what is cut, which campaign (protocol.md 2, design part 2).

#include "smtp/header_scan.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace sluice::smtp {
namespace {

std::string CutOut(const std::string& header) {
  const HeaderFacts facts = ScanHeader(header);
  std::string out;
  size_t at = 0;
  for (const HeaderCut& cut : facts.cuts) {
    EXPECT_GE(cut.offset, at);
    out += header.substr(at, cut.offset - at);
    at = cut.offset + cut.length;
  }
  return out + header.substr(at);
}

std::string Campaign(const std::string& header) { return ScanHeader(header).campaign; }

TEST(HeaderScan, NamesTheLineThatIsNoField) {
  struct {
    const char* header;
    HeaderFault fault;
    size_t line;
  } const kCases[] = {
      {"Subject: a\r\n", HeaderFault::kNone, 0},
      {"", HeaderFault::kNone, 0},
      {"Hello\r\n", HeaderFault::kNotAField, 1},
      {" Subject: a\r\n", HeaderFault::kNotAField, 1},
      {"From a@b Sat Nov 21 08:00:00 2026\r\nTo: x\r\n", HeaderFault::kNotAField, 1},
      {"A: b\r\n c\r\n\td\r\noops\r\n", HeaderFault::kNotAField, 4},
      {"A: b\r\n: c\r\n", HeaderFault::kNotAField, 2},
      {"A: b\r\nS\xc3\xbc: c\r\n", HeaderFault::kNotAField, 2},
      {"From: a@b\r\nTo: x\r\n y\r\nfrom: c@d\r\n", HeaderFault::kTwoFrom, 4},
      {"Subject : spaced\r\n", HeaderFault::kNone, 0},
      {"A:\r\n \r\n b\r\n", HeaderFault::kNone, 0},
  };
  for (const auto& c : kCases) {
    const HeaderFacts facts = ScanHeader(c.header);
    EXPECT_EQ(facts.fault, c.fault) << c.header;
    EXPECT_EQ(facts.fault_line, c.line) << c.header;
  }
}

TEST(HeaderScan, CutsWholeFieldsThatMustNotLeave) {
  EXPECT_EQ(CutOut("To: a\r\nBcc: b,\r\n c\r\nSubject: s\r\n"), "To: a\r\nSubject: s\r\n");
  EXPECT_EQ(CutOut("RETURN-PATH: <x@y>\r\nbcc : b\r\nTo: a\r\n"), "To: a\r\n");
  for (const char* name : {"X-Sluice-Hold", "x-virtual-mta", "X-Pool", "X-Priority-Class",
                           "X-Schedule-At", "X-SMTPAPI", "Resent-Bcc", "X-Sluice-Ref"})
    EXPECT_EQ(CutOut("A: b\r\n" + std::string(name) + ": x\r\n\ty\r\nC: d\r\n"), "A: b\r\nC: d\r\n")
        << name;
}

// docs/header-fields.md; ctest runs this in the top folder of the tree.
TEST(HeaderScan, CutsAllThatThePageSaysAndNamesCampaignsByTheRest) {
  std::ifstream in("docs/header-fields.md");
  ASSERT_TRUE(in);
  int cut = 0;
  int campaigns = 0;
  bool taken_out = false;
  for (std::string line; std::getline(in, line);) {
    taken_out = line.starts_with("## ") ? line == "## Taken out" : taken_out;
    if (!line.starts_with("| `")) continue;
    std::string name = line.substr(3, line.find('`', 3) - 3);
    if (name.ends_with("\xe2\x80\xa6")) name.replace(name.size() - 3, 3, "Any");
    const HeaderFacts facts = ScanHeader(name + ": x:y\r\nX-ListMember: z\r\n");
    EXPECT_EQ(facts.cuts.size(), taken_out ? 1u : 0u) << line;
    cut += facts.cuts.empty() ? 0 : 1;
    if (line.contains("| campaign")) {
      EXPECT_EQ(facts.campaign.empty(), name == "X-CiviMail-Bounce") << line;
      ++campaigns;
    }
  }
  EXPECT_EQ(cut, 9);
  EXPECT_EQ(campaigns, 6);
}

TEST(HeaderScan, LeavesFieldsThatMerelyNameACampaign) {
  const std::string header =
      "X-Campaign: a\r\nX-Job: b\r\nX-CiviMail-Bounce: c\r\nFeedback-ID: d\r\nList-Id: e\r\n"
      "X-Sluice: no hyphen\r\nX-Pools: no\r\n";
  EXPECT_EQ(CutOut(header), header);
}

TEST(HeaderScan, MergesNeighbouringCuts) {
  const HeaderFacts facts = ScanHeader("Bcc: a\r\nReturn-Path: <b>\r\nTo: c\r\nX-Pool: d\r\n");
  ASSERT_EQ(facts.cuts.size(), 2u);
  EXPECT_EQ(facts.cuts[0].length, 26u);
}

TEST(HeaderScan, TellsThePoolThatIsAskedFor) {
  EXPECT_EQ(ScanHeader("X-Pool:  bulk\r\nX-Virtual-MTA: other\r\n").pool, "bulk");
  EXPECT_EQ(ScanHeader("x-virtual-mta:\r\n m1\r\n").pool, "m1");
  EXPECT_EQ(ScanHeader("X-Pools: bulk\r\n").pool, "");
}

TEST(HeaderScan, SeesWhatIsThereAndCountsHops) {
  const HeaderFacts facts = ScanHeader(
      "Received: a\r\nRECEIVED: b\r\nDate: x\r\nMessage-Id: <y>\r\nFrom: \"A\" <a@Example.ORG>\r\n"
      "DKIM-Signature: v=1\r\nList-Unsubscribe: <https://x>\r\n");
  EXPECT_EQ(facts.received, 2u);
  EXPECT_TRUE(facts.date);
  EXPECT_TRUE(facts.message_id);
  EXPECT_TRUE(facts.is_signed);
  EXPECT_TRUE(facts.list_mail);
  EXPECT_EQ(facts.from_domain, "example.org");
  EXPECT_FALSE(facts.eight_bit);
  EXPECT_FALSE(ScanHeader("To: x\r\n").date);
}

TEST(HeaderScan, KnowsListMailByPrecedenceToo) {
  EXPECT_TRUE(ScanHeader("Precedence: Bulk\r\n").list_mail);
  EXPECT_TRUE(ScanHeader("Precedence:\r\n list\r\n").list_mail);
  EXPECT_FALSE(ScanHeader("Precedence: first-class\r\n").list_mail);
  EXPECT_TRUE(ScanHeader("List-Id: x\r\n").list_mail);
}

TEST(HeaderScan, TakesTheFirstCampaignFieldThatApplies) {
  EXPECT_EQ(Campaign("Feedback-ID: f1:f2:f3\r\nX-Job: j\r\nX-Campaign: c\r\n"), "c");
  EXPECT_EQ(Campaign("Feedback-ID: f1:f2:f3\r\nX-Job: j\r\nX-Campaign: \r\n"), "j");
  EXPECT_EQ(Campaign("X-Listmonk-Campaign: 550e8400\r\nX-EMAIL-ID: 3\r\n"), "550e8400");
  EXPECT_EQ(Campaign("X-CiviMail-Bounce: b.12.345.0123456789abcdef@crm.test\r\n"), "civimail-12");
  EXPECT_EQ(Campaign("X-MessageID: 77\r\nX-ListMember: a@b\r\n"), "77");
  EXPECT_EQ(Campaign("X-MessageID: 77\r\nX-EMAIL-ID: 3\r\n"), "3");
  EXPECT_EQ(Campaign("Feedback-ID: :x\r\n"), "");
  EXPECT_EQ(Campaign("Feedback-ID: camp1 :x\r\n"), "camp1");
  EXPECT_EQ(Campaign("Subject: s\r\n"), "");
}

TEST(HeaderScan, ReadsTheJobOfACiviMailAddress) {
  EXPECT_EQ(CiviMailJob("bounce+b.12.345.0123456789abcdef@crm.test"), "12");
  EXPECT_EQ(CiviMailJob("<x-b-7-1-0123456789ABCDEF@crm.test>"), "7");
  EXPECT_EQ(CiviMailJob("b.12.345.0123456789abcde@crm.test"), "");
  EXPECT_EQ(CiviMailJob("u.12.345.0123456789abcdef@crm.test"), "");
  EXPECT_EQ(CiviMailJob("b.12-345.0123456789abcdef@crm.test"), "");
  EXPECT_EQ(CiviMailJob(""), "");
}

TEST(HeaderScan, CleansAndBoundsCampaignNames) {
  EXPECT_EQ(Campaign("X-Campaign: a\tb\r\n"), "a?b");
  EXPECT_EQ(Campaign("X-Campaign: a\r\n b\r\n"), "a b");
  EXPECT_EQ(Campaign("X-Campaign: \xf6\r\n"), "?");
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "\xc3\xb6";
  EXPECT_EQ(Campaign("X-Campaign: x" + umlauts + "\r\n").size(), 127u);
}

TEST(HeaderScan, FindsTheDomainOfTheFirstMailbox) {
  struct {
    const char* value;
    const char* domain;
  } const kCases[] = {
      {"a@b.test", "b.test"},
      {" A <a@B.test>", "b.test"},
      {"\"x@y <z@w>\" <a@b.test>", "b.test"},
      {"(c@d) a@b.test (e)", "b.test"},
      {"a@b.test, c@d.test", "b.test"},
      {"A <a@b.test>, C <c@d.test>", "b.test"},
      {"<@r.test:a@b.test>", "b.test"},
      {"\"a@b\"@c.test", "c.test"},
      {"Group: a@b.test;", "b.test"},
      {"a@b.test.", "b.test"},
      {"nobody", ""},
      {"", ""},
  };
  for (const auto& c : kCases) EXPECT_EQ(FromDomain(c.value), c.domain) << c.value;
}

TEST(HeaderScan, TellsOfMailboxesInOtherDomains) {
  struct {
    const char* value;
    const char* first;
    std::vector<std::string> more;
  } const kCases[] = {
      {"a@b.test, c@B.test", "b.test", {}},
      {"a@b.test, C <c@d.test>, e@f.test", "b.test", {"d.test", "f.test"}},
      {"Doe, John <a@b.test>", "b.test", {}},
      {"\"c@d.test, x\" <a@b.test>", "b.test", {}},
      {"a@b.test (c@d.test, e@f.test)", "b.test", {}},
      {"<@r.test,@s.test:a@b.test>", "b.test", {}},
      {"Group: a@b.test, c@d.test;", "b.test", {"d.test"}},
      {"a@b.test\r\n ,\r\n c@d.test", "b.test", {"d.test"}},
      {",,", "", {}},
  };
  for (const auto& c : kCases) {
    const HeaderFacts facts = ScanHeader("From: " + std::string(c.value) + "\r\n");
    EXPECT_EQ(facts.from_domain, c.first) << c.value;
    EXPECT_EQ(facts.more_from_domains, c.more) << c.value;
  }
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "a@d" + std::to_string(i) + ".test,";
  EXPECT_EQ(ScanHeader("From: " + many + "\r\n").more_from_domains.size(), 8u);
}

TEST(HeaderScan, SeesWhetherOneClickUnsubscribes) {  // RFC 8058 3.1
  const HeaderFacts none = ScanHeader("From: a@b.test\r\n");
  EXPECT_FALSE(none.unsubscribe || none.unsubscribe_https || none.one_click);
  const HeaderFacts mail = ScanHeader("List-Unsubscribe: <mailto:u@b.test>\r\n");
  EXPECT_TRUE(mail.unsubscribe && mail.list_mail);
  EXPECT_FALSE(mail.unsubscribe_https || mail.one_click);
  const HeaderFacts both = ScanHeader(
      "list-unsubscribe: <mailto:u@b.test>,\r\n <HTTPS://b.test/u>\r\n"
      "LIST-UNSUBSCRIBE-POST:\r\n\tlist-unsubscribe=one-click\r\n");
  EXPECT_TRUE(both.unsubscribe && both.unsubscribe_https && both.one_click);
  EXPECT_FALSE(ScanHeader("List-Unsubscribe-Post: yes\r\n").one_click);
  EXPECT_FALSE(ScanHeader("List-Unsubscribe: <http://b.test/u>\r\n").unsubscribe_https);
}

}  // namespace
}  // namespace sluice::smtp
