#include "tests/sim/sim_engine.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "tests/sim/interrupted_queue.h"

namespace sluice::sim {
namespace {

// A commit takes as long as three device syncs may; a look at the disk a little.
constexpr Duration kCommitMin{300};
constexpr Duration kCommitMax{4'000};
constexpr Duration kReadMin{50};
constexpr Duration kReadMax{3'000};
// Before one look in kPauses a reader has to wait for a busy disk, up to this long.
constexpr uint64_t kPauses = 16;
constexpr Duration kPauseMax{2'000'000};
constexpr Duration kExportEvery{100'000};
constexpr Duration kSignMin{200};
constexpr Duration kSignMax{2'000};

queue::QueueOptions QueueOptionsOf(const SimEngineOptions& options, uint64_t seed) {
  queue::QueueOptions out;
  out.path = options.queue_path;
  out.map_size = options.queue_mib << 20;
  out.max_bytes = options.queue_mib << 20;
  out.segment_bytes = uint64_t(1) << 20;
  out.min_free_bytes = 0;
  out.seed = seed;
  out.sync = false;
  out.disk = options.disk;
  return out;
}

}  // namespace

// The signer pool: a job is done at once, and told of later.
class SimSigners final : public Workers {
 public:
  explicit SimSigners(SimEngine& engine) : engine_(engine) {}
  void Run(std::move_only_function<void()> job, std::move_only_function<void()> done) override {
    job();
    auto kept = std::make_shared<std::move_only_function<void()>>(std::move(done));
    engine_.Later(kSignMin, kSignMax, [kept] { (*kept)(); });
  }

 private:
  SimEngine& engine_;
};

// Members in the order of their needs: the queue last to go.
struct SimEngine::Process {
  struct OneShard {
    OneShard(uint32_t index, SimEngine& engine, BodyBudget& bodies,
             const engine::ShardCommon& common)
        : random(engine.world_.NewSeed()),
          dns(timers, engine.world_.clock(), engine.world_.NewSeed()),
          signers(engine),
          signing(signers),
          shard({index,
                 engine.world_.clock(),
                 timers,
                 engine.net_,
                 random,
                 bodies,
                 engine.options_.config,
                 {},
                 engine.options_.keyring,
                 &signing},
                common, dns) {}

    TimerQueue timers;
    Random random;
    dns::FakeDns dns;
    SimSigners signers;
    engine::Signing signing;
    engine::Shard shard;
  };

  std::unique_ptr<InterruptedQueue> queue;
  BodyBudget bodies{size_t(64) << 20};
  std::atomic<uint64_t> next_id{0};
  std::vector<std::unique_ptr<engine::Mailbox>> mailboxes;
  std::vector<engine::Mailbox*> mailbox_list;
  std::unique_ptr<engine::Writer> writer;
  std::unique_ptr<engine::Reader> reader;
  std::vector<std::unique_ptr<OneShard>> shards;
  std::unique_ptr<engine::OrderBook> orders;
  std::unique_ptr<engine::Recovery> recovery;
  std::vector<bool> wake_scheduled;
  bool writer_scheduled = false;
  bool reader_scheduled = false;
  bool export_scheduled = false;
  uint64_t exported_commit = 0;
  uint32_t exported_part = 0;
};

SimEngine::SimEngine(SimWorld& world, SimFabric& fabric, SimEngineOptions options,
                     EventRecord& record)
    : world_(world),
      fabric_(fabric),
      options_(std::move(options)),
      record_(record),
      dice_(world.NewSeed()),
      net_(fabric, "engine", {options_.address}),
      hook_(world.AddTurnHook([this] { Turn(); })) {}

SimEngine::~SimEngine() {
  world_.RemoveTurnHook(hook_);
  if (running()) Crash(false);
}

void SimEngine::Later(Duration least, Duration most, std::function<void()> what) {
  const Duration in = least + Duration(dice_.Below(uint64_t((most - least).count()) + 1));
  world_.ScheduleIn(in, [this, life = life_, what = std::move(what)] {
    if (life == life_ && running()) what();
  });
}

void SimEngine::Reload(std::shared_ptr<const config::Config> config) {
  CHECK(running());
  options_.config = std::move(config);
  for (const auto& one : process_->shards)
    one->shard.Reload(options_.config, nullptr, options_.keyring, nullptr, options_.rules);
}

void SimEngine::Start() {
  CHECK(!running());
  ++life_;
  process_ = std::make_unique<Process>();
  Process& p = *process_;
  auto opened = queue::Queue::Open(QueueOptionsOf(options_, world_.seed() + 1));
  if (!opened) std::fprintf(stderr, "%s\n", opened.error().what.c_str());
  CHECK(opened.has_value());
  p.queue = std::make_unique<InterruptedQueue>(std::move(*opened));
  p.next_id = p.queue->first_id();
  for (uint32_t i = 0; i < options_.shards; ++i) {
    p.mailboxes.push_back(std::make_unique<engine::Mailbox>());
    p.mailbox_list.push_back(p.mailboxes.back().get());
    p.wake_scheduled.push_back(false);
    p.mailboxes.back()->SetWake([this, i] {
      if (process_->wake_scheduled[i]) return;
      process_->wake_scheduled[i] = true;
      Later(Duration(0), Duration(40), [this, i] {
        process_->wake_scheduled[i] = false;
        process_->shards[i]->shard.OnWake();
      });
    });
  }
  p.writer = std::make_unique<engine::Writer>(*p.queue, world_.clock(), p.mailbox_list);
  p.reader = std::make_unique<engine::Reader>(*p.queue);
  const engine::ShardCommon common{*p.queue,  *p.writer, *p.reader, p.mailbox_list,
                                   p.next_id, nullptr,   {},        options_.rules};
  std::vector<engine::Shard*> all;
  for (uint32_t i = 0; i < options_.shards; ++i) {
    p.shards.push_back(std::make_unique<Process::OneShard>(i, *this, p.bodies, common));
    options_.fill_zone(p.shards.back()->dns);
    world_.AddTimers(p.shards.back()->timers);
    all.push_back(&p.shards.back()->shard);
  }
  const auto kept = engine::TakeSuspensions(*p.queue, world_.clock().Wall());
  for (engine::Shard* shard : all) {
    shard->Join(all);
    shard->Load(kept);
  }
  p.queue->Interrupt([this] {
    if (options_.busy_disk && dice_.Below(kPauses) == 0) reading_.Pause();
  });
  p.orders = std::make_unique<engine::OrderBook>(all);
  p.orders->Load(*p.queue);
  p.recovery = std::make_unique<engine::Recovery>(
      *all[0], [orders = p.orders.get()](uint64_t, uint64_t) { orders->OnRecovered(); });
  p.recovery->Start();
  world_.Note("start " + std::to_string(life_));
  world_.ScheduleIn(Duration(0), [] {});  // its first turn
}

void SimEngine::Crash(bool power_loss) {
  CHECK(running());
  reading_.Finish();  // what it reads is of no use to anybody any more
  world_.Note("crash " + std::to_string(life_));
  ++life_;
  for (const auto& one : process_->shards) world_.RemoveTimers(one->timers);
  net_.Crash(power_loss);
  process_.reset();
}

void SimEngine::Turn() {
  if (!running()) return;
  Process& p = *process_;
  for (const auto& one : p.shards) one->shard.BeforePoll();
  if (!p.writer_scheduled && !p.writer->Drained()) {
    p.writer_scheduled = true;
    Later(kCommitMin, kCommitMax, [this] { StepWriter(); });
  }
  if (!p.reader_scheduled && !p.reader->idle()) {
    p.reader_scheduled = true;
    Later(kReadMin, kReadMax, [this] { StepReader(); });
  }
  if (!p.export_scheduled && p.queue->totals().outbox_rows > 0) {
    p.export_scheduled = true;
    Later(kExportEvery, kExportEvery, [this] { Export(); });
  }
}

void SimEngine::StepWriter() {
  process_->writer_scheduled = false;
  process_->writer->Step();
}

void SimEngine::StepReader() {
  if (reading_.running()) {
    reading_.Resume();
  } else {
    reading_.Start([this] { process_->reader->Step(); });
  }
  process_->reader_scheduled = reading_.running();
  if (reading_.running()) Later(kReadMin, kPauseMax, [this] { StepReader(); });
}

// What the exporter has written survives a crash; that it has, may be forgotten.
void SimEngine::Export() {
  process_->export_scheduled = false;
  Process& p = *process_;
  const auto rows = p.queue->Outbox(p.exported_commit, p.exported_part, 10'000);
  CHECK(rows.has_value());
  for (const queue::OutboxRow& row : *rows) {
    for (const queue::OutboxRow::Item& item : row.items) record_.Add(item.id, item.event);
    p.exported_commit = row.commit;
    p.exported_part = row.part;
  }
  if (!rows->empty()) {
    p.writer->FreeOutbox(p.exported_commit, p.exported_part);
    p.writer->Step();
  }
}

void SimEngine::Sign(std::string_view header, std::string_view text,
                     engine::Accepted& accepted) const {
  const engine::Keyring& keyring = *options_.keyring;
  engine::SignTask& task = accepted.sign.emplace();
  task.keyring = options_.keyring;
  task.keys = keyring.SignersOf(accepted.message.tenant, "sender.test").keys;
  CHECK(!task.keys.empty());
  task.header = header.substr(0, header.size() - 2);
  smtp::DkimBodyHash hash(keyring.body_form());
  hash.Update(text);
  task.body_form = hash.form();
  task.body_hash = hash.Finish();
  task.now = accepted.message.accepted;
}

bool SimEngine::Submit(SimMail mail, std::function<void(MessageId)> durable) {
  if (!running()) return false;
  engine::Shard& shard = process_->shards[size_t(dice_.Below(process_->shards.size()))]->shard;
  engine::Accepted accepted;
  queue::Message& message = accepted.message;
  message.id = shard.NewId();
  message.accepted = message.released = world_.clock().Wall();
  message.sender = mail.sender;
  message.tenant = mail.tenant;
  if (!options_.config->users.empty()) message.user = options_.config->users.front().name;
  message.campaign = mail.campaign;
  message.released += mail.hold;
  message.window = mail.window;
  if (!message.window.empty()) message.flags |= queue::kFlagScheduled;
  message.recipients = uint32_t(mail.recipients.size());
  const std::string header = "X-Sim-Id: " + FormatMessageId(message.id) +
                             "\r\nFrom: a@sender.test\r\nSubject: simulated\r\n\r\n";
  message.header_length = uint32_t(header.size());
  auto body = MakeRef<Body>(nullptr);
  body->Append(header);
  body->Append(mail.text);
  accepted.content = std::move(body);
  if (options_.keyring != nullptr) Sign(header, mail.text, accepted);
  for (const std::string& address : mail.recipients) {
    queue::Recipient recipient;
    recipient.id = {message.id, uint32_t(accepted.recipients.size())};
    recipient.address = address;
    recipient.due = message.released;
    accepted.recipients.push_back(std::move(recipient));
  }
  const MessageId id = message.id;
  shard.Submit(std::move(accepted), [this, id, durable = std::move(durable)](Status status) {
    if (!status) return;
    world_.Note("durable " + FormatMessageId(id));
    durable(id);
  });
  return true;
}

bool SimEngine::Order(queue::Order order, std::function<void(const queue::Order&)> durable) {
  if (!running()) return false;
  process_->orders->Give(std::move(order),
                         [durable = std::move(durable)](const Result<queue::Order>& given) {
                           if (given) durable(*given);
                         });
  return true;
}

queue::QueueTotals SimEngine::totals() const { return process_->queue->totals(); }

uint32_t SimEngine::open_deliveries() const {
  uint32_t open = 0;
  for (const auto& one : process_->shards)
    open += uint32_t(one->shard.scheduler().open_deliveries());
  return open;
}

std::string SimEngine::Describe() const {
  std::string out;
  for (const auto& one : process_->shards) {
    one->shard.scheduler().lanes().ForEach([&](engine::LaneHandle, engine::Lane& lane) {
      out += lane.key.domain + " " + lane.key.campaign + ": ready " + std::to_string(lane.ready()) +
             ", on disk " + std::to_string(lane.on_disk) + ", due in " +
             std::to_string((lane.next_due - world_.clock().Wall()).count() / 1'000'000) + " s";
      if (lane.window)
        out += ", in flight " + std::to_string(lane.window->in_flight) + ", committing " +
               std::to_string(lane.window->committing) +
               (lane.window->refilling ? ", refilling" : "") +
               (lane.window->queued != kNoPlace ? ", queued" : "");
      if (lane.site != nullptr)
        out += ", site " + lane.site->name + " open " + std::to_string(lane.site->open) + " idle " +
               std::to_string(lane.site->idle.size()) + " poked " +
               std::to_string(lane.site->poked) + (lane.site->opening ? " opening" : "") +
               (lane.site->probing ? " probing" : "") + " failures " +
               std::to_string(lane.site->failures);
      out += "\n";
    });
  }
  return out;
}

size_t SimEngine::lanes() const {
  size_t lanes = 0;
  for (const auto& one : process_->shards) lanes += one->shard.scheduler().lanes().size();
  return lanes;
}

}  // namespace sluice::sim
