// Simulated receivers: each kind does what it says, takes note of what it took, and blames a sender
// that breaks the rules. Method: a client that sends one line per reply.

#include "tests/sim/receivers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const IpAddress kHost = *IpAddress::Parse("192.0.2.25");
const IpAddress kSender = *IpAddress::Parse("198.51.100.1");

// Sends its next line when the reply to the last has come; notes the code of each reply.
class Client final : public io::StreamEvents {
 public:
  Client(SimNet& net, std::vector<std::string> lines) : net_(net), lines_(std::move(lines)) {
    stream_ = net.Connect({{kHost, 25}, {}}, this);
  }

  void OnRead(std::string_view bytes) override {
    in_.append(bytes);
    for (size_t end = in_.find("\r\n"); end != std::string::npos; end = in_.find("\r\n")) {
      const std::string line = in_.substr(0, end);
      in_.erase(0, end + 2);
      if (line.size() > 3 && line[3] == '-') continue;
      codes.push_back(line.substr(0, 3));
      replies.push_back(line);
      if (codes.back() == "220" && starting_tls_) {
        starting_tls_ = false;
        stream_->StartTlsClient({net_.MakeTlsClient(), ""});
        return;
      }
      Next();
    }
  }
  void OnTlsReady(const io::TlsInfo&) override { Next(); }
  void OnEof() override { stream_->Close(); }
  void OnClosed(const io::CloseInfo& info) override {
    closed = true;
    reason = info.reason;
  }

  std::vector<std::string> codes, replies;
  bool closed = false;
  io::CloseReason reason{};

 private:
  void Next() {
    if (at_ == lines_.size()) return;
    const std::string& line = lines_[at_++];
    starting_tls_ = line == "STARTTLS\r\n";
    stream_->Write(line);
  }

  SimNet& net_;
  std::vector<std::string> lines_;
  size_t at_ = 0;
  std::string in_;
  bool starting_tls_ = false;
  io::Stream* stream_;
};

std::vector<std::string> OneMessage(const std::string& id, const std::string& to,
                                    const std::string& body = "hello\r\n") {
  return {"EHLO sender.example\r\n",
          "MAIL FROM:<a@sender.example>\r\n",
          "RCPT TO:<" + to + ">\r\n",
          "DATA\r\n",
          "X-Sim-Id: " + id + "\r\n\r\n" + body + ".\r\n",
          "QUIT\r\n"};
}

class ReceiversTest : public testing::Test {
 protected:
  void Use(const Manners& manners) {
    receiver_.reset();
    receiver_ = std::make_unique<Receiver>(fabric_, mailroom_, "mx.example", kHost, manners);
  }
  const Client& Run(std::vector<std::string> lines, Duration bound = 1h) {
    clients_.push_back(std::make_unique<Client>(net_, std::move(lines)));
    const Client& client = *clients_.back();
    world_.RunUntil([&] { return client.closed; }, bound);
    world_.RunFor(5s);
    return client;
  }

