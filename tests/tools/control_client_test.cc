// tests/tools/control_client_test.cc — the client of the control socket against servers of all
// tempers.
//
// METHOD  A thread that accepts one connection on a socket of its own and does with it what the
//         test says.

#include "tools/commands/control_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include "engine/base/check.h"
#include "tools/commands/engine_call.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

class ControlClient : public ::testing::Test {
 protected:
  ControlClient() {
    std::string name = std::filesystem::temp_directory_path().string() + "/sluice-cli-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    path_ = folder_ + "/control.sock";
  }
  ~ControlClient() override {
    if (server_.joinable()) server_.join();
    if (listener_ >= 0) close(listener_);
    std::filesystem::remove_all(folder_);
  }

  // Hands the connection's descriptor to `serve`, then closes it.
  void Serve(std::function<void(int)> serve) {
    Listen();
    server_ = std::thread([this, serve = std::move(serve)] {
      const int fd = accept(listener_, nullptr, nullptr);
      CHECK(fd >= 0);
      serve(fd);
      close(fd);
    });
  }
  void Listen() {
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    CHECK(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(listen(listener_, 4) == 0);
  }

  static std::string ReadLine(int fd) {
    std::string line;
    for (char c = 0; read(fd, &c, 1) == 1 && c != '\n';) line += c;
    return line;
  }
  static void Say(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(size_t(n));
    }
  }

  std::string folder_;
  std::string path_;
  int listener_ = -1;
  std::thread server_;
};

TEST_F(ControlClient, SendsALineAndReadsALine) {
  std::string heard;
  Serve([&](int fd) {
    heard = ReadLine(fd);
    Say(fd, "{\"ok\":true}\nmore that nobody asked for\n");
  });
  const auto answer = AskEngine(path_, R"({"command":"status"})", 10s);
  ASSERT_TRUE(answer.has_value()) << answer.error().what;
  EXPECT_EQ(*answer, "{\"ok\":true}");
  server_.join();
  EXPECT_EQ(heard, R"({"command":"status"})");
}

TEST_F(ControlClient, PutsAnAnswerInPiecesTogether) {
  Serve([](int fd) {
    ReadLine(fd);
    for (const char c : std::string("{\"ok\":true}\n")) Say(fd, {&c, 1});
  });
  EXPECT_EQ(*AskEngine(path_, "{}", 10s), "{\"ok\":true}");
}

TEST_F(ControlClient, CarriesLargeRequestsAndAnswers) {
  const std::string large(size_t(1) << 20, 'x');
  Serve([&](int fd) { Say(fd, ReadLine(fd) + "\n"); });
  EXPECT_EQ(AskEngine(path_, large, 30s).value_or(""), large);
}

TEST_F(ControlClient, ReadsTheReasonOfAServerThatHangsUpInTheMiddleOfARequest) {
  Serve([](int fd) { Say(fd, "{\"ok\":false,\"error\":\"too long\"}\n"); });
  const auto answer = AskEngine(path_, std::string(size_t(8) << 20, 'x'), 10s);
  // Whether the answer outlives the reset is the kernel's choice; an error must be a clear one.
  if (answer)
    EXPECT_THAT(*answer, HasSubstr("too long"));
  else
    EXPECT_EQ(answer.error().code, ErrorCode::kClosed);
}

TEST_F(ControlClient, TellsSilenceFromAHangup) {
  std::promise<void> done;
  Serve([&](int fd) {
    ReadLine(fd);
    done.get_future().wait();
  });
  const auto silent = AskEngine(path_, "{}", 50ms);
  done.set_value();
  EXPECT_EQ(silent.error().code, ErrorCode::kTimeout);
  EXPECT_THAT(silent.error().what, HasSubstr("control.sock"));
  server_.join();
  close(listener_);
  std::filesystem::remove(path_);
  Serve([](int fd) {
    ReadLine(fd);
    Say(fd, "{\"ok\":tr");
  });
  EXPECT_EQ(AskEngine(path_, "{}", 10s).error().code, ErrorCode::kClosed);
}

TEST_F(ControlClient, SaysThatNobodyListens) {
  const auto missing = AskEngine(path_, "{}", 1s);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().what, HasSubstr("is sluice running"));
  Listen();
  close(listener_);
  listener_ = -1;
  const auto left_over = AskEngine(path_, "{}", 1s);
  EXPECT_EQ(left_over.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(left_over.error().what, HasSubstr(path_));
  EXPECT_EQ(AskEngine(std::string(200, 'x'), "{}", 1s).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(AskEngine("", "{}", 1s).error().code, ErrorCode::kInvalid);
}

TEST_F(ControlClient, SaysWhoMayUseTheSocket) {
  if (geteuid() == 0) GTEST_SKIP() << "root may use every socket";
  Listen();
  CHECK(chmod(path_.c_str(), 0) == 0);
  EXPECT_THAT(AskEngine(path_, "{}", 1s).error().what, HasSubstr("Permission denied"));
}

TEST_F(ControlClient, FindsTheSocketInAConfigurationWhoseKeysItCannotRead) {
  const std::string config = folder_ + "/sluice.toml";
  std::ofstream(config) << "hostname = \"mta.test\"\n[queue]\npath = \"q\"\n[control]\n"
                           "socket = \"control.sock\"\n[events]\nlog = \"e\"\n[[listener]]\n"
                           "bind = [\"127.0.0.1:587\"]\ntls = \"starttls\"\ncert = \"gone.pem\"\n"
                           "key = \"gone.pem\"\n";
  const auto facts = FindEngine({config, ""});
  ASSERT_TRUE(facts.has_value()) << facts.error().what;
  EXPECT_EQ(facts->socket, path_);
  EXPECT_EQ(facts->hostname, "mta.test");
  EXPECT_EQ(FindEngine({config, "other.sock"})->socket, "other.sock");
  EXPECT_EQ(FindEngine({folder_ + "/gone.toml", ""}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(FindEngine({folder_ + "/gone.toml", "x.sock"})->socket, "x.sock");
  std::ofstream(config) << "hostname = 5\n";
  EXPECT_THAT(FindEngine({config, ""}).error().what, HasSubstr("sluice.toml:1"));
}

}  // namespace
}  // namespace sluice::tools
