// Goal: the octets that DKIM hashes are those of RFC 6376 3.4, however the body is cut.
// Method: the RFC's own examples and odd bodies, canonical form by octet; every cut in two and in
// single octets.

#include "smtp/dkim_canonical.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::smtp {
namespace {

class Collect final : public ContentSink {
 public:
  void OnContent(std::string_view piece) override { text += piece; }
  std::string text;
};

std::string Body(Canonical form, const std::vector<std::string_view>& pieces) {
  Collect sink;
  CanonicalBody body(form, sink);
  for (const std::string_view piece : pieces) body.Update(piece);
  body.Finish();
  return sink.text;
}

std::string Field(Canonical form, std::string_view field) {
  std::string out;
  AppendCanonicalField(form, field, out);
  return out;
}

struct BodyCase {
  std::string_view body;
  std::string_view simple;
  std::string_view relaxed;
};

constexpr BodyCase kBodies[] = {
    // RFC 6376 3.4.5, examples 1 and 2.
    {" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
    {"", "\r\n", ""},
    {"\r\n", "\r\n", ""},
    {"\r\n\r\n\r\n", "\r\n", ""},
    {" ", " \r\n", ""},
    {" \t \r\n", " \t \r\n", ""},
    {" \r\n\t\r\n", " \r\n\t\r\n", ""},
    {"a", "a\r\n", "a\r\n"},
    {"a ", "a \r\n", "a\r\n"},
    {"a\r\n \r\n", "a\r\n \r\n", "a\r\n"},
    {"a\r\n \t\r\n\r\n", "a\r\n \t\r\n", "a\r\n"},
    {"\r\na\r\n\r\nb\r\n", "\r\na\r\n\r\nb\r\n", "\r\na\r\n\r\nb\r\n"},
    {"\r\n \r\n a\r\n", "\r\n \r\n a\r\n", "\r\n\r\n a\r\n"},
    {"a  b \t c\r\n", "a  b \t c\r\n", "a b c\r\n"},
    {"\ta\r\n", "\ta\r\n", " a\r\n"},
    {"a\t\r\n\r\n b\r\n", "a\t\r\n\r\n b\r\n", "a\r\n\r\n b\r\n"},
    // Octets beyond ASCII and control characters are octets like others.
    {"\xc3\xa9 \x01\x7f\xff\r\n", "\xc3\xa9 \x01\x7f\xff\r\n", "\xc3\xa9 \x01\x7f\xff\r\n"},
    // What never leaves, but must not be lost either.
    {"a\rb\nc\r\r\n", "a\rb\nc\r\r\n", "a\rb\nc\r\r\n"},
    {"a \rb\n \r", "a \rb\n \r\r\n", "a \rb\n \r\r\n"},
};

TEST(DkimCanonical, MakesOfABodyWhatTheRfcSays) {
  for (const BodyCase& c : kBodies) {
    EXPECT_EQ(Body(Canonical::kSimple, {c.body}), c.simple) << testing::PrintToString(c.body);
    EXPECT_EQ(Body(Canonical::kRelaxed, {c.body}), c.relaxed) << testing::PrintToString(c.body);
  }
}

TEST(DkimCanonical, MakesTheSameOfABodyForEveryWayOfCuttingIt) {
  for (const BodyCase& c : kBodies) {
    for (const Canonical form : {Canonical::kSimple, Canonical::kRelaxed}) {
      const std::string whole = Body(form, {c.body});
      std::vector<std::string_view> octets;
      for (size_t cut = 0; cut <= c.body.size(); ++cut) {
        EXPECT_EQ(Body(form, {c.body.substr(0, cut), c.body.substr(cut)}), whole)
            << testing::PrintToString(c.body) << " cut at " << cut;
        if (cut > 0) octets.push_back(c.body.substr(cut - 1, 1));
      }
      EXPECT_EQ(Body(form, octets), whole) << testing::PrintToString(c.body);
    }
  }
}

TEST(DkimCanonical, BearsManyBlankLinesInTheMiddle) {
  std::string body = "a\r\n";
  for (int i = 0; i < 1000; ++i) body += "\r\n";
  EXPECT_EQ(Body(Canonical::kRelaxed, {body}), "a\r\n");
  EXPECT_EQ(Body(Canonical::kSimple, {body, "b\r\n"}), body + "b\r\n");
  EXPECT_EQ(Body(Canonical::kRelaxed, {body, "b\r\n"}), body + "b\r\n");
}

TEST(DkimCanonical, MakesOfAFieldWhatTheRfcSays) {
  struct Case {
    std::string_view field;
    std::string_view simple;
    std::string_view relaxed;
  };
  constexpr Case kCases[] = {
      // RFC 6376 3.4.5, example 1 and 2.
      {"A: X\r\n", "A: X", "a:X"},
      {"B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  ", "b:Y Z"},
      {"Subject:", "Subject:", "subject:"},
      {"Subject: \r\n", "Subject: ", "subject:"},
      {"SUBJECT:\r\n a\r\n", "SUBJECT:\r\n a", "subject:a"},
      {"X: a\r\n \r\n\tb\r\n", "X: a\r\n \r\n\tb", "x:a b"},
      {"X:a\t\t b:c \r\n", "X:a\t\t b:c ", "x:a b:c"},
      {"X: \xc3\xa9 \xc3\xa8\r\n", "X: \xc3\xa9 \xc3\xa8", "x:\xc3\xa9 \xc3\xa8"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(Field(Canonical::kSimple, c.field), c.simple) << testing::PrintToString(c.field);
    EXPECT_EQ(Field(Canonical::kRelaxed, c.field), c.relaxed) << testing::PrintToString(c.field);
  }
}

}  // namespace
}  // namespace sluice::smtp
