// Goal: from what a stranger's DNS says, exactly the places that can be reported to, or none.

#include "dns/tlsrpt_record.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::dns {
namespace {

// "mail a@b" and "web host port path", joined by "; ".
std::string Places(const std::vector<std::string>& txt) {
  std::string out;
  for (const TlsRptPlace& place : TlsRptPlaces(txt)) {
    if (!out.empty()) out += "; ";
    out += place.mailbox.empty()
               ? "web " + place.host + " " + std::to_string(place.port) + " " + place.path
               : "mail " + place.mailbox;
  }
  return out;
}

TEST(TlsRptRecord, NamesMailboxesAndWebServers) {
  EXPECT_EQ(Places({"v=TLSRPTv1;rua=mailto:reports@example.com"}), "mail reports@example.com");
  EXPECT_EQ(Places({"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt"}),
            "web reporting.example.com 443 /v1/tlsrpt");
  EXPECT_EQ(Places({"v=TLSRPTv1 ; rua=mailto:A.b@Example.COM , https://H.example:8443/x?y=1 ;"}),
            "mail A.b@example.com; web h.example 8443 /x?y=1");
  EXPECT_EQ(Places({"v=spf1 -all", "v=TLSRPTv1; ext=1; rua=mailto:a@b.example"}),
            "mail a@b.example");
}

TEST(TlsRptRecord, IsNoneUnlessThereIsExactlyOne) {
  EXPECT_EQ(Places({}), "");
  EXPECT_EQ(Places({"v=spf1 -all"}), "");
  const std::string one = "v=TLSRPTv1; rua=mailto:a@b.example";
  EXPECT_EQ(Places({one, one}), "");
  EXPECT_EQ(Places({one, "v=TLSRPTv2; rua=mailto:c@d.example"}), "mail a@b.example");
}

TEST(TlsRptRecord, MustBeginWithItsVersion) {
  for (const char* text :
       {"v=TLSRPTv1", "v=TLSRPTv10; rua=mailto:a@b.example", "V=TLSRPTv1; rua=mailto:a@b.example",
        " v=TLSRPTv1; rua=mailto:a@b.c", "rua=mailto:a@b.example; v=TLSRPTv1;", "v=TLSRPTv1;",
        "v=TLSRPTv1; rua", "v=TLSRPTv1; rua="})
    EXPECT_EQ(Places({text}), "") << text;
}

TEST(TlsRptRecord, LeavesOutPlacesThatCannotBeUsed) {
  EXPECT_EQ(Places({"v=TLSRPTv1; rua=ftp://a.example/,http://b.example/,mailto:a@b.example,,"}),
            "mail a@b.example");
  for (const char* uri : {"mailto:",
                          "mailto:a",
                          "mailto:@b.example",
                          "mailto:a@",
                          "mailto:a@[192.0.2.1]",
                          "mailto:a@192.0.2.1",
                          "mailto:a b@c.example",
                          "mailto:a%0d%0aX@c.example",
                          "mailto:a%4@b.c",
                          "mailto:\"a\"@b.example",
                          "mailto:a..b@c.example",
                          "mailto:<a@b.example>",
                          "https://",
                          "https:///x",
                          "https://192.0.2.1/",
                          "https://u@h.example/",
                          "https://h.example:0/",
                          "https://h.example:65536/",
                          "https://h.example:/",
                          "https://h.example:4a/",
                          "https://[::1]/",
                          "https:/h.example/"})
    EXPECT_FALSE(ParseTlsRptUri(uri)) << uri;
}

TEST(TlsRptRecord, UndoesPercentSignsAndCutsWhatIsNotOurs) {
  EXPECT_EQ(ParseTlsRptUri("mailto:a%2Cb%21c@d.example?subject=x"), std::nullopt);  // a comma
  EXPECT_EQ(ParseTlsRptUri("mailto:a%21b@d.example?subject=x")->mailbox, "a!b@d.example");
  EXPECT_EQ(ParseTlsRptUri("MAILTO:a@d.example")->mailbox, "a@d.example");
  EXPECT_EQ(ParseTlsRptUri("https://h.example#frag")->path, "/");
  EXPECT_EQ(ParseTlsRptUri("https://h.example/a#frag")->path, "/a");
  EXPECT_EQ(ParseTlsRptUri("https://h.example?q")->path, "/?q");
}

TEST(TlsRptRecord, HasBounds) {
  std::string many = "v=TLSRPTv1; rua=mailto:a0@b.example";
  for (int i = 1; i < 100; ++i) many += ",mailto:a" + std::to_string(i) + "@b.example";
  EXPECT_EQ(TlsRptPlaces(std::vector<std::string>{many}).size(), kTlsRptPlacesMax);
  EXPECT_EQ(Places({"v=TLSRPTv1; rua=mailto:a@b.example,mailto:a@b.example"}), "mail a@b.example");
  EXPECT_EQ(Places({"v=TLSRPTv1; rua=mailto:a@b.example;" + std::string(kTlsRptRecordMax, ' ')}),
            "");
}

}  // namespace
}  // namespace sluice::dns
