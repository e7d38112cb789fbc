// The DNS message format: what we send, what we read back, and every way of breaking it.
// Method: true wire answers from the encoder of fake_dns.h, then cut, flipped and forged.

#include "dns/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/base/random.h"
#include "tests/dns/fake_dns.h"

namespace sluice::dns {
namespace {

using std::string_literals::operator""s;

Record Mx(const std::string& name, uint16_t preference, const std::string& host, uint32_t ttl) {
  Record record;
  record.name = name;
  record.type = RecordType::kMx;
  record.preference = preference;
  record.data = host;
  record.ttl = ttl;
  return record;
}

Record Cname(const std::string& name, const std::string& target, uint32_t ttl = 60) {
  Record record;
  record.name = name;
  record.type = RecordType::kCname;
  record.data = target;
  record.ttl = ttl;
  return record;
}

Record Address(const std::string& name, const std::string& address, uint32_t ttl = 60) {
  Record record;
  record.name = name;
  record.address = *IpAddress::Parse(address);
  record.type = record.address.is_v4() ? RecordType::kA : RecordType::kAaaa;
  record.ttl = ttl;
  return record;
}

TEST(DnsMessage, WritesAQueryWithEdnsAndTheAdBit) {
  const auto query = BuildQuery({"example.com", RecordType::kMx}, 0x1234);
  ASSERT_TRUE(query.has_value());
  EXPECT_EQ(*query, "\x12\x34\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01"s +
                        "\x07"
                        "example\x03"
                        "com\x00"s +
                        "\x00\x0f\x00\x01"s + "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"s);
}

TEST(DnsMessage, RefusesToAskForWhatIsNoName) {
  for (const std::string& name : {"a..b"s, ".a"s, std::string(64, 'x') + ".com", "a\\046b.com"s,
                                  std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                      std::string(63, 'c') + "." + std::string(63, 'd')}) {
    EXPECT_FALSE(BuildQuery({name, RecordType::kA}, 1).has_value()) << name;
  }
  EXPECT_TRUE(BuildQuery({std::string(63, 'x') + ".com", RecordType::kA}, 1).has_value());
}

TEST(DnsMessage, ReadsWhatAServerWrites) {
  const Question question{"example.com", RecordType::kMx};
  const std::string wire = EncodeAnswer(question, Rcode::kNoError,
                                        {Mx("example.com", 10, "mx1.example.com", 300),
                                         Mx("example.com", 20, "MX2.Example.NET", 200)},
                                        60, true);
  const auto message = ParseMessage(wire);
  ASSERT_TRUE(message.has_value()) << message.error().what;
  EXPECT_EQ(message->rcode, Rcode::kNoError);
  EXPECT_TRUE(message->authentic);
  EXPECT_FALSE(message->truncated);
  EXPECT_EQ(message->question.name, "example.com");
  ASSERT_EQ(message->answers.size(), 2u);
  EXPECT_EQ(message->answers[0].data, "mx1.example.com");
  EXPECT_EQ(message->answers[0].ttl, 300u);
  EXPECT_EQ(message->answers[1].data, "mx2.example.net");
  EXPECT_EQ(message->answers[1].preference, 20);
  EXPECT_FALSE(message->negative_ttl.has_value());
}

TEST(DnsMessage, ReadsAddressesAndTexts) {
  Record txt;
  txt.name = "t.example.com";
  txt.type = RecordType::kTxt;
  txt.data = std::string(300, 'x') + "end";
  const std::string wire = EncodeAnswer(
      {"t.example.com", RecordType::kTxt}, Rcode::kNoError,
      {txt, Address("a.example.com", "192.0.2.7"), Address("a.example.com", "2001:db8::7")}, 0,
      false);
  const auto message = ParseMessage(wire);
  ASSERT_TRUE(message.has_value());
  ASSERT_EQ(message->answers.size(), 3u);
  EXPECT_EQ(message->answers[0].data, txt.data);
  EXPECT_EQ(message->answers[1].address.ToString(), "192.0.2.7");
  EXPECT_EQ(message->answers[2].address.ToString(), "2001:db8::7");
}

TEST(DnsMessage, TakesTheNegativeTtlFromTheSoaMinimum) {
  const auto message = ParseMessage(
      EncodeAnswer({"no.example.com", RecordType::kMx}, Rcode::kNxDomain, {}, 900, false));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->rcode, Rcode::kNxDomain);
  EXPECT_EQ(message->negative_ttl, 900u);
}

TEST(DnsMessage, TakesATtlWithTheTopBitSetAsZero) {
  const auto message =
      ParseMessage(EncodeAnswer({"a.example.com", RecordType::kA}, Rcode::kNoError,
                                {Address("a.example.com", "192.0.2.1", 0x80000001)}, 0, false));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->answers[0].ttl, 0u);
}

TEST(DnsMessage, FollowsAliasesAndTakesTheLeastTtl) {
  const Question question{"www.example.com", RecordType::kA};
  const auto message = ParseMessage(EncodeAnswer(
      question, Rcode::kNoError,
      {Cname("www.example.com", "a.example.net", 50), Cname("a.example.net", "b.example.net", 9),
       Address("b.example.net", "192.0.2.1", 77), Address("else.example.net", "192.0.2.2")},
      0, false));
  ASSERT_TRUE(message.has_value());
  const Chain chain = FollowChain(*message, question);
  EXPECT_EQ(chain.canonical, "b.example.net");
  EXPECT_EQ(chain.ttl, 9u);
  EXPECT_EQ(chain.cnames, 2);
  ASSERT_EQ(chain.records.size(), 1u);
}

