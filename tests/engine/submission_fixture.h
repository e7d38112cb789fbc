// tests/engine/submission_fixture.h — a submission listener with everything around it faked: time,
// intake, logins, streams.

#ifndef SLUICE_TESTS_ENGINE_SUBMISSION_FIXTURE_H_
#define SLUICE_TESTS_ENGINE_SUBMISSION_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "engine/base/body.h"
#include "engine/base/random.h"
#include "engine/base/timer_queue.h"
#include "engine/base/workers.h"
#include "engine/shard/context.h"
#include "engine/submission/submission_listener.h"
#include "queue/body_file.h"
#include "tests/engine/fake_stream.h"

namespace sluice::engine {

class FakeClock final : public Clock {
 public:
  Instant Now() const override { return now; }
  WallTime Wall() const override {
    return WallFromMicros(1'795'250'000'000'000) + (now - Instant{});
  }
  Instant now = Instant{} + std::chrono::hours(1);
};

class FakeIntake final : public Intake {
 public:
  MessageId NewId() override { return ++last_id; }
  Result<Ref<queue::BodyFile>> CreateBodyFile(MessageId id) override {
    if (!disk) return Fail(ErrorCode::kIo, "no disk");
    return disk->Create(id);
  }
  Status Ready() const override { return ready; }
  smtp::Answer Admit(std::string_view from_domain) override {
    from_domains.emplace_back(from_domain);
    return admission;
  }
  void Submit(Accepted&& message, std::function<void(Status)> done) override {
    accepted.push_back(std::move(message));
    waiting.push_back(std::move(done));
  }
  void Alert(std::string reason, std::string text) override {
    alerts.push_back(std::move(reason) + ": " + std::move(text));
  }
  // All that wait are durable, or failed.
  void Commit(const Status& status = {}) {
    for (auto& done : std::exchange(waiting, {})) done(status);
  }

  std::unique_ptr<queue::BodyFiles> disk;  // for large messages
  Status ready;
  smtp::Answer admission;
  std::vector<std::string> from_domains;
  std::vector<Accepted> accepted;
  std::vector<std::string> alerts;
  std::vector<std::function<void(Status)>> waiting;
  MessageId last_id = 0;
};

class FakeAuthenticator final : public Authenticator {
 public:
  void Check(AuthQuestion question, std::move_only_function<void(AuthOutcome)> done) override {
    questions.push_back(std::move(question));
    waiting.push_back(std::move(done));
  }
  void StartScram(AuthQuestion question, std::move_only_function<void(ScramStart)> done) override {
    questions.push_back(std::move(question));
    starts.push_back(std::move(done));
  }
  void EndScram(AuthQuestion question, bool proven,
                std::move_only_function<void(AuthOutcome)> done) override {
    ended.push_back(proven);
    Check(std::move(question), std::move(done));
  }
  void AnswerStart(const ScramStart& start) {
    for (auto& done : std::exchange(starts, {})) done(start);
  }
  void Answer(AuthOutcome outcome) {
    for (auto& done : std::exchange(waiting, {})) done(outcome);
  }

  std::vector<AuthQuestion> questions;
  std::vector<bool> ended;  // of SCRAM: was it proven?
  std::vector<std::move_only_function<void(ScramStart)>> starts;
  std::vector<std::move_only_function<void(AuthOutcome)>> waiting;
};

// Runs a job when told to.
class StepWorkers final : public Workers {
 public:
  void Run(std::move_only_function<void()> job, std::move_only_function<void()> done) override {
    jobs.push_back({std::move(job), std::move(done)});
  }
  bool Step() {
    if (jobs.empty()) return false;
    auto [job, done] = std::move(jobs.front());
    jobs.pop_front();
    job();
    done();
    return true;
  }
  std::deque<std::pair<std::move_only_function<void()>, std::move_only_function<void()>>> jobs;
};

class NoNet final : public io::Net {
 public:
  io::Stream* Connect(const io::ConnectParams&, io::StreamEvents*) override { return nullptr; }
  Result<std::unique_ptr<io::Listener>> Listen(const Endpoint&, AcceptFn) override {
    return Fail(ErrorCode::kIo, "no net");
  }
  Result<std::shared_ptr<io::TlsServerContext>> MakeTlsServer(const std::string&,
                                                              const std::string&) override {
    return Fail(ErrorCode::kIo, "no net");
  }
  std::shared_ptr<io::TlsClientContext> MakeTlsClient() override { return nullptr; }
};

// A client of the listener: a stream, and the events its loop would call.
struct Client {
  std::unique_ptr<FakeStream> stream;
  io::StreamEvents* events = nullptr;

  std::string Say(std::string_view bytes) {
    events->OnRead(bytes);
    return stream->Take();
  }
  void Leave() {
    events->OnClosed({io::CloseReason::kPeerClosed, ""});
    events = nullptr;
  }
};

class SubmissionTest : public testing::Test {
 protected:
  explicit SubmissionTest(config::TlsMode tls = config::TlsMode::kStartTls) {
    config.hostname = "mta.test";
    settings.tls = tls;
    settings.trusted = {*IpNetwork::Parse("192.0.2.0/24")};
    config::User user;
    user.name = "crm";
    user.tenant = "acme";
    config.users = {user};
    context.config = std::make_shared<config::Config>(config);
  }
  ~SubmissionTest() override {
    for (Client& client : clients)
      if (client.events) client.Leave();
  }

  // After changes to `config` and `settings`.
  void Start() {
    context.config = std::make_shared<config::Config>(config);
    listener.emplace(SubmissionParts{context, intake, authenticator, gate, spools}, settings,
                     settings.tls == config::TlsMode::kNone ? nullptr : Tls());
  }
  // Opaque to the listener: never looked into.
  static std::shared_ptr<io::TlsServerContext> Tls() {
    static int anything = 0;
    return {reinterpret_cast<io::TlsServerContext*>(&anything), [](io::TlsServerContext*) {}};
  }
  Client& Connect(std::string_view peer = "192.0.2.7:40000") {
    if (!listener) Start();
    Client& client = clients.emplace_back();
    client.stream = std::make_unique<FakeStream>(peer);
    client.events = listener->Accept(client.stream.get());
    return client;
  }
  // Through greeting, STARTTLS and EHLO.
  Client& ConnectTls(std::string_view peer = "198.51.100.7:40000") {
    Client& client = Connect(peer);
    client.Say("STARTTLS\r\n");
    EXPECT_TRUE(client.stream->tls_started);
    client.events->OnTlsReady({"TLSv1.3", "TLS_AES_256_GCM_SHA384", false});
    client.Say("EHLO client.test\r\n");
    return client;
  }
  void Advance(Duration by) {
    clock.now += by;
    timers.Run(clock.now);
  }
  // In steps, as a loop would go.
  void Pass(Duration by, Duration step) {
    for (Duration gone{}; gone < by; gone += step) Advance(step);
  }

  config::Config config;
  config::Listener settings;
  FakeClock clock;
  TimerQueue timers;
  NoNet net;
  Random random{1};
  BodyBudget bodies{size_t(1) << 20};
  ShardContext context{0, clock, timers, net, random, bodies, nullptr};
  FakeIntake intake;
  FakeAuthenticator authenticator;
  ConnectionGate gate{42};
  StepWorkers disk_worker;
  SpoolRoom spools{intake, disk_worker};
  std::optional<SubmissionListener> listener;
  std::deque<Client> clients;
};

inline constexpr char kEnvelope[] = "EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n";

}  // namespace sluice::engine

#endif  // SLUICE_TESTS_ENGINE_SUBMISSION_FIXTURE_H_
