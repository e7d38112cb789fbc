#include "engine/runtime/engine.h"

#include <signal.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "config/parser.h"
#include "config/restart.h"
#include "engine/base/check.h"
#include "engine/base/workers.h"
#include "engine/control/control_server.h"
#include "engine/events/exporter.h"
#include "engine/http/curl_worker.h"
#include "engine/io/system_clock.h"
#include "engine/log/log.h"
#include "engine/runtime/captured_commands.h"
#include "engine/runtime/certificate_watch.h"
#include "engine/runtime/control_commands.h"
#include "engine/runtime/domain_service.h"
#include "engine/runtime/process.h"
#include "engine/runtime/queue_options.h"
#include "engine/runtime/queue_worker.h"
#include "engine/runtime/remote_authenticator.h"
#include "engine/runtime/shard_runtime.h"
#include "engine/runtime/signer_pool.h"
#include "engine/runtime/tls_report_service.h"
#include "engine/shard/recovery.h"
#include "engine/signing/key_store.h"
#include "engine/signing/keyring.h"
#include "engine/submission/password_checker.h"

namespace sluice::engine {
namespace {

class EngineImpl final : public Engine {
 public:
  EngineImpl(const config::Config& config, std::unique_ptr<queue::Queue> queue);
  ~EngineImpl() override;

  Status OpenAll();
  int Run() override;

