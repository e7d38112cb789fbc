#include "engine/shard/shard.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/log/log.h"
#include "engine/submission/bulk_rules.h"
#include "engine/submission/sender_policy.h"

namespace sluice::engine {
namespace {

// Mail of one domain that goes out unsigned is told of this often, for so many domains at a time.
constexpr Duration kWarnAgain = std::chrono::hours(24);
constexpr size_t kWarnedMax = 1'000;

// When a ring was full: soon, but not in a spin.
constexpr Duration kAgain{1'000};

}  // namespace

Shard::Shard(ShardContext context, const ShardCommon& common, dns::DnsTransport& transport)
    : context_(std::move(context)),
      common_(common),
      mailbox_(*common.mailboxes[context_.index]),
      out_(common.mailboxes),
      links_(context_.index, mailbox_, common.writer, common.reader),
      limits_(context_.index, out_, LimitSettingsOf(*context_.config, common.mailboxes.size())),
      rates_(context_.index, context_.clock, context_.timers, out_),
      quotas_(context_.index, context_.clock, links_, out_),
      path_rates_(context_.index, context_.clock, out_, rates_,
                  [this](const std::string& path) { return limits_.permits_out(path); }),
      warmup_(context_.index, context_.clock, context_.timers, links_, out_),
      suspensions_(context_.index, context_.clock, links_, out_),
      router_(RouterOptionsOf(*context_.config), transport, context_.clock, context_.random),
      fetch_(common.http == nullptr
                 ? nullptr
                 : std::make_unique<ResolvedFetch>(router_, *common.http, mailbox_)),
      sts_(fetch_ == nullptr
               ? nullptr
               : std::make_unique<MtaSts>(
                     router_.resolver(), *fetch_, context_.clock, context_.timers,
                     context_.config->tls.mta_sts_port,
                     [this](StsRecord record) { Save(std::move(record)); },
                     [this](const std::string& domain, TlsResult result, const std::string& what) {
                       policies_.OnSession({.domain = domain,
                                            .policy = {TlsPolicyType::kSts, domain},
                                            .failure = {.result = result, .reason = what}});
                     })),
      policies_(context_, router_.resolver(), sts_.get()),
      scheduler_(context_, common.queue, links_, limits_, rates_, path_rates_, warmup_,
                 suspensions_, router_, *this, rules_, &policies_),
      sweeper_(context_, scheduler_, links_,
               [this](std::string_view domain) { return OwnerOf(domain) == context_.index; }),
      outbound_(common.mailboxes.size()),
      again_(context_.timers, [] {}) {
  rules_.Use(common.rules);
  quotas_.SetZone(context_.config->zone);
  warmup_.SetConfig(context_.config);
  if (sts_ == nullptr) return;
  std::vector<StsRecord> own;
  for (const StsRecord& record : common.sts_records)
    if (OwnerOf(record.domain) == context_.index) own.push_back(record);
  sts_->Restore(own);
}

Shard::~Shard() = default;

std::string StsFolder(const config::Config& config) { return config.queue.path + "/mta-sts"; }

void Shard::Join(std::span<Shard* const> shards) {
  CHECK(shards.size() == outbound_.size());
  shards_.assign(shards.begin(), shards.end());
  std::vector<Limits*> limits;
  for (Shard* shard : shards) limits.push_back(&shard->limits_);
  limits_.Join(limits);
  std::vector<Rates*> rates;
  for (Shard* shard : shards) rates.push_back(&shard->rates_);
  std::vector<Quotas*> quotas;
  for (Shard* shard : shards) quotas.push_back(&shard->quotas_);
  quotas_.Join(quotas);
  rates_.Join(rates);
  std::vector<PathRates*> path_rates;
  for (Shard* shard : shards) path_rates.push_back(&shard->path_rates_);
  path_rates_.Join(path_rates);
  std::vector<Warmup*> warmups;
  for (Shard* shard : shards) warmups.push_back(&shard->warmup_);
  warmup_.Join(warmups);
  std::vector<Suspensions*> suspensions;
  for (Shard* shard : shards) suspensions.push_back(&shard->suspensions_);
  suspensions_.Join(suspensions);
}

dns::RouterOptions Shard::RouterOptionsOf(const config::Config& config) {
  dns::RouterOptions options;
  options.hostname = config.hostname;
  options.allow_special = config.dns.allow_special;
  options.port = config.dns.port;
  for (const config::Source& source : config.sources) {
    if (!source.address) continue;
    options.own_addresses.push_back(source.public_address.value_or(*source.address));
    options.ipv6 |= !source.address->is_v4();
  }
  return options;
}

LimitSettings Shard::LimitSettingsOf(const config::Config& config, size_t shards) {
  return {.connections_total =
              std::max<uint32_t>(1, config.delivery.connections / uint32_t(shards))};
}

void Shard::BeforePoll() {
  bool all = scheduler_.Settle();
  for (uint32_t shard = 0; shard < outbound_.size(); ++shard) {
    if (outbound_[shard].empty()) continue;
    Shard* owner = shards_[shard];
    out_.Send(shard, [owner, batch = std::move(outbound_[shard])]() mutable {
      for (Waiting& waiting : batch) owner->scheduler_.lanes().Add(std::move(waiting));
    });
    outbound_[shard].clear();
  }
  warmup_.Flush();
  all &= out_.Flush();
  scheduler_.lanes().SubmitSpills();
  quotas_.Flush();
  all &= links_.Flush();
  if (!all) again_.Set(context_.clock.Now() + kAgain);
}

uint32_t Shard::OwnerOf(std::string_view domain) const {
  return uint32_t(std::hash<std::string_view>{}(domain) % outbound_.size());
}

MessageId Shard::NewId() { return common_.next_message_id.fetch_add(1, std::memory_order_relaxed); }

Result<Ref<queue::BodyFile>> Shard::CreateBodyFile(MessageId id) {
  return common_.queue.CreateBodyFile(id);
}

Status Shard::Ready() const {
  if (common_.writer.broken()) return Fail(ErrorCode::kIo, "the queue cannot be written");
  if (common_.writer.full()) return Fail(ErrorCode::kFull, "the queue is full");
  return {};
}

smtp::Answer Shard::Admit(std::string_view from_domain) {
  DomainGate::Admission admission = domain_gate_.Admit(context_, from_domain);
  if (!admission.warning.empty()) Alert("domain_unverified", std::move(admission.warning));
  return std::move(admission.refusal);
}

// Signed before the commit: what a 250 stands for is the message as it will leave.
void Shard::Submit(Accepted&& accepted, std::function<void(Status)> done) {
  if (!accepted.sign) return Commit(std::move(accepted), std::move(done));
  SignTask task = *std::exchange(accepted.sign, std::nullopt);
  queue::Signature signature = SignatureOf(task);
  context_.signing->Sign(std::move(task),
                         [this, signature = std::move(signature), accepted = std::move(accepted),
                          done = std::move(done)](Result<std::string> fields) mutable {
                           if (!fields) return done(std::unexpected(fields.error()));
                           if (accepted.wanted && !accepted.wanted())
                             return done(Fail(ErrorCode::kClosed, "the client has gone"));
                           PutSignature(std::move(signature), fields->size(), accepted.message);
                           accepted.content->Prepend(*fields);
                           Commit(std::move(accepted), std::move(done));
                         });
}

void Shard::WarnOf(const Accepted& accepted, queue::Transaction& transaction) {
  const queue::Message& message = accepted.message;
  if (accepted.unsigned_domain)
    Warn(message, "unsigned", *accepted.unsigned_domain,
         UnsignedWords(*accepted.unsigned_domain, message.tenant), transaction);
  if (!accepted.bulk_faults) return;
  bulk_tally_.Note(message.tenant, *accepted.bulk_faults);
  if (!accepted.bulk_faults->empty())
    Warn(message, "bulk_rules", message.tenant + " " + message.campaign,
         BulkWords(message.tenant, message.campaign, *accepted.bulk_faults), transaction);
}

// `about`: what it is told of now and then only.
void Shard::Warn(const queue::Message& message, const char* reason, const std::string& about,
                 std::string text, queue::Transaction& transaction) {
  if (warned_.size() >= kWarnedMax) warned_.clear();
  const auto [last, first_time] =
      warned_.try_emplace(std::string(reason) + " " + about, message.accepted);
  if (!first_time && message.accepted - last->second < kWarnAgain) return;
  last->second = message.accepted;
  queue::Event& alert = transaction.events.emplace_back();
  alert.type = queue::EventType::kAlert;
  alert.time = message.accepted;
  alert.message = message.id;
  alert.tenant = message.tenant;
  alert.campaign = message.campaign;
  alert.reason = reason;
  alert.text = std::move(text);
  if (alert.text.size() > queue::kMaxReplyText) alert.text.resize(queue::kMaxReplyText);
}

QuotaLimits Shard::LimitsOf(const Accepted& accepted) const {
  if (accepted.message.user.empty() || accepted.capture) return {};
  const auto user =
      std::ranges::find(context_.config->users, accepted.message.user, &config::User::name);
  if (user == context_.config->users.end()) return {};
  return {.hourly = user->hourly_limit, .daily = user->daily_limit};
}

void Shard::Commit(Accepted accepted, std::function<void(Status)> done) {
  const QuotaLimits limits = LimitsOf(accepted);
  if (!limits.any()) return CommitNow(std::move(accepted), std::move(done));
  const std::string user = accepted.message.user;
  const uint64_t recipients = accepted.recipients.size();
  quotas_.Take(user, limits, recipients,
               [this, accepted = std::move(accepted),
                done = std::move(done)](const std::vector<QuotaShare>& shares) mutable {
                 HoldBack(shares, accepted.message, context_.config->retry.max_hold,
                          accepted.recipients);
                 CommitNow(std::move(accepted), std::move(done));
               });
}

smtp::Answer Shard::AdmitUser(const std::string& name) {
  const WallTime until = quotas_.FullUntil(name);
  if (until <= context_.clock.Wall()) return {};
  const auto user = std::ranges::find(context_.config->users, name, &config::User::name);
  if (user == context_.config->users.end() || !user->refuse_over_limit) return {};
  return {452, "4.7.0", "The limit of user " + name + " is used up until " + FormatRfc3339(until)};
}

void Shard::CommitNow(Accepted accepted, std::function<void(Status)> done) {
  if (accepted.capture) {
    accepted.message.flags |= queue::kFlagCaptured;
    for (queue::Recipient& recipient : accepted.recipients) recipient.due = queue::kCapturedDue;
  }
  queue::Transaction transaction;
  for (const queue::Recipient& recipient : accepted.recipients) {
    queue::Event event = AcceptedEvent(accepted.message, recipient, accepted.size(), accepted.peer);
    transaction.events.push_back(event);
    if (!accepted.capture) continue;
    event.type = queue::EventType::kCaptured;
    transaction.events.push_back(std::move(event));
  }
  WarnOf(accepted, transaction);
  transaction.inserts.push_back(
      {accepted.message, accepted.recipients, accepted.content, std::move(accepted.file)});
  links_.Submit(std::move(transaction), true,
                [this, done = std::move(done),
                 accepted = std::move(accepted)](queue::Committed committed) mutable {
                  const Status status = committed.status;
                  if (status) {
                    ++accepted_;
                    scheduler_.campaigns().Accepted(accepted.message, accepted.recipients.size(),
                                                    context_.clock.Wall());
                    accepted.message.body = committed.bodies.front();
                  }
                  done(status);  // the 250 goes first
                  if (!status) return;
                  Hold(accepted.message, accepted.recipients);
                  Distribute(std::move(accepted.message), std::move(accepted.recipients),
                             std::move(accepted.content));
                });
}

void Shard::Alert(std::string reason, std::string text) {
  queue::Event event;
  event.type = queue::EventType::kAlert;
  event.time = context_.clock.Wall();
  event.reason = std::move(reason);
  event.text = std::move(text);
  if (event.text.size() > queue::kMaxReplyText) event.text.resize(queue::kMaxReplyText);
  queue::Transaction transaction;
  transaction.events.push_back(std::move(event));
  links_.Submit(std::move(transaction), false, {});
}

// Captured and scheduled ones have a due row on disk from the beginning; their lanes count it. What
// is due now stays in `recipients`.
void Shard::Hold(const queue::Message& message, std::vector<queue::Recipient>& recipients) {
  std::erase_if(recipients, [&](const queue::Recipient& recipient) {
    if (recipient.due <= message.accepted) return false;
    queue::LaneKey key = queue::LaneKeyOf(message, recipient.address);
    const uint32_t owner = OwnerOf(key.domain);
    out_.Send(owner, [shard = shards_[owner], key = std::move(key), due = recipient.due] {
      shard->scheduler_.lanes().AddSleeping({.id = {}, .key = key, .waiting = 1, .next_due = due});
    });
    return true;
  });
}

void Shard::Release(std::vector<queue::LoadedRecipient> captured,
                    std::function<void(Result<size_t>)> done) {
  CHECK(!captured.empty());
  queue::Transaction transaction;
  std::vector<queue::LaneKey> keys;
  const WallTime now = context_.clock.Wall();
  transaction.releases.push_back({captured.front().message.id, now});
  for (queue::LoadedRecipient& loaded : captured) {
    keys.push_back(queue::LaneKeyOf(loaded.message, loaded.recipient.address));
    loaded.recipient.due = now;
    transaction.postpones.push_back({std::move(loaded.recipient), keys.back()});
  }
  links_.Submit(std::move(transaction), true,
                [this, now, keys = std::move(keys),
                 done = std::move(done)](const queue::Committed& committed) {
                  if (!committed.status) return done(std::unexpected(committed.status.error()));
                  for (const queue::LaneKey& key : keys) {
                    const uint32_t owner = OwnerOf(key.domain);
                    out_.Send(owner, [shard = shards_[owner], key, now] {
                      shard->scheduler_.lanes().Reschedule(key, now);
                    });
                  }
                  done(keys.size());
                });
}

void Shard::OnReportQueued(queue::Message message, std::vector<queue::Recipient> recipients) {
  // It may have to wait for its turn: it is read back then.
  Distribute(std::move(message), std::move(recipients), {});
}

void Shard::Distribute(queue::Message message, std::vector<queue::Recipient> recipients,
                       Ref<const Body> content) {
  // A long message is read back by windows when it is sent; its memory is free for others.
  if (content && content->size() > kWindowBytes) content = {};
  const auto shared = MakeRef<SharedMessage>(std::move(message));
  for (queue::Recipient& recipient : recipients) {
    const uint32_t owner = OwnerOf(DomainOf(recipient.address));
    Waiting waiting{shared, std::move(recipient), content, false};
    if (owner == context_.index) {
      scheduler_.lanes().Add(std::move(waiting));
    } else {
      outbound_[owner].push_back(std::move(waiting));
    }
  }
}

void Shard::AddSleeping(std::vector<queue::LaneRow> rows) {
  for (queue::LaneRow& row : rows) {
    const uint32_t owner = OwnerOf(row.key.domain);
    out_.Send(owner, [shard = shards_[owner], row = std::move(row)] {
      shard->scheduler_.lanes().AddSleeping(row);
    });
  }
}

void Shard::AddRecovered(std::vector<queue::LoadedRecipient> recipients) {
  Ref<const SharedMessage> last;
  for (queue::LoadedRecipient& loaded : recipients) {
    if (!last || last->message.id != loaded.message.id)
      last = MakeRef<SharedMessage>(std::move(loaded.message));
    const uint32_t owner = OwnerOf(DomainOf(loaded.recipient.address));
    outbound_[owner].push_back({last, std::move(loaded.recipient), {}, false});
  }
}

void Shard::Save(StsRecord record) {
  // A reader does it: the loop waits for no disk.
  links_.Ask([folder = StsFolder(*context_.config), record = std::move(record)](queue::Queue&) {
    if (const Status written = WriteStsRecord(folder, record); !written)
      LogWarn("mta-sts", written.error().what);
    return Task([] {});
  });
}

void Shard::Reload(std::shared_ptr<const config::Config> config,
                   std::shared_ptr<io::TlsClientContext> tls_client,
                   std::shared_ptr<const Keyring> keyring,
                   std::shared_ptr<const smtp::TokenSecrets> tokens,
                   std::shared_ptr<const config::ReplyRuleSet> rules) {
  context_.config = std::move(config);
  context_.keyring = std::move(keyring);
  context_.tokens = std::move(tokens);
  context_.tls_client = std::move(tls_client);
  scheduler_.RenewTls();
  rules_.Use(std::move(rules));
  quotas_.SetZone(context_.config->zone);
  warmup_.SetConfig(context_.config);
  router_.SetOptions(RouterOptionsOf(*context_.config));
  limits_.SetSettings(LimitSettingsOf(*context_.config, outbound_.size()));
  scheduler_.RenewShapes();
}

void Shard::Stop() { scheduler_.Stop(); }

void Shard::Abort() { scheduler_.Abort(); }

bool Shard::Stopped() const {
  const bool signing = context_.signing != nullptr && context_.signing->open() > 0;
  return scheduler_.Stopped() && links_.open() == 0 && !signing;
}

}  // namespace sluice::engine