  SimWorld world_{1};
  SimFabric fabric_{world_};
  Mailroom mailroom_{world_};
  SimNet net_{fabric_, "sender", {kSender}};
  std::unique_ptr<Receiver> receiver_;
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST_F(ReceiversTest, TakeAMessage) {
  Use(Manners::WellBehaved());
  const Client& client = Run(OneMessage("m1", "x@example", "a\r\n..dot\r\n"));
  EXPECT_THAT(client.codes, ElementsAre("220", "250", "250", "250", "354", "250", "221"));
  ASSERT_EQ(mailroom_.all().size(), 1u);
  const Taken& taken = mailroom_.all()[0];
  EXPECT_EQ(taken.message, "m1");
  EXPECT_EQ(taken.recipient, "x@example");
  EXPECT_EQ(taken.sender, "a@sender.example");
  EXPECT_EQ(taken.octets, std::string("X-Sim-Id: m1\r\n\r\na\r\n.dot\r\n").size());
  EXPECT_TRUE(taken.replied);
  EXPECT_TRUE(taken.confirmed);
  EXPECT_FALSE(taken.tls);
  EXPECT_THAT(mailroom_.violations(), IsEmpty());
  EXPECT_EQ(receiver_->open(), 0u);
  EXPECT_EQ(receiver_->connections(), 1u);
}

TEST_F(ReceiversTest, TakeChunksAndTls) {
  Use(Manners::WellBehaved());
  const Client& client =
      Run({"EHLO s\r\n", "STARTTLS\r\n", "EHLO s\r\n", "MAIL FROM:<> BODY=8BITMIME SIZE=9\r\n",
           "RCPT TO:<x@example>\r\n", "BDAT 14\r\nX-Sim-Id: m2\r\n", "BDAT 5 LAST\r\n\r\n\xc3\r\n",
           "QUIT\r\n"});
  EXPECT_THAT(client.codes,
              ElementsAre("220", "250", "220", "250", "250", "250", "250", "250", "221"));
  ASSERT_EQ(mailroom_.CountOf("m2", "x@example"), 1u);
  EXPECT_TRUE(mailroom_.all()[0].tls);
  EXPECT_THAT(mailroom_.violations(), IsEmpty());
}

TEST_F(ReceiversTest, TakePipelinedCommands) {
  Use(Manners::WellBehaved());
  const Client& client =
      Run({"EHLO s\r\n",
           "MAIL FROM:<a@b>\r\nRCPT TO:<x@example>\r\nRCPT TO:<unknown@example>\r\nDATA\r\n", "",
           "", "", "X-Sim-Id: m3\r\n\r\n.\r\nQUIT\r\n"});
  EXPECT_THAT(client.codes, ElementsAre("220", "250", "250", "250", "550", "354", "250", "221"));
  EXPECT_THAT(mailroom_.violations(), IsEmpty());
  EXPECT_FALSE(mailroom_.all()[0].confirmed) << "QUIT was sent before the reply";
}

TEST_F(ReceiversTest, DeferWhatTheyDoNotKnowYet) {
  Use(Manners::Greylister());
  EXPECT_THAT(Run(OneMessage("m1", "x@example"), 1min).codes[3], "450");
  EXPECT_THAT(Run(OneMessage("m1", "x@example"), 1min).codes[3], "450");
  world_.RunFor(5min);
  EXPECT_THAT(Run(OneMessage("m1", "x@example")).codes[3], "250");
  EXPECT_EQ(mailroom_.pairs(), 1u);
}

TEST_F(ReceiversTest, LimitRecipientsConnectionsAndMessages) {
  Use(Manners::FewRecipients());
  std::vector<std::string> lines = {"EHLO s\r\n", "MAIL FROM:<a@b>\r\n"};
  for (int i = 0; i < 4; ++i) lines.push_back("RCPT TO:<x" + std::to_string(i) + "@example>\r\n");
  lines.push_back("QUIT\r\n");
  EXPECT_THAT(Run(lines).replies[6], HasSubstr("452 4.5.3"));

  Manners manners;
  manners.messages = 1;
  manners.connections = 1;
  Use(manners);
  lines = OneMessage("m1", "x@example");
  lines.pop_back();
  lines.push_back("MAIL FROM:<a@b>\r\n");
  const Client& client = Run(lines);
  EXPECT_EQ(client.codes.back(), "421");
  EXPECT_TRUE(client.closed);
  Run({}, 1s);
  EXPECT_THAT(Run({}).codes, ElementsAre("421"));
  EXPECT_EQ(receiver_->most_open(), 2u);
}

TEST_F(ReceiversTest, BreakAfterTheDot) {
  Manners manners;
  manners.drop_after_dot = 1;
  Use(manners);
  for (int i = 0; i < 40; ++i) {
    const Client& client = Run(OneMessage("m" + std::to_string(i), "x@example"));
    EXPECT_EQ(client.codes.size(), 5u);
    EXPECT_EQ(client.reason, io::CloseReason::kReset);
  }
  EXPECT_GT(mailroom_.all().size(), 5u);
  EXPECT_LT(mailroom_.all().size(), 35u);
  EXPECT_FALSE(mailroom_.all()[0].replied);
}

TEST_F(ReceiversTest, SpeakHeloOnlyWhenOld) {
  Use(Manners::OldServer());
  const Client& client =
      Run({"EHLO s\r\n", "HELO s\r\n", "MAIL FROM:<a@b> SIZE=5\r\n", "QUIT\r\n"});
  EXPECT_THAT(client.codes, ElementsAre("220", "500", "250", "250", "221"));
  EXPECT_THAT(mailroom_.violations(), ElementsAre(HasSubstr("SIZE=5")));
}

TEST_F(ReceiversTest, LosePipelinedCommandsWhenLying) {
  Manners manners;
  manners.loses_pipelined = 1;
  Use(manners);
  LinkModel whole;
  whole.tiny_reads = 0;
  fabric_.SetLink(whole);
  const Client& client =
      Run({"EHLO s\r\n", "MAIL FROM:<a@b>\r\nRCPT TO:<x@example>\r\nDATA\r\n"}, 1min);
  EXPECT_LT(client.codes.size(), 5u);
  EXPECT_FALSE(client.closed);
}

TEST_F(ReceiversTest, TalkGarbageTakeTheirTimeAndHang) {
  Manners manners;
  manners.garbage = 1;
  manners.reply_min = manners.reply_max = 10s;
  Use(manners);
  const Instant start = world_.now();
  const Client& client = Run({"QUIT\r\n"});
  EXPECT_GE(world_.now() - start, 20s);
  for (const std::string& code : client.codes) EXPECT_NE(code, "220");
  manners = {};
  manners.hangs = 1;
  Use(manners);
  EXPECT_THAT(Run({"EHLO s\r\n"}).codes, ElementsAre("220"));
}

TEST_F(ReceiversTest, BlameASenderThatBreaksTheRules) {
  Manners plain;
  plain.pipelining = false;
  plain.eight_bit = false;
  plain.chunking = false;
  Use(plain);
  Run({"EHLO s\r\n", "NOOP\r\nNOOP\r\n", "QUIT\r\n"});
  EXPECT_THAT(mailroom_.violations(), ElementsAre(HasSubstr("did not wait")));
  Run({"MAIL FROM:<a@b>\r\n", "QUIT\r\n"});
  EXPECT_THAT(mailroom_.violations().back(), HasSubstr("no EHLO"));
  Run(OneMessage("m1", "x@example", "bare\nfeed\r\n"));
  EXPECT_THAT(mailroom_.violations().back(), HasSubstr("bare LF"));
  Run(OneMessage("m2", "x@example", "\xc3\xa9\r\n"));
  EXPECT_THAT(mailroom_.violations().back(), HasSubstr("8-bit"));
  Run(OneMessage("m3", "x@example", std::string(999, 'x') + "\r\n"));
  EXPECT_THAT(mailroom_.violations().back(), HasSubstr("998"));
}

TEST_F(ReceiversTest, TellExcusedFromUnexcusedDuplicates) {
  Use(Manners::WellBehaved());
  std::vector<std::string> lines = OneMessage("m1", "x@example");
  lines.pop_back();  // never proves that it read the 250
  Run(lines, 1min);
  Run(OneMessage("m1", "x@example"));
  EXPECT_EQ(mailroom_.CountDuplicates(), 1u);
  EXPECT_THAT(mailroom_.UnexcusedDuplicates(), IsEmpty());
  Run(OneMessage("m1", "x@example"));
  EXPECT_THAT(mailroom_.UnexcusedDuplicates(), ElementsAre("m1 x@example"));
}

}  // namespace
}  // namespace sluice::sim
