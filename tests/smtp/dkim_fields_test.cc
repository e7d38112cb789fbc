// Goal: a signature covers what a receiver shows and what receivers demand, and nothing that a
// relay may change.
// Method: small headers and the names and fields that come out, in their order.

#include "smtp/dkim_fields.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

std::string Joined(const std::vector<std::string_view>& parts, std::string_view between) {
  std::string out;
  for (const std::string_view part : parts) {
    if (!out.empty()) out += between;
    out += part;
  }
  return out;
}

constexpr FieldRule kFew[] = {{"From", Cover::kAlwaysOversigned},
                              {"To", Cover::kPresent},
                              {"List-Id", Cover::kPresentAndAdded}};

TEST(DkimFields, NamesTheLowestOfSeveralFieldsFirst) {
  const SignedFields fields = SelectFields(
      "To: 1\r\n"
      "X: no\r\n"
      "tO: 2\r\n"
      " goes on\r\n"
      "From: a\r\n",
      kFew);
  EXPECT_EQ(Joined(fields.names, ":"), "From:From:To:To");
  EXPECT_EQ(Joined(fields.fields, "|"), "From: a\r\n|tO: 2\r\n goes on\r\n|To: 1\r\n");
}

TEST(DkimFields, OversignsAsTheRuleSays) {
  EXPECT_EQ(Joined(SelectFields("X: no\r\n", kFew).names, ":"), "From");
  EXPECT_EQ(Joined(SelectFields("List-Id: a\r\nlist-id: b\r\n", kFew).names, ":"),
            "From:List-Id:List-Id:List-Id");
  EXPECT_EQ(Joined(SelectFields("", kFew).names, ":"), "From");
}

TEST(DkimFields, BearsSpacesBeforeTheColonAndFoldsEverywhere) {
  const SignedFields fields = SelectFields("From \t: a\r\n \r\n\t\r\nTo:\r\n x\r\n", kFew);
  EXPECT_EQ(Joined(fields.fields, "|"), "From \t: a\r\n \r\n\t\r\n|To:\r\n x\r\n");
}

TEST(DkimFields, LeavesTheUppermostUnsignedBeyondTheLimit) {
  std::string header = "From: a\r\n";
  for (int i = 0; i < 1000; ++i) header += "To: " + std::to_string(i) + "\r\n";
  const SignedFields fields = SelectFields(header, kFew);
  EXPECT_EQ(fields.names.size(), kSignedFieldsMax);
  EXPECT_EQ(fields.fields[1], "To: 999\r\n");
}

TEST(DkimFields, CoverByDefaultWhatReceiversDemandOfBulkMail) {
  const std::string header =
      "Received: x\r\nReturn-Path: <>\r\nDKIM-Signature: x\r\nFrom: a\r\nTo: b\r\nDate: d\r\n"
      "Message-ID: m\r\nSubject: s\r\nList-Unsubscribe: <https://x>\r\n"
      "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFeedback-ID: a:b:c:d\r\n"
      "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nX-Sluice-Ref: t\r\nX-Mailer: m\r\n";
  EXPECT_EQ(Joined(SelectFields(header, DefaultFieldRules()).names, ":"),
            "From:From:Reply-To:Subject:Subject:Date:Date:Message-ID:Message-ID:To:To:Cc:"
            "MIME-Version:MIME-Version:Content-Type:Content-Type:Content-Transfer-Encoding:"
            "List-Unsubscribe:List-Unsubscribe:List-Unsubscribe-Post:List-Unsubscribe-Post:"
            "Feedback-ID:Feedback-ID:X-Sluice-Ref:X-Sluice-Ref");
}

TEST(DkimFields, NeverCoverByDefaultWhatRelaysChange) {
  for (const FieldRule& rule : DefaultFieldRules()) EXPECT_FALSE(IsNeverSigned(rule.name));
  EXPECT_TRUE(IsNeverSigned("received"));
  EXPECT_TRUE(IsNeverSigned("ARC-Seal"));
  EXPECT_TRUE(IsNeverSigned("DKIM-Signature"));
  EXPECT_EQ(DefaultFieldRules()[0].name, "From");
}

TEST(DkimFields, NameEveryFieldOnceInTheDefaultRules) {
  std::vector<std::string> names;
  for (const FieldRule& rule : DefaultFieldRules()) names.push_back(Lower(rule.name));
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace sluice::smtp
