// tests/io/socks5_test.cc — the client's side of SOCKS5, octet by octet.

#include "engine/io/socks5.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/io/proxy_header.h"

namespace sluice::io {
namespace {

const Endpoint kTo = *Endpoint::Parse("192.0.2.1:25");
const Endpoint kToV6 = *Endpoint::Parse("[2001:db8::1]:2525");

template <size_t N>
std::string Octets(const char (&text)[N]) {
  return {text, N - 1};
}

struct Outcome {
  std::string sent;  // to the proxy
  std::string rest;  // what was left of the answers
  Socks5Client::State state;
  CloseReason reason;
  std::string trouble;
  std::string bound;
  bool operator==(const Outcome&) const = default;
};

// Gives `answers` in pieces that end at each of `cuts`.
Outcome Talk(const Endpoint& to, const std::string& user, std::string_view answers,
             const std::vector<size_t>& cuts = {}) {
  Socks5Client client(to, user, user.empty() ? "" : "secret");
  Outcome out;
  out.sent = client.TakeOutput();
  size_t at = 0;
  std::vector<size_t> ends = cuts;
  ends.push_back(answers.size());
  for (const size_t end : ends) {
    const std::string_view piece = answers.substr(at, end - at);
    const size_t taken = client.OnBytes(piece);
    out.rest += piece.substr(taken);
    out.sent += client.TakeOutput();
    at = end;
  }
  out.state = client.state();
  out.reason = client.reason();
  out.trouble = client.trouble();
  if (!client.bound().address.IsUnspecified()) out.bound = client.bound().ToString();
  return out;
}

const std::string kGranted = Octets("\5\0\5\0\0\1\xc6\x33\x64\7\x9c\x40");
const std::string kConnect = Octets("\5\1\0\5\1\0\1\xc0\0\2\1\0\x19");

TEST(Socks5, AsksForTheAddressAndTellsWhereTheProxyConnectsFrom) {
  const Outcome outcome = Talk(kTo, "", kGranted + "220 mx");
  EXPECT_EQ(outcome.sent, kConnect);
  EXPECT_EQ(outcome.state, Socks5Client::State::kOpen);
  EXPECT_EQ(outcome.bound, "198.51.100.7:40000");
  EXPECT_EQ(outcome.rest, "220 mx");
}

TEST(Socks5, AsksForAnIpv6Address) {
  const Outcome outcome =
      Talk(kToV6, "", Octets("\5\0\5\0\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\x19"));
  EXPECT_EQ(outcome.sent, Octets("\5\1\0\5\1\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x09\xdd"));
  EXPECT_EQ(outcome.bound, "[2001:db8::2]:25");
  EXPECT_EQ(outcome.state, Socks5Client::State::kOpen);
}

TEST(Socks5, LogsInWhereTheProxyAsksForIt) {
  const Outcome outcome = Talk(kTo, "me", Octets("\5\2\1\0\5\0\0\1\0\0\0\0\0\0"));
  EXPECT_EQ(outcome.sent, Octets("\5\2\0\2") + Octets("\1\2me\6secret") + kConnect.substr(3));
  EXPECT_EQ(outcome.state, Socks5Client::State::kOpen);
  EXPECT_EQ(outcome.bound, "");  // it does not say
  // One that wants none is not given the password.
  EXPECT_EQ(Talk(kTo, "me", kGranted).sent, Octets("\5\2\0\2") + kConnect.substr(3));
}

TEST(Socks5, TakesABoundAddressGivenAsAName) {
  const Outcome outcome = Talk(kTo, "", Octets("\5\0\5\0\0\3\4host\0\x19") + "220");
  EXPECT_EQ(outcome.state, Socks5Client::State::kOpen);
  EXPECT_EQ(outcome.rest, "220");
  EXPECT_EQ(Talk(kTo, "", Octets("\5\0\5\0\0\3\0\0\x19") + "220").rest, "220");
  const std::string longest = Octets("\5\0\5\0\0\3\xff") + std::string(255, 'x') + "pp";
  EXPECT_EQ(Talk(kTo, "", longest + "220").rest, "220");
}

struct Refused {
  const char* user;
  std::string answers;
  CloseReason reason;
  const char* trouble;
};

std::vector<Refused> Refusals() {
  constexpr CloseReason kProxy = CloseReason::kProxyFailed;
  std::vector<Refused> out = {
      {"", "22", kProxy, "does not speak SOCKS5"},
      {"", Octets("\5\xff"), kProxy, "wants a login: set proxy_user and proxy_password"},
      {"me", Octets("\5\xff"), kProxy, "takes no login by user and password"},
      {"", Octets("\5\2"), kProxy, "wants a login of a kind that was not offered"},
      {"me", Octets("\5\1"), kProxy, "wants a login of a kind that was not offered"},
      {"me", Octets("\5\2\1\1"), kProxy, "refuses the login of \"me\""},
      {"", Octets("\5\0HT"), kProxy, "does not speak SOCKS5"},
      {"", Octets("\5\0\5\0\0\2\0"), kProxy, "answers with an address of unknown kind 2"},
      {"", Octets("\5\0\5\x63"), kProxy, "refuses with code 99, which SOCKS5 does not know"},
  };
  const std::pair<CloseReason, const char*> replies[] = {
      {kProxy, "cannot connect, and does not say why"},
      {kProxy, "is not allowed to connect there by its own rules"},
      {CloseReason::kUnreachable, "says of the way to the receiver: network unreachable"},
      {CloseReason::kUnreachable, "says of the way to the receiver: host unreachable"},
      {CloseReason::kRefused, "says of the way to the receiver: connection refused"},
      {CloseReason::kTimedOut, "says of the way to the receiver: timed out"},
      {kProxy, "cannot make connections for others (command not supported)"},
      {kProxy, "does not take addresses of this family"},
  };
  char code = 0;
  for (const auto& [reason, trouble] : replies)
    out.push_back({"", Octets("\5\0\5") + ++code, reason, trouble});
  return out;
}

TEST(Socks5, SaysWhatTheProxyRefusesAndWhoseFaultItIs) {
  for (const Refused& c : Refusals()) {
    const Outcome outcome = Talk(kTo, c.user, c.answers);
    EXPECT_EQ(outcome.state, Socks5Client::State::kFailed) << c.trouble;
    EXPECT_EQ(outcome.reason, c.reason) << c.trouble;
    EXPECT_EQ(outcome.trouble, c.trouble);
  }
}

TEST(Socks5, ComesToTheSameForEveryWayOfCuttingTheAnswers) {
  const std::string answers[] = {
      Octets("\5\2\1\0\5\0\0\1\xc6\x33\x64\7\x9c\x40") + "220 mx\r\n",
      Octets("\5\0\5\0\0\3\4host\0\x19") + "220 mx\r\n",
      Octets("\5\0\5\0\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\x19") + "220 mx\r\n",
      Octets("\5\0\5\5\0\1\0\0\0\0\0\0"),
  };
  for (const std::string& text : answers) {
    const Outcome whole = Talk(kTo, "me", text);
    for (size_t a = 0; a <= text.size(); ++a)
      for (size_t b = a; b <= text.size(); ++b)
        EXPECT_EQ(Talk(kTo, "me", text, {a, b}), whole) << a << " " << b;
  }
}

TEST(Socks5, TakesNothingMoreAfterItsEnd) {
  Socks5Client client(kTo, "", "");
  EXPECT_EQ(client.OnBytes(Octets("\5\xff") + "junk"), 2u);
  EXPECT_EQ(client.OnBytes("more"), 0u);
  EXPECT_FALSE(client.waits_for_receiver());
}

TEST(Socks5, KnowsWhenOnlyTheReceiverIsWaitedFor) {
  Socks5Client client(kTo, "", "");
  EXPECT_FALSE(client.waits_for_receiver());
  client.OnBytes(Octets("\5\0"));
  EXPECT_TRUE(client.waits_for_receiver());
}

TEST(ProxyHeader, IsThatOfTheSpecification) {
  EXPECT_EQ(ProxyHeaderV2(*Endpoint::Parse("198.51.100.7:40000"), kTo),
            Octets("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\7\xc0\0\2\1\x9c\x40\0\x19"));
  EXPECT_EQ(ProxyHeaderV2(*Endpoint::Parse("[2001:db8::7]:258"), kToV6),
            Octets("\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"
                   "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
                   "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                   "\1\2\x09\xdd"));
}

}  // namespace
}  // namespace sluice::io
