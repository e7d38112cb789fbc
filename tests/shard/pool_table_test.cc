// tests/shard/pool_table_test.cc — who decides which pool mail leaves by.

#include "engine/shard/pool_table.h"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

std::shared_ptr<const config::Config> MakeConfig() {
  auto config = std::make_shared<config::Config>();
  for (const char* name : {"s1", "s2"})
    config->sources.push_back({.name = name, .address = {}, .public_address = {}, .ehlo = {}});
  for (const char* name : {"default", "bulk", "vip", "spring"})
    config->pools.push_back({.name = name, .members = {{"s1", 1}, {"s2", 1}}});
  config::Tenant tenant;
  tenant.name = "crm";
  tenant.pool = "bulk";
  config->tenants.push_back(tenant);
  config->campaigns.push_back({.name = "april", .tenant = "crm", .pool = "spring"});
  config->campaigns.push_back({.name = "may", .tenant = "", .pool = "s2"});
  return config;
}

std::string Of(const PoolTable& table, const std::string& tenant, const std::string& campaign,
               const std::string& asked = "", uint16_t flags = 0) {
  queue::Message message;
  message.tenant = tenant;
  message.campaign = campaign;
  message.pool = asked;
  message.flags = uint16_t(flags | (asked.empty() ? 0 : queue::kFlagPool));
  const queue::LaneKey key = queue::LaneKeyOf(message, "a@b.example");
  return table.Of(key.tenant, key.campaign).name;
}

TEST(PoolTable, AsksHeaderCampaignTenantInThisOrder) {
  const PoolTable table(MakeConfig());
  EXPECT_EQ(Of(table, "shop", ""), "default");
  EXPECT_EQ(Of(table, "crm", ""), "bulk");
  EXPECT_EQ(Of(table, "crm", "april"), "spring");
  EXPECT_EQ(Of(table, "shop", "april"), "default");  // another tenant's
  EXPECT_EQ(Of(table, "shop", "may"), "s2");
  EXPECT_EQ(Of(table, "crm", "april", "vip"), "vip");
  EXPECT_EQ(Of(table, "crm", "", "s1"), "s1");
  EXPECT_EQ(Of(table, "crm", "april", "", queue::kFlagUrgent), "spring");
  EXPECT_EQ(Of(table, "crm", "april", "vip", queue::kFlagUrgent), "vip");
}

TEST(PoolTable, TakesASourceForAPoolOfItsOwn) {
  const PoolTable table(MakeConfig());
  ASSERT_NE(table.Named("s2"), nullptr);
  ASSERT_EQ(table.Named("s2")->members.size(), 1u);
  EXPECT_EQ(table.Named("s2")->members[0].source, "s2");
  EXPECT_EQ(table.Named("s3"), nullptr);
}

TEST(PoolTable, GoesOnWithoutAPoolThatIsGone) {
  const PoolTable table(MakeConfig());
  EXPECT_EQ(Of(table, "crm", "april", "gone"), "spring");
}

TEST(PoolTable, LetsAnOperatorSendMailElsewhere) {
  PoolTable table(MakeConfig());
  table.Reroute({{{"crm", "april"}, "vip"}, {{"crm", "may"}, "nowhere"}});
  EXPECT_EQ(Of(table, "crm", "april"), "vip");
  EXPECT_EQ(Of(table, "crm", "april", "s1"), "vip");
  EXPECT_EQ(Of(table, "crm", "june"), "bulk");
  EXPECT_EQ(Of(table, "crm", "may"), "s2") << "there is no such pool any more";
  table.Reroute({{{"crm", "april"}, "vip"}, {{"crm", ""}, "s1"}});
  EXPECT_EQ(Of(table, "crm", "june"), "s1");
  EXPECT_EQ(Of(table, "crm", "april"), "vip");
  table.Reroute({});
  EXPECT_EQ(Of(table, "crm", "april"), "spring");
}

TEST(PoolTable, KeepsTheNameOfACampaignApartFromThePoolItAsksFor) {
  queue::Message message;
  message.tenant = "crm";
  message.campaign = "april";
  message.pool = "vip";
  message.flags = queue::kFlagPool;
  const queue::LaneKey key = queue::LaneKeyOf(message, "a@b.example");
  EXPECT_EQ(queue::CampaignOf(key.campaign), "april");
  EXPECT_EQ(queue::PoolOf(key.campaign), "vip");
  EXPECT_EQ(queue::MailClassOf(key.campaign), queue::MailClass::kBulk);
  message.campaign.clear();
  const queue::LaneKey plain = queue::LaneKeyOf(message, "a@b.example");
  EXPECT_EQ(queue::CampaignOf(plain.campaign), "");
  EXPECT_EQ(queue::MailClassOf(plain.campaign), queue::MailClass::kTransactional);
}

}  // namespace
}  // namespace sluice::engine
