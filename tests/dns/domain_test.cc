// Domain names: what is one, in which form, and what is an address literal.

#include "dns/domain.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::dns {
namespace {

TEST(Domain, HasOneForm) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"example.com", "example.com"},
      {"EXAMPLE.Com.", "example.com"},
      {"_mail.example.com", "_mail.example.com"},
      {"b\xc3\xbc"
       "cher.example",
       "xn--bcher-kva.example"},
      {"B\xc3\x9c"
       "CHER.example",
       "xn--bcher-kva.example"},
      {"fa\xc3\x9f.de", "xn--fa-hia.de"},
      {"\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", "xn--r8jz45g.xn--zckzah"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
      {"localhost", "localhost"},
  };
  for (const auto& [in, out] : cases) EXPECT_EQ(NormalizeDomain(in).value_or("-"), out) << in;
}

TEST(Domain, RefusesWhatIsNone) {
  const std::vector<std::string> cases = {"",
                                          ".",
                                          "..",
                                          "a..b",
                                          ".example.com",
                                          "example.com..",
                                          "ex ample.com",
                                          "192.0.2.1",
                                          "12345",
                                          "a@b",
                                          "a\\b.com",
                                          "\xff\xfe.com",
                                          "\xc3",
                                          std::string("a\0b.com", 7),
                                          std::string(64, 'a') + ".com",
                                          std::string(5000, 'a'),
                                          std::string(300, '\xc3')};
  for (const std::string& in : cases) EXPECT_FALSE(NormalizeDomain(in).has_value()) << in;
}

TEST(Domain, KnowsAddressLiterals) {
  EXPECT_EQ(ParseAddressLiteral("[192.0.2.1]")->ToString(), "192.0.2.1");
  EXPECT_EQ(ParseAddressLiteral("[IPv6:2001:db8::1]")->ToString(), "2001:db8::1");
  EXPECT_EQ(ParseAddressLiteral("[ipv6:2001:db8::1]")->ToString(), "2001:db8::1");
  for (const char* text : {"192.0.2.1", "[192.0.2.1", "[]", "[2001:db8::1]", "[IPv6:192.0.2.1]",
                           "[x]", "[192.0.2.256]", "[IPv6:]"}) {
    EXPECT_FALSE(ParseAddressLiteral(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace sluice::dns
