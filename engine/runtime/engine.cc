#include "engine/runtime/engine.h"

#include <signal.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "config/open_listeners.h"
#include "engine/base/counted.h"
#include "engine/base/workers.h"
#include "engine/events/exporter.h"
#include "engine/http/curl_worker.h"
#include "engine/io/system_clock.h"
#include "engine/log/log.h"
#include "engine/runtime/control_sockets.h"
#include "engine/runtime/process.h"
#include "engine/runtime/queue_options.h"
#include "engine/runtime/queue_worker.h"
#include "engine/runtime/reloader.h"
#include "engine/runtime/remote_authenticator.h"
#include "engine/runtime/shard_runtime.h"
#include "engine/runtime/shutdown.h"
#include "engine/runtime/signer_pool.h"
#include "engine/runtime/threads.h"
#include "engine/shard/order_book.h"
#include "engine/shard/recovery.h"
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
  uint32_t shards() const { return uint32_t(mailboxes_.size()); }
  ShardRuntime& home() { return *runtimes_.front(); }
  const config::Config& config() const { return *reloader_.config(); }
  Status OpenExporter();
  Status MakeShards();
  Status OpenListeners();
  void HearOfReloads();
  void StartThreads();
  void JoinThreads();
  void OnEachShard(const std::function<void(ShardRuntime&)>& f);

  Reloader reloader_;
  const std::unique_ptr<queue::Queue> queue_;
  const io::SystemClock clock_;
  BodyBudget bodies_;
  ConnectionGate gate_;
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
  std::vector<ShardRuntime*> runtime_list_;
  std::unique_ptr<PasswordChecker> checker_;
  std::vector<std::unique_ptr<RemoteAuthenticator>> authenticators_;
  std::unique_ptr<OrderBook> orders_;
  std::unique_ptr<Recovery> recovery_;
  std::unique_ptr<ControlSockets> sockets_;
  std::unique_ptr<Shutdown> shutdown_;
  Threads threads_;
};

EngineImpl::EngineImpl(const config::Config& config, std::unique_ptr<queue::Queue> queue)
    : reloader_(config),
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
  if (Status opened = OpenExporter(); !opened) return opened;
  if (Status loaded = reloader_.LoadKeys(); !loaded) return loaded;
  if (Status made = MakeShards(); !made) return made;
  io::UvLoop& loop = home().loop();
  checker_ = std::make_unique<PasswordChecker>(loop.clock(), loop.timers(), passwords_,
                                               reloader_.config());
  for (uint32_t i = 1; i < shards(); ++i)
    authenticators_.push_back(std::make_unique<RemoteAuthenticator>(
        i, runtimes_[i]->shard().out(), 0, home().shard().out(), *checker_));
  if (Status loaded = reloader_.LoadCertificates(loop.net()); !loaded) return loaded;
  for (const config::Listener& listener : config().listeners)
    for (const Endpoint& at : listener.bind)
      if (Status status = io::CheckPortFree(at); !status) return status;
  sockets_ = std::make_unique<ControlSockets>(
      ControlSockets::Parts{runtime_list_, *queue_, writer_, passwords_, local_mail_, reloader_,
                            *orders_, [this] { return exporter_->health(); }});
  if (Status status = sockets_->Open(); !status) return status;
  recovery_ = std::make_unique<Recovery>(home().shard(), [this](uint64_t lanes,
                                                                uint64_t recipients) {
    orders_->OnRecovered();
    LogInfo("recovery", "of earlier runs: " + Counted(recipients, "recipient") +
                            " not yet tried, " + Counted(lanes, "lane") + " with postponed mail");
  });
  return OpenListeners();  // last: an open port says that all is ready
}

Status EngineImpl::OpenExporter() {
  auto exporter =
      Exporter::Open(config().events, *queue_, clock_,
                     [this](uint64_t commit, uint32_t part) { writer_.FreeOutbox(commit, part); });
  if (!exporter) return std::unexpected(exporter.error());
  exporter_ = std::move(*exporter);
  return {};
}

Status EngineImpl::MakeShards() {
  const std::vector<StsRecord> policies = LoadStsRecords(StsFolder(config()));
  const ShardCommon common{*queue_,          writer_,     reader_,  mailbox_list_,
                           next_message_id_, http_.get(), policies, reloader_.settings().rules};
  std::vector<Shard*> shard_list;
  for (uint32_t i = 0; i < shards(); ++i) {
    auto runtime =
        ShardRuntime::Make(i, reloader_.settings(), common, bodies_, signers_, SystemDice());
    if (!runtime) return std::unexpected(runtime.error());
    runtimes_.push_back(std::move(*runtime));
    runtime_list_.push_back(runtimes_.back().get());
    shard_list.push_back(&runtimes_.back()->shard());
  }
  const std::vector<queue::Suspension> kept = TakeSuspensions(*queue_, clock_.Wall());
  for (Shard* shard : shard_list) {
    shard->Join(shard_list);
    shard->Load(kept);
  }
  orders_ = std::make_unique<OrderBook>(shard_list);
  orders_->Load(*queue_);
  return {};
}

