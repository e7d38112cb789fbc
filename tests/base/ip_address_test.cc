// Addresses, networks and endpoints: text in, text out, and which of them no public MX may lead to.

#include "engine/base/ip_address.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

IpAddress Address(std::string_view text) { return IpAddress::Parse(text).value(); }

TEST(IpAddress, ReadsAndWritesBothFamilies) {
  for (const char* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1",
                           "2001:db8:1:2:3:4:5:6"})
    EXPECT_EQ(Address(text).ToString(), text);
  EXPECT_EQ(Address("2001:0DB8:0:0::1").ToString(), "2001:db8::1");
}

TEST(IpAddress, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", " 1.2.3.4", "1.2.3.4 ", "[::1]",
        "fe80::1%eth0", ":::", "1:2:3:4:5:6:7:8:9", "localhost"})
    EXPECT_FALSE(IpAddress::Parse(text).has_value()) << text;
}

TEST(IpAddress, RefusesTextWithANulInside) {
  EXPECT_FALSE(IpAddress::Parse(std::string_view("1.2.3.4\0", 8)).has_value());
  EXPECT_FALSE(IpAddress::Parse(std::string_view("::1\0x", 5)).has_value());
}

TEST(IpAddress, HoldsIpv4AsMappedIpv6SoThatBothSpellingsAreEqual) {
  EXPECT_EQ(Address("::ffff:192.0.2.1"), Address("192.0.2.1"));
  EXPECT_TRUE(Address("::ffff:192.0.2.1").is_v4());
  EXPECT_EQ(Address("192.0.2.1").v4(), 0xc0000201u);
  EXPECT_EQ(IpAddress::V4(0xc0000201u), Address("192.0.2.1"));
  EXPECT_EQ(IpAddress::V6(Address("2001:db8::1").bytes()), Address("2001:db8::1"));
  EXPECT_FALSE(Address("::1").is_v4());
}

TEST(IpAddress, KnowsTheUnspecifiedAndLoopback) {
  EXPECT_TRUE(IpAddress().IsUnspecified());
  EXPECT_TRUE(Address("0.0.0.0").IsUnspecified());
  EXPECT_FALSE(Address("::1").IsUnspecified());
  EXPECT_TRUE(Address("127.0.0.1").IsLoopback());
  EXPECT_TRUE(Address("127.255.0.9").IsLoopback());
  EXPECT_TRUE(Address("::1").IsLoopback());
  EXPECT_FALSE(Address("128.0.0.1").IsLoopback());
}

TEST(IpAddress, KnowsWhereNoPublicMxMayLead) {
  for (const char* text : {"0.0.0.0",         "0.1.2.3",         "10.9.8.7",    "100.64.0.1",
                           "100.127.255.255", "127.0.0.1",       "169.254.1.1", "172.16.0.1",
                           "172.31.255.255",  "192.0.0.8",       "192.0.2.1",   "192.168.1.1",
                           "198.18.0.1",      "198.51.100.1",    "203.0.113.1", "224.0.0.1",
                           "240.0.0.1",       "255.255.255.255", "::",          "::1",
                           "fc00::1",         "fd12::1",         "fe80::1",     "ff02::1",
                           "2001:db8::1",     "::ffff:10.0.0.1"})
    EXPECT_TRUE(Address(text).IsSpecial()) << text;
  for (const char* text :
       {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255",
        "172.32.0.0", "192.167.255.255", "223.255.255.255", "2a00:1450:4001::1", "2606:4700::1"})
    EXPECT_FALSE(Address(text).IsSpecial()) << text;
}

TEST(IpNetwork, ContainsItsOwnAndNothingElse) {
  const IpNetwork ten = IpNetwork::Parse("10.0.0.0/8").value();
  EXPECT_TRUE(ten.Contains(Address("10.255.255.255")));
  EXPECT_FALSE(ten.Contains(Address("11.0.0.0")));
  EXPECT_FALSE(ten.Contains(Address("a00::")));
  const IpNetwork odd = IpNetwork::Parse("192.0.2.128/25").value();
  EXPECT_TRUE(odd.Contains(Address("192.0.2.129")));
  EXPECT_FALSE(odd.Contains(Address("192.0.2.127")));
  const IpNetwork six = IpNetwork::Parse("2001:db8::/33").value();
  EXPECT_TRUE(six.Contains(Address("2001:db8:7fff::1")));
  EXPECT_FALSE(six.Contains(Address("2001:db8:8000::1")));
  const IpNetwork one = IpNetwork::Parse("192.0.2.1").value();
  EXPECT_TRUE(one.Contains(Address("192.0.2.1")));
  EXPECT_FALSE(one.Contains(Address("192.0.2.2")));
  EXPECT_TRUE(IpNetwork::Parse("::/0").value().Contains(Address("192.0.2.1")));
  EXPECT_FALSE(IpNetwork::Parse("0.0.0.0/0").value().Contains(Address("2001:db8::1")));
}

TEST(IpNetwork, RefusesWrongPrefixes) {
  for (const char* text :
       {"10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/ 8", "/8"})
    EXPECT_FALSE(IpNetwork::Parse(text).has_value()) << text;
}

TEST(Endpoint, ReadsAndWritesBothFamilies) {
  for (const char* text : {"192.0.2.1:25", "[2001:db8::1]:587", "0.0.0.0:0", "[::]:65535"})
    EXPECT_EQ(Endpoint::Parse(text).value().ToString(), text);
}

TEST(Endpoint, RefusesWhatIsNoEndpoint) {
  for (const char* text :
       {"", ":", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:25x",
        "2001:db8::1:25", "[192.0.2.1]:25", "[::1]", "::1]:25", "host:25"})
    EXPECT_FALSE(Endpoint::Parse(text).has_value()) << text;
}

}  // namespace
}  // namespace sluice
