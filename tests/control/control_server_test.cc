// Goal: a request line gets its one response line, in order, whatever the peer does. Method: server
// and clients on one real loop, over a real unix socket.

#include "engine/control/control_server.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/uv_loop.h"

namespace sluice::engine {
namespace {

namespace fs = std::filesystem;

// Sends what it is given once connected, gathers what comes until the end.
class Client final : public io::StreamEvents {
 public:
  Client(io::UvNet& net, const std::string& path, std::string request)
      : request_(std::move(request)), stream_(net.ConnectUnix(path, this)) {}

  void OnConnected() override { Send(); }
  void OnWritable() override { Send(); }
  void OnRead(std::string_view bytes) override {
    received.append(bytes);
    if (on_read) on_read();
  }
  void OnEof() override { stream_->Close(); }
  void OnClosed(const io::CloseInfo&) override {
    closed = true;
    stream_ = nullptr;
    if (on_closed) on_closed();
  }
  void Close() { stream_->Close(); }

  std::string received;
  bool closed = false;
  std::function<void()> on_read;
  std::function<void()> on_closed;

 private:
  void Send() { request_.erase(0, stream_->Write(request_)); }

  std::string request_;
  io::Stream* stream_;
};

// Runs a job when told to.
class StepWorker final : public Workers {
 public:
  void Run(std::move_only_function<void()> job, std::move_only_function<void()> done) override {
    jobs.push_back({std::move(job), std::move(done)});
    if (on_job) on_job();
  }
  void Step() {
    auto [job, done] = std::move(jobs.front());
    jobs.pop_front();
    job();
    done();
  }