Status EngineImpl::OpenListeners() {
  static_assert(SpoolRoom::kOpenMax * SpoolRoom::kJobsMax <= QueueWorker::kRingCapacity);
  for (uint32_t i = 0; i < shards(); ++i) {
    Authenticator& authenticator =
        i == 0 ? static_cast<Authenticator&>(*checker_) : *authenticators_[i - 1];
    disks_.push_back(std::make_unique<QueueWorker>(*mailboxes_[i]));
    Status status =
        runtimes_[i]->Open(authenticator, gate_, *disks_.back(), reloader_.tls(), runtime_list_);
    if (!status) return status;
  }
  return {};
}

void EngineImpl::HearOfReloads() {
  const auto shards_take = [this](const Settings& settings, const TlsContexts& tls,
                                  const TlsClients& clients) {
    OnEachShard([settings, tls, clients](ShardRuntime& runtime) {
      runtime.Reload(settings, tls, clients[runtime.index()]);
    });
  };
  const auto services_take = [this](const std::shared_ptr<const config::Config>& config) {
    checker_->Reload(config);
    sockets_->Reload(config);
  };
  reloader_.Start(home().loop(), shards(), {shards_take, services_take});
}

void EngineImpl::StartThreads() {
  for (size_t i = 1; i < runtimes_.size(); ++i)
    threads_.RunShard("shard-" + std::to_string(i),
                      [runtime = runtimes_[i].get()] { runtime->Run(); });
  threads_.Work("writer", writer_);
  threads_.Work("reader", reader_);
  threads_.Work("passwords", passwords_, Threads::kPasswordNice);
  threads_.Work("local-mail", local_mail_, Threads::kPasswordNice);
  for (size_t i = 0; i < disks_.size(); ++i) threads_.Work("disk-" + std::to_string(i), *disks_[i]);
  threads_.Work("web", *http_);
  for (size_t i = 0; i < signers_.threads(); ++i) {
    threads_.Work(
        "signer-" + std::to_string(i), [this, i] { return signers_.Step(i); },
        [this, i] { signers_.Wait(i); }, Threads::kSignerNice);
  }
  threads_.Work(
      "exporter", [this] { return exporter_->Step(); },
      [] { std::this_thread::sleep_for(Exporter::kPollInterval); });
}

void EngineImpl::JoinThreads() {
  for (ShardRuntime* runtime : runtime_list_) runtime->Quit();
  threads_.Join();
  // What was decided is written down, also what the loops had no time to hand over.
  for (ShardRuntime* runtime : runtime_list_) (void)runtime->shard().links().Flush();
  if (!writer_.Finish(clock_.Now() + Shutdown::kAbortGrace))
    LogWarn("engine",
            "not all outcomes could be written down in time: some mail may be sent twice");
  // What the last commits wrote to the outbox.
  while (exporter_->Step()) writer_.Step();
  writer_.Step();
}

void EngineImpl::OnEachShard(const std::function<void(ShardRuntime&)>& f) {
  for (uint32_t i = 0; i < shards(); ++i)
    home().shard().out().Send(i, [f, runtime = runtime_list_[i]] { f(*runtime); });
}

// "127.0.0.1:587 (submission, starttls)".
std::string ListenersOf(const config::Config& config) {
  std::string out;
  for (const config::Listener& listener : config.listeners)
    out += (out.empty() ? "" : ", ") + config::DescribeListener(listener);
  return out;
}

int EngineImpl::Run() {
  io::UvLoop& loop = home().loop();
  shutdown_ = std::make_unique<Shutdown>(runtime_list_);
  const auto stop = [this] { shutdown_->Begin(config().engine.stop_within); };
  loop.OnSignal(SIGTERM, stop);
  loop.OnSignal(SIGINT, stop);
  loop.OnSignal(SIGHUP, [this] { (void)reloader_.Reload(); });
  HearOfReloads();
  StartThreads();
  recovery_->Start();
  (void)sd_notify(0, "READY=1");
  LogInfo("engine", "ready: " + Counted(shards(), "shard") + ", " +
                        Counted(queue_->totals().recipients, "recipient") +
                        " queued, listening on " + ListenersOf(config()));
  home().Run();
  JoinThreads();
  sockets_->Close();
  shutdown_.reset();
  reloader_.Stop();
  LogInfo("engine", "stopped");
  return queue_->writable() ? 0 : 1;
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