 private:
  // How often a stop looks whether all is done.
  static constexpr Duration kStopPoll{10'000};
  // Priorities below the loops'.
  static constexpr int kSignerNice = 5;
  static constexpr int kPasswordNice = 10;
  // After the deadline connections are cut; this long for what that sets off.
  static constexpr Duration kAbortGrace{1'000'000};
  uint32_t shards() const { return uint32_t(mailboxes_.size()); }
  ShardRuntime& home() { return *runtimes_.front(); }
  Status OpenSockets();
  Status OpenListeners(const TlsContexts& tls, std::span<ShardRuntime* const> runtimes);
  void StartThreads();
  void JoinThreads();
  void OnEachShard(const std::function<void(ShardRuntime&)>& f);
  void BeginStop();
  void PollStop();
  // The changed keys that only a restart brings, or why nothing has changed.
  Result<std::string> Reload();
  Status LoadTokens();
  void LookAtCertificates();
  Result<std::shared_ptr<const Keyring>> MakeKeyring(const config::Config& config) {
    return Keyring::Make(config, [this](const std::string& file) { return keys_.Load(file); });
  }

  std::shared_ptr<const config::Config> config_;
  const std::shared_ptr<const config::Config> began_with_;
  KeyStore keys_;
  std::shared_ptr<const Keyring> keyring_;
  std::shared_ptr<const smtp::TokenSecrets> tokens_;
  const std::unique_ptr<queue::Queue> queue_;
  const io::SystemClock clock_;
  BodyBudget bodies_;
  ConnectionGate gate_;
  const ReplyRules rules_;
  std::atomic<uint64_t> next_message_id_;
  Mailboxes mailboxes_;
  std::vector<Mailbox*> mailbox_list_;
  Writer writer_;
  Reader reader_;
  QueueWorker passwords_;
  QueueWorker local_mail_;                           // reads the large messages of local senders
  std::vector<std::unique_ptr<QueueWorker>> disks_;  // by shard: write large bodies that arrive
  SignerPool signers_;
  const std::unique_ptr<CurlWorker> http_;
  std::unique_ptr<Exporter> exporter_;
  std::vector<std::unique_ptr<ShardRuntime>> runtimes_;
  std::unique_ptr<PasswordChecker> checker_;
  std::vector<std::unique_ptr<RemoteAuthenticator>> authenticators_;
  std::unique_ptr<Recovery> recovery_;
  std::unique_ptr<SendmailCommand> sendmail_;
  std::unique_ptr<DomainService> domains_;
  std::unique_ptr<TlsReportService> tls_reports_;
  std::unique_ptr<ControlCommands> commands_;
  std::unique_ptr<CapturedCommands> captured_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<ControlServer> local_;  // for every user of the machine; null: none
  std::vector<std::thread> shard_threads_;
  std::vector<std::thread> workers_;
  std::atomic<bool> workers_stop_{false};
  std::unique_ptr<Timer> stop_timer_;
  std::unique_ptr<Timer> certificate_timer_;
  CertificateWatch certificates_;
  TlsContexts tls_in_force_;
  std::vector<std::unique_ptr<std::atomic<bool>>> stopped_;
  Instant stop_deadline_ = kNever;
  bool aborted_ = false;
};

uint32_t Cores() { return std::max(1u, std::thread::hardware_concurrency()); }

EngineImpl::EngineImpl(const config::Config& config, std::unique_ptr<queue::Queue> queue)
    : config_(std::make_shared<const config::Config>(config)),
      began_with_(config_),
      queue_(std::move(queue)),
      bodies_(config.queue.body_memory),
      gate_(SystemDice()),
      next_message_id_(queue_->first_id()),
      mailboxes_(MakeMailboxes(config.engine.shards > 0 ? config.engine.shards : Cores())),
      mailbox_list_(Pointers(mailboxes_)),
      writer_(*queue_, clock_, mailbox_list_),
      reader_(*queue_),
      passwords_(*mailboxes_.front()),
      local_mail_(*mailboxes_.front()),
      signers_(Cores()),
      http_(CurlWorker::Make(config.tls.ca_file)) {}

EngineImpl::~EngineImpl() = default;

Status EngineImpl::OpenAll() {
  auto exporter =
      Exporter::Open(config_->events, *queue_, clock_,
                     [this](uint64_t commit, uint32_t part) { writer_.FreeOutbox(commit, part); });
  if (!exporter) return std::unexpected(exporter.error());
  exporter_ = std::move(*exporter);
  auto keyring = MakeKeyring(*config_);
  if (!keyring) return std::unexpected(keyring.error());
  keyring_ = std::move(*keyring);
  if (Status loaded = LoadTokens(); !loaded) return loaded;

  const std::vector<StsRecord> policies = LoadStsRecords(StsFolder(*config_));
  const ShardCommon common{*queue_,          writer_, reader_,     mailbox_list_,
                           next_message_id_, rules_,  http_.get(), policies};
  std::vector<Shard*> shard_list;
  std::vector<ShardRuntime*> runtime_list;
  for (uint32_t i = 0; i < shards(); ++i) {
    auto runtime = ShardRuntime::Make(i, {config_, keyring_, tokens_}, common, bodies_, signers_,
                                      SystemDice());
    if (!runtime) return std::unexpected(runtime.error());
    runtimes_.push_back(std::move(*runtime));
    runtime_list.push_back(runtimes_.back().get());
    shard_list.push_back(&runtimes_.back()->shard());
    stopped_.push_back(std::make_unique<std::atomic<bool>>(false));
  }
  const std::vector<queue::Suspension> kept = TakeSuspensions(*queue_, clock_.Wall());
  for (Shard* shard : shard_list) {
    shard->Join(shard_list);
    shard->Load(kept);
  }

  io::UvLoop& loop = home().loop();
  checker_ = std::make_unique<PasswordChecker>(loop.clock(), loop.timers(), passwords_, config_);
  for (uint32_t i = 1; i < shards(); ++i)
    authenticators_.push_back(std::make_unique<RemoteAuthenticator>(
        i, runtimes_[i]->shard().out(), 0, home().shard().out(), *checker_));
  const Result<TlsContexts> tls = certificates_.Make(loop.net(), *config_);
  if (!tls) return std::unexpected(tls.error());
  tls_in_force_ = *tls;
  for (const config::Listener& listener : config_->listeners)
    for (const Endpoint& at : listener.bind)
      if (Status status = io::CheckPortFree(at); !status) return status;
  sendmail_ = std::make_unique<SendmailCommand>(home().shard(), local_mail_);
  commands_ = std::make_unique<ControlCommands>(
      ControlParts{runtime_list, *queue_, writer_, *sendmail_, [this] { return Reload(); },
                   [this] { return exporter_->health(); }});
  captured_ = std::make_unique<CapturedCommands>(home().shard());
  domains_ = std::make_unique<DomainService>(runtime_list, passwords_, config_);
  tls_reports_ = std::make_unique<TlsReportService>(runtime_list, passwords_, config_);
  if (Status status = OpenSockets(); !status) return status;
  recovery_ = std::make_unique<Recovery>(home().shard(), [](uint64_t lanes, uint64_t recipients) {
    LogInfo("recovery", "found " + std::to_string(lanes) + " lanes and " +
                            std::to_string(recipients) + " recipients of earlier runs");
  });
  return OpenListeners(*tls, runtime_list);  // last: an open port says that all is ready
}

Status EngineImpl::OpenListeners(const TlsContexts& tls, std::span<ShardRuntime* const> runtimes) {
  static_assert(SpoolRoom::kOpenMax * SpoolRoom::kJobsMax <= QueueWorker::kRingCapacity);
  for (uint32_t i = 0; i < shards(); ++i) {
    Authenticator& authenticator =
        i == 0 ? static_cast<Authenticator&>(*checker_) : *authenticators_[i - 1];
    disks_.push_back(std::make_unique<QueueWorker>(*mailboxes_[i]));
    Status status = runtimes_[i]->Open(authenticator, gate_, *disks_.back(), tls, runtimes);
    if (!status) return status;
  }
  return {};
}

// What everybody may use has sendmail and nothing else.
Status EngineImpl::OpenSockets() {
  io::UvLoop& loop = home().loop();
  const auto open = [&](SocketRules rules) {
    return ControlServer::Open(loop.net(), loop.timers(), loop.clock(), local_mail_,
                               std::move(rules));
  };
  auto control = open({.path = config_->control.socket});
  if (!control) return std::unexpected(control.error());
  control_ = std::move(*control);
  commands_->Register(*control_);
  captured_->Register(*control_);
  domains_->Register(*control_);
  tls_reports_->Register(*control_);
  sendmail_->Register(*control_);
  if (config_->submission.local_socket.empty()) return {};
  auto local = open(
      SocketRules::ForEverybody(config_->submission.local_socket, config_->limits.message_size));
  if (!local) return std::unexpected(local.error());
  local_ = std::move(*local);
  sendmail_->Register(*local_);
  return {};
}

void EngineImpl::StartThreads() {
  for (size_t i = 1; i < runtimes_.size(); ++i)
    shard_threads_.emplace_back([runtime = runtimes_[i].get()] { runtime->Run(); });
  const auto work = [this](auto step, auto wait, int nice = 0) {
    workers_.emplace_back([this, step, wait, nice] {
      // Of this thread alone, on Linux. What computes for long yields to the loops.
      if (nice != 0) (void)setpriority(PRIO_PROCESS, 0, nice);
      while (!workers_stop_.load(std::memory_order_acquire))
        if (!step()) wait();
    });
  };
  work([this] { return writer_.Step(); }, [this] { writer_.Wait(); });
  work([this] { return reader_.Step(); }, [this] { reader_.Wait(); });
  work([this] { return passwords_.Step(); }, [this] { passwords_.Wait(); }, kPasswordNice);
  work([this] { return local_mail_.Step(); }, [this] { local_mail_.Wait(); }, kPasswordNice);
  for (const auto& disk : disks_)
    work([worker = disk.get()] { return worker->Step(); },
         [worker = disk.get()] { worker->Wait(); });
  work([this] { return http_->Step(); }, [this] { http_->Wait(); });
  for (size_t i = 0; i < signers_.threads(); ++i)
    work([this, i] { return signers_.Step(i); }, [this, i] { signers_.Wait(i); }, kSignerNice);
  work([this] { return exporter_->Step(); },
       [] { std::this_thread::sleep_for(Exporter::kPollInterval); });
}

void EngineImpl::JoinThreads() {
  for (const auto& runtime : runtimes_) runtime->Quit();
  for (std::thread& thread : shard_threads_) thread.join();
  workers_stop_.store(true, std::memory_order_release);
  for (std::thread& thread : workers_) thread.join();
  // What was decided is written down, also what the loops had no time to hand over.
  for (const auto& runtime : runtimes_) (void)runtime->shard().links().Flush();
  if (!writer_.Finish(clock_.Now() + kAbortGrace))
    LogWarn("engine",
            "not all outcomes could be written down in time: some mail may be sent twice");
  // What the last commits wrote to the outbox.
  while (exporter_->Step()) writer_.Step();
  writer_.Step();
}

void EngineImpl::OnEachShard(const std::function<void(ShardRuntime&)>& f) {
  for (uint32_t i = 0; i < shards(); ++i)
    home().shard().out().Send(i, [f, runtime = runtimes_[i].get()] { f(*runtime); });
}

int EngineImpl::Run() {
  io::UvLoop& loop = home().loop();
  loop.OnSignal(SIGTERM, [this] { BeginStop(); });
  loop.OnSignal(SIGINT, [this] { BeginStop(); });
  loop.OnSignal(SIGHUP, [this] {
    if (const auto reloaded = Reload(); !reloaded) LogError("reload", reloaded.error().what);
  });
  stop_timer_ = std::make_unique<Timer>(loop.timers(), [this] { PollStop(); });
  certificate_timer_ = std::make_unique<Timer>(loop.timers(), [this] { LookAtCertificates(); });
  certificate_timer_->Set(loop.clock().Now() + CertificateWatch::kEvery);
  StartThreads();
  recovery_->Start();
  (void)sd_notify(0, "READY=1");
  LogInfo("engine", "ready: " + std::to_string(shards()) + " shards, " +
                        std::to_string(queue_->totals().recipients) + " recipients queued");
  home().Run();
  JoinThreads();
  tls_reports_->Close();
  stop_timer_.reset();
  certificate_timer_.reset();
  LogInfo("engine", "stopped");
  return queue_->writable() ? 0 : 1;
}

void EngineImpl::BeginStop() {
  if (stop_deadline_ != kNever) return;
  (void)sd_notify(0, "STOPPING=1");
  LogInfo("engine", "stopping");
  stop_deadline_ = home().loop().clock().Now() + config_->engine.stop_within;
  OnEachShard([](ShardRuntime& runtime) {
    runtime.StopAccepting();
    runtime.Stop();
  });
  PollStop();
}

void EngineImpl::PollStop() {
  const Instant now = home().loop().clock().Now();
  const bool all =
      std::ranges::all_of(stopped_, [](const auto& stopped) { return stopped->load(); });
  if (all || now > stop_deadline_ + kAbortGrace) return home().Quit();
  if (now > stop_deadline_ && !aborted_) {
    aborted_ = true;
    LogWarn("engine", "some connections did not end in time and are cut");
    OnEachShard([](ShardRuntime& runtime) { runtime.Abort(); });
  }
  for (uint32_t i = 0; i < shards(); ++i)
    home().shard().out().Send(i, [runtime = runtimes_[i].get(), flag = stopped_[i].get()] {
      flag->store(runtime->Stopped());
    });
  stop_timer_->Set(now + kStopPoll);
}

// A file that cannot be used leaves the certificate in force, which is good until it expires.
void EngineImpl::LookAtCertificates() {
  certificate_timer_->Set(home().loop().clock().Now() + CertificateWatch::kEvery);
  if (!certificates_.Changed(*config_)) return;
  const Result<TlsContexts> tls = certificates_.Make(home().loop().net(), *config_, tls_in_force_);
  if (!tls) return LogError("tls", tls.error().what);
  const auto clients = MakeTlsClients(home().loop().net(), *config_, shards());
  if (!clients) return LogError("tls", clients.error().what);
  tls_in_force_ = *tls;
  OnEachShard([settings = Settings{config_, keyring_, tokens_}, contexts = *tls,
               clients = *clients](ShardRuntime& runtime) {
    runtime.Reload(settings, contexts, clients[runtime.index()]);
  });
  LogInfo("tls", "certificates have been read anew");
}

// Read again at each reload: a secret is changed by a new line on top of the file.
Status EngineImpl::LoadTokens() {
  auto tokens = smtp::TokenSecrets::LoadOrMake(config_->queue.path + "/token.key");
  if (!tokens) return std::unexpected(tokens.error());
  tokens_ = std::make_shared<const smtp::TokenSecrets>(std::move(*tokens));
  return {};
}

Result<std::string> EngineImpl::Reload() {
  auto loaded = config::LoadConfig(config_->file, SigningSurroundings(keys_));
  if (!loaded)
    return Fail(ErrorCode::kInvalid,
                "the configuration in force stays:\n" + config::FormatProblems(loaded.error()));
  if (loaded->config.listeners.size() != config_->listeners.size())
    return Fail(ErrorCode::kInvalid,
                "the number of [[listener]] tables has changed: that needs a restart");
  const Result<TlsContexts> tls = certificates_.Make(home().loop().net(), loaded->config);
  if (!tls) return std::unexpected(tls.error());
  const auto clients = MakeTlsClients(home().loop().net(), loaded->config, shards());
  if (!clients) return std::unexpected(clients.error());
  std::string later = config::NeedsRestart(*began_with_, loaded->config);
  auto keyring = MakeKeyring(loaded->config);
  if (!keyring) return std::unexpected(keyring.error());
  if (Status tokens = LoadTokens(); !tokens) return std::unexpected(tokens.error());
  keyring_ = std::move(*keyring);
  tls_in_force_ = *tls;
  config_ = std::make_shared<const config::Config>(std::move(loaded->config));
  SetLogLevel(LogLevelOf(config_->log.level));
  checker_->Reload(config_);
  OnEachShard([settings = Settings{config_, keyring_, tokens_}, contexts = *tls,
               clients = *clients](ShardRuntime& runtime) {
    runtime.Reload(settings, contexts, clients[runtime.index()]);
  });
  domains_->Reload(config_);
  tls_reports_->Reload(config_);
  const std::string more = config_->shaping_file.empty() ? "" : ", " + config_->shaping_file;
  LogInfo("reload", "configuration reloaded from " + config_->file + more);
  if (!later.empty()) LogWarn("reload", "what has changed here needs a restart: " + later);
  return later;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Open(const config::Config& config) {
  RaiseFileLimit();
  (void)signal(SIGPIPE, SIG_IGN);
  TellOfBadPages();
  auto queue = queue::Queue::Open(QueueOptionsOf(config.queue));
  if (!queue) return std::unexpected(queue.error());
  auto engine = std::make_unique<EngineImpl>(config, std::move(*queue));
  if (Status status = engine->OpenAll(); !status) return std::unexpected(status.error());
  return engine;
}

}  // namespace sluice::engine
