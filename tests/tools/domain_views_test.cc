// Records and findings of sending domains, as people and programs see them.

#include "tools/commands/domain_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::tools {
namespace {

using engine::DomainPlan;
using engine::Finding;
using engine::HostPlan;
using engine::Judgement;
using engine::Role;
using ::testing::HasSubstr;
using ::testing::Not;

HostPlan Host() {
  HostPlan host;
  host.hostname = "mta.host.com";
  host.sources = {{"one", "m1.host.com", IpAddress::Parse("9.9.9.1")}};
  host.records = {
      {Role::kEhloAddress, "m1.host.com", dns::RecordType::kA, "9.9.9.1", 0, "leads to it"},
      {Role::kReverse, "1.9.9.9.in-addr.arpa", dns::RecordType::kPtr, "m1.host.com", 0, "back"}};
  return host;
}

DomainPlan Domain() {
  DomainPlan domain{.domain = "example.com",
                    .tenant = "crm",
                    .return_path = "",
                    .dmarc_reports = "",
                    .retired = false,
                    .keys = {},
                    .ownership = "",
                    .records = {}};
  const std::string key = "v=DKIM1; k=rsa; p=" + std::string(300, 'A');
  domain.records = {
      {Role::kDkim, "s1._domainkey.example.com", dns::RecordType::kTxt, key, 0, "verify"},
      {Role::kSpf, "example.com", dns::RecordType::kTxt, "v=spf1 ip4:9.9.9.1 ~all", 0, "says"},
      {Role::kReturnMx, "b.example.com", dns::RecordType::kMx, "mta.host.com", 10, "back"}};
  return domain;
}

TEST(DomainViews, SplitsLongTextForAZoneFile) {
  EXPECT_EQ(ZoneStrings("a \"b\" \\"), "\"a \\\"b\\\" \\\\\"");
  EXPECT_EQ(ZoneStrings(""), "\"\"");
  const std::string parts = ZoneStrings(std::string(600, 'x'));
  EXPECT_EQ(parts, "\"" + std::string(255, 'x') + "\" \"" + std::string(255, 'x') + "\" \"" +
                       std::string(90, 'x') + "\"");
}

TEST(DomainViews, GroupsRecordsByWhoCanPublishThem) {
  const std::string table = RecordsTable(Domain(), Host());
  const size_t own = table.find("In the zone example.com:");
  const size_t host = table.find("In the zone host.com:");
  const size_t reverse = table.find("Reverse names");
  EXPECT_LT(own, host);
  EXPECT_LT(host, reverse);
  EXPECT_NE(reverse, std::string::npos);
  EXPECT_THAT(table,
              HasSubstr("return path MX  MX    b.example.com              10 mta.host.com\n"));
}

TEST(DomainViews, WritesZoneLinesThatAServerReads) {
  const std::string zone = RecordsZone(Domain(), Host());
  EXPECT_THAT(zone, HasSubstr("\nexample.com. 3600 IN TXT \"v=spf1 ip4:9.9.9.1 ~all\"\n"));
  EXPECT_THAT(zone, HasSubstr("\nb.example.com. 3600 IN MX 10 mta.host.com.\n"));
  EXPECT_THAT(zone, HasSubstr("\nm1.host.com. 3600 IN A 9.9.9.1\n"));
  EXPECT_THAT(zone, HasSubstr("\n1.9.9.9.in-addr.arpa. 3600 IN PTR m1.host.com.\n"));
  EXPECT_THAT(zone, HasSubstr("AAA\" \"AAA"));
}

TEST(DomainViews, ExplainsEveryStepForAWebForm) {
  const std::string steps = RecordsSteps(Domain(), Host());
  EXPECT_THAT(steps, HasSubstr("Name      s1._domainkey    (where the form wants the whole name: "
                               "s1._domainkey.example.com)"));
  EXPECT_THAT(steps, HasSubstr("Name      @    (where"));
  EXPECT_THAT(steps, HasSubstr("Priority  10\n   Value     mta.host.com\n"));
  EXPECT_THAT(steps, HasSubstr("Address       9.9.9.1\n   Reverse name  m1.host.com\n"));
}

CheckReport Report(Judgement verdict) {
  Finding finding{Role::kSpf, verdict, "TXT", "example.com", "no\x1b[2J", "publish it", "v=spf1"};
  return {
      .domains = {{"example.com", "crm", {finding}}},
      .hostname = "mta.host.com",
      .host = {{Role::kBlockList, Judgement::kCannotTell, "", "bl.com", "refused", "own one", ""}}};
}

TEST(DomainViews, SaysWhatToDoAndWhatToCopy) {
  const std::string text = CheckText(Report(Judgement::kMissing));
  EXPECT_THAT(text, HasSubstr("MISSING  SPF   TXT example.com  no?[2J\n"));
  EXPECT_THAT(text,
              HasSubstr("1. SPF, TXT example.com: no?[2J.\n   To do: publish it.\n     Type   "
                        "TXT\n     Name   example.com\n     Value  v=spf1\n"));
  EXPECT_THAT(text, HasSubstr("\n1 of 2 checks are not right: see above what to do; 1 block list"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_FALSE(Report(Judgement::kMissing).good());
  EXPECT_FALSE(Report(Judgement::kCannotTell).good());
}

TEST(DomainViews, IsGreenWhereOnlyABlockListCannotTell) {
  const CheckReport report = Report(Judgement::kRight);
  EXPECT_TRUE(report.good());
  EXPECT_THAT(CheckText(report), HasSubstr("All is right: 1 checks; 1 block list lookups"));
  EXPECT_THAT(CheckJson(report), HasSubstr("\"result\":\"cannot_tell\""));
  EXPECT_THAT(CheckJson(report), HasSubstr("\"ok\":true"));
}

TEST(DomainViews, StaysGreenWithAWarningAndTellsIt) {
  const CheckReport report = Report(Judgement::kWarning);
  EXPECT_TRUE(report.good());
  const std::string text = CheckText(report);
  EXPECT_THAT(text, HasSubstr("warning  SPF"));
  EXPECT_THAT(text, HasSubstr("To do: publish it"));
  EXPECT_THAT(text, HasSubstr("All is right: 0 checks; 1 warning; 1 block list"));
  EXPECT_THAT(CheckJson(report), HasSubstr("\"result\":\"warning\""));
}

TEST(DomainViews, ListsStatesAndBearsOddAnswers) {
  const std::string text = RenderDomains(
      R"({"domains":[{"domain":"a.test","tenant":"crm","state":"verified","since":"2026-11-21T07:51:00.000123Z"},7]})");
  EXPECT_EQ(text,
            "DOMAIN  TENANT  STATE     SINCE\n"
            "a.test  crm     verified  2026-11-21 07:51:00\n");
  for (const char* odd : {"", "[]", "{}", R"({"domains":1})"}) EXPECT_EQ(RenderDomains(odd), "");
}

}  // namespace
}  // namespace sluice::tools