  std::deque<std::pair<std::move_only_function<void()>, std::move_only_function<void()>>> jobs;
  std::function<void()> on_job;
};

class ControlServerTest : public testing::Test {
 protected:
  ControlServerTest() : deadline_(loop_.timers(), [this] { loop_.Stop(); }) {
    std::string name = (fs::temp_directory_path() / "sluice-control-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = (folder_ / "control.sock").string();
    auto server = ControlServer::Open(loop_.net(), loop_.timers(), loop_.clock(), worker_,
                                      SocketRules{.path = path_});
    EXPECT_TRUE(server) << server.error().what;
    if (server) server_ = std::move(*server);
    deadline_.Set(loop_.clock().Now() + std::chrono::seconds(20));
  }
  ~ControlServerTest() override { fs::remove_all(folder_); }

  // One connection that sends `request` and reads `lines` lines or the end; what it received.
  std::string Ask(std::string request, size_t lines) {
    Client client(loop_.net(), path_, std::move(request));
    client.on_closed = [this] { loop_.Stop(); };
    client.on_read = [&] {
      if (size_t(std::ranges::count(client.received, '\n')) == lines) client.Close();
    };
    loop_.Run();
    EXPECT_TRUE(client.closed);
    return client.received;
  }

  fs::path folder_;
  std::string path_;
  io::UvLoop loop_;
  StepWorker worker_;
  std::unique_ptr<ControlServer> server_;
  Timer deadline_;
};

TEST_F(ControlServerTest, AnswersALineWithALine) {
  server_->On("echo", [](const ControlRequest& request, const ControlDone& done) {
    EXPECT_EQ(request.command, "echo");
    EXPECT_EQ(request.uid, std::optional<uid_t>(getuid()));
    done(Dump(*request.json));
  });
  EXPECT_EQ(Ask("{\"command\":\"echo\",\"n\":1}\n", 1), "{\"command\":\"echo\",\"n\":1}\n");
}

TEST_F(ControlServerTest, IsForItsOwnerAlone) {
  struct stat info{};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ControlServerTest, MakesTheFolderOfItsSocket) {
  const std::string path = (folder_ / "run" / "sluice" / "control.sock").string();
  EXPECT_TRUE(ControlServer::Open(loop_.net(), loop_.timers(), loop_.clock(), worker_,
                                  SocketRules{.path = path}));
  const auto none = ControlServer::Open(loop_.net(), loop_.timers(), loop_.clock(), worker_,
                                        SocketRules{.path = "/proc/sluice/control.sock"});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().what.find("cannot make the folder of the socket /proc/sluice"),
            std::string::npos)
      << none.error().what;
}

TEST_F(ControlServerTest, AnswersInOrderThoughTheFirstTakesLonger) {
  ControlDone slow;
  Timer timer(loop_.timers(), [&] { slow("\"slow\""); });
  server_->On("slow", [&](const ControlRequest&, ControlDone done) {
    slow = std::move(done);
    timer.Set(loop_.clock().Now() + std::chrono::milliseconds(5));
  });
  server_->On("fast", [](const ControlRequest&, const ControlDone& done) { done("\"fast\""); });
  EXPECT_EQ(Ask("{\"command\":\"slow\"}\n{\"command\":\"fast\"}\n", 2), "\"slow\"\n\"fast\"\n");
}

TEST_F(ControlServerTest, AnswersManyRequestsSentAtOnce) {
  server_->On("x", [](const ControlRequest&, const ControlDone& done) { done("{}"); });
  std::string requests;
  for (int i = 0; i < 20'000; ++i) requests += "{\"command\":\"x\"}\n";
  EXPECT_EQ(Ask(requests, 20'000).size(), 60'000u);
}

TEST_F(ControlServerTest, TellsWhatIsWrongWithARequest) {
  EXPECT_EQ(Ask("nonsense\n[1]\n{\"command\":7}\n{\"command\":\"who\"}\n", 4),
            "{\"error\":\"a request is an object with a \\\"command\\\"\",\"ok\":false}\n"
            "{\"error\":\"a request is an object with a \\\"command\\\"\",\"ok\":false}\n"
            "{\"error\":\"a request is an object with a \\\"command\\\"\",\"ok\":false}\n"
            "{\"error\":\"unknown command \\\"who\\\"\",\"ok\":false}\n");
}

TEST_F(ControlServerTest, HandsOverTextOnlyWhereThereIsText) {
  server_->On("x", [](const ControlRequest& request, const ControlDone& done) {
    done("[" + RequestText(request, "a") + "]");
  });
  EXPECT_EQ(
      Ask("{\"command\":\"x\",\"a\":\"b\"}\n{\"command\":\"x\",\"a\":5}\n{\"command\":\"x\"}\n", 3),
      "[b]\n[]\n[]\n");
}

TEST_F(ControlServerTest, AnswersHostileOctetsInJson) {
  const std::string answer =
      Ask("{\"command\":\"a\\u0000\\n\xff\"}\n{\"command\":\"\\ud800\"}\n", 2);
  EXPECT_EQ(std::ranges::count(answer, '\n'), 2);
}

// The largest holds a message of 50 MB: parsing it would stop the loop for all others.
TEST_F(ControlServerTest, LeavesALargeRequestToTheWorkerAndAnswersOthersMeanwhile) {
  size_t handled = 0;
  server_->On("x", [&](const ControlRequest& request, const ControlDone& done) {
    ++handled;
    done("[" + std::to_string(RequestText(request, "a").size()) + "]");
  });
  const std::string large = "{\"command\":\"x\",\"a\":\"" + std::string(100'000, 'y') + "\"}\n";
  Client client(loop_.net(), path_, large + "{\"command\":\"x\"}\n");
  worker_.on_job = [this] { loop_.Stop(); };
  loop_.Run();
  ASSERT_EQ(worker_.jobs.size(), 1u);
  EXPECT_EQ(handled, 0u);
  EXPECT_EQ(Ask("{\"command\":\"x\"}\n", 1), "[0]\n");
  worker_.Step();
  client.on_closed = [this] { loop_.Stop(); };
  client.on_read = [&] {
    if (std::ranges::count(client.received, '\n') == 2) client.Close();
  };
  loop_.Run();
  EXPECT_EQ(client.received, "[100000]\n[0]\n");
  EXPECT_EQ(handled, 3u);
}

TEST_F(ControlServerTest, TakesAnAnswerForAPeerThatHasGone) {
  ControlDone kept;
  server_->On("later", [&](const ControlRequest&, ControlDone done) {
    kept = std::move(done);
    loop_.Stop();
  });
  {
    Client client(loop_.net(), path_, "{\"command\":\"later\"}\n");
    loop_.Run();
    client.on_closed = [this] { loop_.Stop(); };
    client.Close();
    loop_.Run();
    EXPECT_TRUE(client.closed);
  }
  server_->On("x", [](const ControlRequest&, const ControlDone& done) { done("{}"); });
  EXPECT_EQ(Ask("{\"command\":\"x\"}\n", 1), "{}\n");
  kept("too late");
}

// A server for everybody: two at once, three connections of one user.
class OpenServerTest : public ControlServerTest {
 protected:
  OpenServerTest() {
    path_ = (folder_ / "open.sock").string();
    SocketRules rules = SocketRules::ForEverybody(path_, 1'000);
    rules.connections_per_uid = 3;
    auto server = ControlServer::Open(loop_.net(), loop_.timers(), loop_.clock(), worker_, rules);
    EXPECT_TRUE(server) << server.error().what;
    if (server) server_ = std::move(*server);
    server_->On("keep", [this](const ControlRequest&, ControlDone done) {
      kept_.push_back(std::move(done));
      if (kept_.size() >= stop_at_) loop_.Stop();
    });
  }
  std::unique_ptr<Client> Keep(std::string request = "{\"command\":\"keep\"}\n") {
    return std::make_unique<Client>(loop_.net(), path_, std::move(request));
  }
  void RunUntilKept(size_t count) {
    stop_at_ = count;
    loop_.Run();
    EXPECT_EQ(kept_.size(), count);
  }
  void RunUntilClosed(Client& client) {
    client.on_closed = [this] { loop_.Stop(); };
    loop_.Run();
    EXPECT_TRUE(client.closed);
  }

  std::vector<ControlDone> kept_;
  size_t stop_at_ = SIZE_MAX;
};

TEST_F(OpenServerTest, IsForEverybody) {
  struct stat info{};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666u);
}

TEST_F(OpenServerTest, EndsAfterOneAnswer) {
  const auto client = Keep("{\"command\":\"keep\"}\n{\"command\":\"keep\"}\n");
  RunUntilKept(1);
  kept_[0]("{}");
  RunUntilClosed(*client);
  EXPECT_EQ(client->received, "{}\n");
  EXPECT_EQ(kept_.size(), 1u);
}

TEST_F(OpenServerTest, LetsTheThirdOfAUserWaitForATurn) {
  const auto first = Keep();
  const auto second = Keep();
  RunUntilKept(2);
  const auto third = Keep();
  Timer look(loop_.timers(), [this] { loop_.Stop(); });
  look.Set(loop_.clock().Now() + std::chrono::milliseconds(50));
  loop_.Run();
  EXPECT_EQ(kept_.size(), 2u);
  kept_[0]("{}");
  RunUntilKept(3);
  kept_[1]("{}");
  kept_[2]("{\"n\":3}");
  RunUntilClosed(*third);
  EXPECT_EQ(third->received, "{\"n\":3}\n");
}

TEST_F(OpenServerTest, GivesTheTurnOfOneThatLeftToTheNext) {
  auto first = Keep("{\"command\":");  // never whole
  const auto second = Keep();
  RunUntilKept(1);
  const auto third = Keep();
  first->Close();
  RunUntilKept(2);
}

TEST_F(OpenServerTest, TellsTheFourthOfAUserToComeAgain) {
  const auto first = Keep();
  const auto second = Keep();
  RunUntilKept(2);
  const auto third = Keep();
  const auto fourth = Keep();
  RunUntilClosed(*fourth);
  EXPECT_NE(fourth->received.find("\"code\":452"), std::string::npos) << fourth->received;
  EXPECT_EQ(kept_.size(), 2u);
}

TEST_F(OpenServerTest, RefusesARequestThatNoMessageNeeds) {
  const auto client = Keep(std::string(size_t(5) << 20, 'x'));
  RunUntilClosed(*client);
  EXPECT_NE(client->received.find("too long"), std::string::npos) << client->received;
}

TEST_F(ControlServerTest, RefusesToListenWhereSomebodyAnswers) {
  const auto second = ControlServer::Open(loop_.net(), loop_.timers(), loop_.clock(), worker_,
                                          SocketRules{.path = path_});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().what.find(path_), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