TEST(DnsMessage, EndsALoopOfAliases) {
  const Question question{"a.example", RecordType::kA};
  const auto message = ParseMessage(
      EncodeAnswer(question, Rcode::kNoError,
                   {Cname("a.example", "b.example"), Cname("b.example", "a.example")}, 0, false));
  ASSERT_TRUE(message.has_value());
  EXPECT_TRUE(FollowChain(*message, question).too_long);
}

TEST(DnsMessage, EscapesOctetsThatNoHostNameHas) {
  Record record = Mx("example.com", 1, "x", 60);
  std::string wire =
      EncodeAnswer({"example.com", RecordType::kMx}, Rcode::kNoError, {record}, 0, false);
  const size_t at = wire.find("\x01x\x00"s);
  ASSERT_NE(at, std::string::npos);
  wire[at + 1] = '.';
  const auto message = ParseMessage(wire);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->answers[0].data, "\\046");
}

TEST(DnsMessage, RefusesEveryTruncationOfAnAnswerWithoutHarm) {
  const std::string wire = EncodeAnswer(
      {"example.com", RecordType::kMx}, Rcode::kNoError,
      {Cname("example.com", "example.net"), Mx("example.net", 10, "mx1.example.net", 300)}, 60,
      false);
  ASSERT_TRUE(ParseMessage(wire).has_value());
  const size_t opt_octets = 11;  // the additional section is not read
  for (size_t size = 0; size < wire.size() - opt_octets; ++size) {
    // A copy of its own, so that AddressSanitizer sees a read past the end.
    const std::string cut(wire.data(), size);
    EXPECT_FALSE(ParseMessage(cut).has_value()) << size;
  }
}

TEST(DnsMessage, SurvivesFlippedOctets) {
  Random random(7);
  const std::string wire = EncodeAnswer(
      {"example.com", RecordType::kMx}, Rcode::kNoError,
      {Mx("example.com", 10, "mx1.example.com", 300), Mx("example.com", 20, "mx2.example.com", 300),
       Cname("x.example.com", "y.example.com"), Address("y.example.com", "2001:db8::1")},
      60, false);
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = wire;
    for (int flips = 0; flips < 3; ++flips)
      bad[size_t(random.Below(bad.size()))] = char(random.Below(256));
    const auto message = ParseMessage(bad);
    if (message.has_value()) FollowChain(*message, {"example.com", RecordType::kMx});
  }
}

std::string HeaderFor(uint16_t questions, uint16_t answers) {
  return "\x00\x01\x81\x80"s + char(questions >> 8) + char(questions & 255) + char(answers >> 8) +
         char(answers & 255) + "\x00\x00\x00\x00"s;
}

TEST(DnsMessage, RefusesPointersThatLeadForwardOrToThemselves) {
  for (const std::string& name : {"\xc0\x0c"s, "\xc0\x20"s,
                                  "\x01"
                                  "a\xc0\x0c"s,
                                  "\xc0\x02"s, "\x41xx"s})
    EXPECT_FALSE(ParseMessage(HeaderFor(1, 0) + name + "\x00\x0f\x00\x01"s + std::string(40, '\0'))
                     .has_value());
}

TEST(DnsMessage, BoundsAChainOfPointers) {
  // 8,000 pointers, each to the one before: a name through all of them must be refused at once.
  std::string wire = HeaderFor(0, 3000);
  wire.append("\x00"s);
  size_t last = 12;
  while (wire.size() < 0x3ff0) {
    const size_t at = wire.size();
    wire.push_back(char(0xc0 | last >> 8));
    wire.push_back(char(last & 0xff));
    last = at;
  }
  EXPECT_FALSE(ParseMessage(wire).has_value());
}

TEST(DnsMessage, RefusesANameOver255Octets) {
  std::string name;
  for (int i = 0; i < 5; ++i) name += "\x3f" + std::string(63, 'a');
  EXPECT_FALSE(ParseMessage(HeaderFor(1, 0) + name + "\x00\x00\x0f\x00\x01"s).has_value());
}

TEST(DnsMessage, KeepsABoundedNumberOfRecords) {
  std::vector<Record> many;
  for (int i = 0; i < 2000; ++i)
    many.push_back(Address("a.example.com",
                           "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)));
  const auto message = ParseMessage(
      EncodeAnswer({"a.example.com", RecordType::kA}, Rcode::kNoError, many, 0, false));
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->answers.size(), kRecordsMax);
}

TEST(DnsMessage, RefusesAQueryAndTwoQuestions) {
  const auto query = BuildQuery({"example.com", RecordType::kMx}, 1);
  EXPECT_FALSE(ParseMessage(*query).has_value());
  std::string wire = EncodeAnswer({"example.com", RecordType::kMx}, Rcode::kNoError, {}, 60, false);
  wire[5] = 2;
  EXPECT_FALSE(ParseMessage(wire).has_value());
}

}  // namespace
}  // namespace sluice::dns
