// c-ares against real sockets: dnsmasq on loopback, ports where nobody answers, a server that lies.

#include "dns/cares_transport.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dns/message.h"
#include "dns/route.h"
#include "engine/base/random.h"
#include "tests/dns/dnsmasq.h"
#include "tests/dns/poll_loop.h"

namespace sluice::dns {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// A UDP port of ours: silent, or answering as told.
class OwnServer {
 public:
  OwnServer() {
    fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(at);
    CHECK(bind(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0);
    CHECK(getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    at_ = {IpAddress::V4(INADDR_LOOPBACK), ntohs(at.sin_port)};
  }
  ~OwnServer() { close(fd_); }
  OwnServer(const OwnServer&) = delete;
  OwnServer& operator=(const OwnServer&) = delete;

  Endpoint at() const { return at_; }
  int fd() const { return fd_; }
  // One question, answered by what `answer` makes of it.
  template <typename F>
  void Serve(F&& answer) {
    std::array<char, 2048> buffer;
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    const ssize_t n =
        recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (n <= 0) return;
    const std::string out = answer(std::string(buffer.data(), size_t(n)));
    sendto(fd_, out.data(), out.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
  }

 private:
  int fd_ = -1;
  Endpoint at_;
};

class CaresTransportTest : public testing::Test {
 protected:
  void Use(std::vector<Endpoint> servers, Duration timeout = 10s) {
    auto made = MakeCaresTransport({std::move(servers), timeout}, loop_, loop_.timers(), loop_);
    ASSERT_TRUE(made.has_value()) << made.error().what;
    transport_ = std::move(*made);
  }
  // False: dnsmasq is missing and the test is skipped.
  bool UseDnsmasq(std::vector<std::string> zone) {
    const Status started = dnsmasq_.Start(zone);
    if (!started && started.error().code == ErrorCode::kNotFound) return false;
    EXPECT_TRUE(started.has_value());
    Use({dnsmasq_.at()});
    return true;
  }
  RawAnswer Ask(const std::string& name, RecordType type) {
    std::optional<RawAnswer> out;
    transport_->Ask({name, type}, [&](RawAnswer answer) { out = std::move(answer); });
    EXPECT_FALSE(out.has_value()) << "answered inside the call";
    EXPECT_TRUE(loop_.RunUntil([&] { return out.has_value(); }, 20s));
    return out.value_or(RawAnswer{});
  }
  Message AskMessage(const std::string& name, RecordType type) {
    const RawAnswer answer = Ask(name, type);
    EXPECT_EQ(answer.error, "");
    const auto message = ParseMessage(answer.wire);
    EXPECT_TRUE(message.has_value());
    return message.value_or(Message{});
  }

  PollLoop loop_;
  Dnsmasq dnsmasq_;
  std::unique_ptr<CaresTransport> transport_;
};

TEST_F(CaresTransportTest, BringsRealAnswers) {
  if (!UseDnsmasq({"--mx-host=example,mx1.example,10", "--mx-host=example,mx2.example,20",
                   "--host-record=mx1.example,192.0.2.1,2001:db8::1",
                   "--dns-rr=null.example,15,000000", "--cname=alias.example,mx1.example",
                   "--local-ttl=77"}))
    GTEST_SKIP();
  const Message mx = AskMessage("example", RecordType::kMx);
  EXPECT_EQ(mx.rcode, Rcode::kNoError);
  std::set<std::string> hosts;
  for (const Record& record : mx.answers) hosts.insert(record.data);
  EXPECT_THAT(hosts, ElementsAre("mx1.example", "mx2.example"));
  EXPECT_EQ(mx.answers[0].ttl, 77u);

  const Message a = AskMessage("mx1.example", RecordType::kA);
  ASSERT_EQ(a.answers.size(), 1u);
  EXPECT_EQ(a.answers[0].address.ToString(), "192.0.2.1");
  const Message aaaa = AskMessage("mx1.example", RecordType::kAaaa);
  ASSERT_EQ(aaaa.answers.size(), 1u);
  EXPECT_EQ(aaaa.answers[0].address.ToString(), "2001:db8::1");
  const Message null_mx = AskMessage("null.example", RecordType::kMx);
  ASSERT_EQ(null_mx.answers.size(), 1u);
  EXPECT_EQ(null_mx.answers[0].data, "");
  EXPECT_EQ(AskMessage("gone.example", RecordType::kMx).rcode, Rcode::kNxDomain);
  const Chain chain =
      FollowChain(AskMessage("alias.example", RecordType::kA), {"alias.example", RecordType::kA});
  EXPECT_EQ(chain.canonical, "mx1.example");
  EXPECT_EQ(chain.records.size(), 1u);
}

TEST_F(CaresTransportTest, FetchesATruncatedAnswerOverTcp) {
  std::vector<std::string> zone;
  for (int i = 0; i < 100; ++i)
    zone.push_back("--mx-host=big.example,a-rather-long-host-name-" + std::to_string(i) +
                   ".example," + std::to_string(i));
  if (!UseDnsmasq(zone)) GTEST_SKIP();
  const RawAnswer answer = Ask("big.example", RecordType::kMx);
  EXPECT_GT(answer.wire.size(), size_t(kEdnsOctets));
  const auto message = ParseMessage(answer.wire);
  ASSERT_TRUE(message.has_value());
  EXPECT_FALSE(message->truncated);
  EXPECT_EQ(message->answers.size(), 100u);
}

TEST_F(CaresTransportTest, TakesAnswersOver512OctetsByUdp) {
  std::vector<std::string> zone;
  for (int i = 0; i < 30; ++i)
    zone.push_back("--mx-host=mid.example,host-" + std::to_string(i) + ".example," +
                   std::to_string(i));
  if (!UseDnsmasq(zone)) GTEST_SKIP();
  const RawAnswer answer = Ask("mid.example", RecordType::kMx);
  EXPECT_GT(answer.wire.size(), 512u);
  EXPECT_LT(answer.wire.size(), size_t(kEdnsOctets));
  EXPECT_EQ(ParseMessage(answer.wire)->answers.size(), 30u);
}

TEST_F(CaresTransportTest, RoutesMailByARealServer) {
  if (!UseDnsmasq({"--mx-host=example,mx1.example,10", "--mx-host=example,mx2.example,10",
                   "--host-record=mx1.example,8.8.8.1", "--host-record=mx2.example,8.8.8.2",
                   "--dns-rr=null.example,15,000000", "--host-record=plain.example,8.8.8.3",
                   "--host-record=inside.example,127.0.0.1"}))
    GTEST_SKIP();
  Random random(1);
  const auto router = MakeMxRouter({}, *transport_, loop_, random);
  const auto find = [&](const std::string& domain) {
    std::optional<MxRoute> out;
    router->Find(domain, [&](const MxRoute& route) { out = route; });
    EXPECT_TRUE(loop_.RunUntil([&] { return out.has_value(); }, 20s));
    return out.value_or(MxRoute{});
  };
  const MxRoute route = find("example");
  EXPECT_EQ(route.fault, RouteFault::kNone) << route.detail;
  EXPECT_EQ(route.hosts.size(), 2u);
  EXPECT_EQ(route.site, "mx1.example+mx2.example");
  EXPECT_EQ(find("null.example").fault, RouteFault::kNullMx);
  EXPECT_EQ(find("plain.example").fault, RouteFault::kNone);
  EXPECT_EQ(find("inside.example").fault, RouteFault::kForbidden);
  EXPECT_EQ(find("gone.example").fault, RouteFault::kNoSuchDomain);
}

TEST_F(CaresTransportTest, GivesUpOnASilentServerInTime) {
  OwnServer silent;
  Use({silent.at()}, 300ms);
  const RawAnswer answer = Ask("example.com", RecordType::kMx);
  EXPECT_EQ(answer.wire, "");
  EXPECT_NE(answer.error, "");
  EXPECT_EQ(loop_.watched(), 0u) << "sockets of a finished question stay open";
}

TEST_F(CaresTransportTest, GoesOnToTheNextServer) {
  if (!UseDnsmasq({"--host-record=a.example,192.0.2.1"})) GTEST_SKIP();
  OwnServer silent;
  Use({silent.at(), dnsmasq_.at()}, 2s);
  EXPECT_EQ(AskMessage("a.example", RecordType::kA).answers.size(), 1u);
}

TEST_F(CaresTransportTest, NamesARefusedPort) {
  Use({{IpAddress::V4(INADDR_LOOPBACK), FreePort()}});
  const RawAnswer answer = Ask("example.com", RecordType::kMx);
  EXPECT_EQ(answer.wire, "");
  EXPECT_EQ(answer.error, "Could not contact DNS servers");
}

TEST_F(CaresTransportTest, RefusesWhatIsNoNameLater) {
  OwnServer silent;
  Use({silent.at()});
  EXPECT_NE(Ask("a..b", RecordType::kA).error, "");
}

TEST_F(CaresTransportTest, DoesNotTakeAnswersWithAnotherIdOrQuestion) {
  OwnServer liar;
  Use({liar.at()}, 400ms);
  loop_.Watch(liar.fd(), true, false, [&](bool, bool) {
    liar.Serve([](std::string query) {
      query[2] = char(0x81);
      query[1] = char(query[1] ^ 1);
      return query;
    });
  });
  EXPECT_EQ(Ask("example.com", RecordType::kMx).wire, "");
  loop_.Watch(liar.fd(), true, false, [&](bool, bool) {
    liar.Serve([](std::string query) {
      query[2] = char(0x81);
      query[13] = 'X';
      query[14] = 'y';
      return query;
    });
  });
  EXPECT_EQ(Ask("example.com", RecordType::kMx).wire, "");
  loop_.Unwatch(liar.fd());
}

TEST_F(CaresTransportTest, AsksAgainWithoutEdnsWhenAServerDoesNotKnowIt) {
  OwnServer old;
  Use({old.at()}, 2s);
  loop_.Watch(old.fd(), true, false, [&](bool, bool) {
    old.Serve([](std::string query) {
      const bool has_edns = query[11] != 0;
      query[2] = char(0x81);
      query[3] = char(has_edns ? 0x81 : 0x83);  // FORMERR, then NXDOMAIN
      if (has_edns) {
        query[11] = 0;
        query.resize(query.size() - 11);
      }
      return query;
    });
  });
  EXPECT_EQ(AskMessage("example.com", RecordType::kMx).rcode, Rcode::kNxDomain);
  loop_.Unwatch(old.fd());
}

TEST_F(CaresTransportTest, AsksHundredsAtOnceAndBoundsTheRest) {
  if (!UseDnsmasq({"--host-record=a.example,192.0.2.1"})) GTEST_SKIP();
  size_t good = 0;
  size_t bad = 0;
  const size_t asked = kOutstandingMax + kWaitingMax + 50;
  for (size_t i = 0; i < asked; ++i) {
    transport_->Ask({"a.example", RecordType::kA},
                    [&](const RawAnswer& answer) { ++(answer.wire.empty() ? bad : good); });
  }
  EXPECT_TRUE(loop_.RunUntil([&] { return good + bad == asked; }, 30s));
  EXPECT_EQ(transport_->stats().refused, 50u);
  EXPECT_GT(good, kOutstandingMax);
}

TEST_F(CaresTransportTest, DiesQuietlyWithQuestionsOutstanding) {
  OwnServer silent;
  Use({silent.at()});
  bool answered = false;
  for (int i = 0; i < 400; ++i)
    transport_->Ask({"example.com", RecordType::kMx}, [&](const RawAnswer&) { answered = true; });
  loop_.RunUntil([] { return false; }, 20ms);
  transport_.reset();
  loop_.RunUntil([] { return false; }, 20ms);
  EXPECT_FALSE(answered);
  EXPECT_EQ(loop_.watched(), 0u);
}

TEST_F(CaresTransportTest, ReadsTheSystemsServersWhenNoneAreGiven) { Use({}); }

}  // namespace
}  // namespace sluice::dns
