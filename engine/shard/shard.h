// engine/shard/shard.h — one loop's worth of engine: intake, lanes, scheduler, and its lines out.
//
// PURPOSE   Owns the parts that run on one loop and connects them. A recipient's domain decides
//           which shard owns its lane (OwnerOf), so every lane has one owner and no lock.
// FLOW      Submit -> group commit -> 250 and Distribute -> the owner's Lanes -> Scheduler.
//           Runtime calls: OnWake when the mailbox has something, BeforePoll once a turn.
// THREADS   Everything on the shard's loop, but Mailbox::Post.

#ifndef SLUICE_ENGINE_SHARD_SHARD_H_
#define SLUICE_ENGINE_SHARD_SHARD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dns/mx_router.h"
#include "engine/delivery/rule_book.h"
#include "engine/http/resolved_fetch.h"
#include "engine/policy/mta_sts.h"
#include "engine/shard/context.h"
#include "engine/shard/limits.h"
#include "engine/shard/links.h"
#include "engine/shard/mailbox.h"
#include "engine/shard/order_sweeper.h"
#include "engine/shard/path_rates.h"
#include "engine/shard/quotas.h"
#include "engine/shard/rates.h"
#include "engine/shard/reader.h"
#include "engine/shard/scheduler.h"
#include "engine/shard/suspensions.h"
#include "engine/shard/switchboard.h"
#include "engine/shard/tls_policy_table.h"
#include "engine/shard/warmup.h"
#include "engine/shard/writer.h"
#include "engine/submission/domain_gate.h"
#include "engine/submission/intake.h"

namespace sluice::engine {

// What all shards share. Outlives them.
struct ShardCommon {
  queue::Queue& queue;
  Writer& writer;
  Reader& reader;
  std::span<Mailbox* const> mailboxes;  // by shard
  std::atomic<uint64_t>& next_message_id;
  HttpTransport* http = nullptr;  // null: no MTA-STS
  // Policies of the last run, for those who own the domain. Read while shards are made, not later.
  std::span<const StsRecord> sts_records{};
  std::shared_ptr<const config::ReplyRuleSet> rules{};  // null: none (tests)
};

// Where MTA-STS policies are kept.
std::string StsFolder(const config::Config& config);

class Shard final : public Intake, private RecorderOwner {
 public:
  // `context` and what it names outlive the shard; `transport` is its DNS.
  Shard(ShardContext context, const ShardCommon& common, dns::DnsTransport& transport);
  ~Shard() override;
  // All shards by number, this one among them; once, before the loops run.
  void Join(std::span<Shard* const> shards);
  // What earlier runs had suspended (TakeSuspensions); once, before the loops run.
  void Load(std::span<const queue::Suspension> kept) {
    suspensions_.Load(kept);
    quotas_.Load(kept);
    rates_.Load(kept, links_);
    warmup_.Load(kept);
  }

  // From the runtime.
  void OnWake() { mailbox_.Run(); }
  void BeforePoll();

  // Recovery: lane rows and swept-up recipients, on the shard that owns them.
  void AddSleeping(std::vector<queue::LaneRow> rows);
  void AddRecovered(std::vector<queue::LoadedRecipient> recipients);
  uint32_t OwnerOf(std::string_view domain) const;
  // Lets captured recipients of one message go (design 12.15), some at least; `done` hears how
  // many, or what went wrong.
  void Release(std::vector<queue::LoadedRecipient> captured,
               std::function<void(Result<size_t>)> done);

  // `tls_client` as in ShardContext.
  void Reload(std::shared_ptr<const config::Config> config,
              std::shared_ptr<io::TlsClientContext> tls_client,
              std::shared_ptr<const Keyring> keyring,
              std::shared_ptr<const smtp::TokenSecrets> tokens,
              std::shared_ptr<const config::ReplyRuleSet> rules);
  // What operators order (order_book.h). Put: before the loops run, or on this one.
  void PutOrder(const queue::Order& order) { scheduler_.TakeOrder(order); }
  void DropOrder(uint64_t id) { scheduler_.DropOrder(id); }
  OrderSweeper& sweeper() { return sweeper_; }
  // Ends the deliveries that run, takes no new work. Stopped(): connections closed, all durable.
  void Stop();
  void Abort();
  bool Stopped() const;

  // Intake
  MessageId NewId() override;
  Result<Ref<queue::BodyFile>> CreateBodyFile(MessageId id) override;
  Status Ready() const override;
  smtp::Answer Admit(std::string_view from_domain) override;
  smtp::Answer AdmitUser(const std::string& user) override;
  void Submit(Accepted&& accepted, std::function<void(Status)> done) override;
  void Alert(std::string reason, std::string text) override;

  ShardContext& context() { return context_; }
  const RuleBook& rules() const { return rules_; }
  Scheduler& scheduler() { return scheduler_; }
  const TlsPolicyTable& policies() const { return policies_; }
  Limits& limits() { return limits_; }
  Warmup& warmup() { return warmup_; }
  Links& links() { return links_; }
  Switchboard& out() { return out_; }
  TlsPolicyTable& policies() { return policies_; }
  HttpFetch* web() { return fetch_.get(); }  // null where there is none
  uint64_t accepted() const { return accepted_; }
  const BulkTally& bulk_tally() const { return bulk_tally_; }

 private:
  MessageId NewMessageId() override { return NewId(); }
  void OnReportQueued(queue::Message message, std::vector<queue::Recipient> recipients) override;
  void Hold(const queue::Message& message, std::vector<queue::Recipient>& recipients);
  QuotaLimits LimitsOf(const Accepted& accepted) const;
  // Gives each recipient to the owner of its domain's lane.
  void Distribute(queue::Message message, std::vector<queue::Recipient> recipients,
                  Ref<const Body> content);
  void Commit(Accepted accepted, std::function<void(Status)> done);
  void CommitNow(Accepted accepted, std::function<void(Status)> done);
  void WarnOf(const Accepted& accepted, queue::Transaction& transaction);
  void Warn(const queue::Message& message, const char* reason, const std::string& about,
            std::string text, queue::Transaction& transaction);
  static dns::RouterOptions RouterOptionsOf(const config::Config& config);
  static LimitSettings LimitSettingsOf(const config::Config& config, size_t shards);
  // Keeps a policy on disk.
  void Save(StsRecord record);

  ShardContext context_;
  const ShardCommon common_;
  Mailbox& mailbox_;
  Switchboard out_;
  Links links_;
  Limits limits_;
  Rates rates_;
  Quotas quotas_;
  PathRates path_rates_;
  Warmup warmup_;
  Suspensions suspensions_;
  dns::CachingMxRouter router_;
  std::unique_ptr<HttpFetch> fetch_;  // null without MTA-STS, and so is sts_
  std::unique_ptr<MtaSts> sts_;
  TlsPolicyTable policies_;
  RuleBook rules_;
  Scheduler scheduler_;
  OrderSweeper sweeper_;
  std::vector<Shard*> shards_;
  std::vector<std::vector<Waiting>> outbound_;  // by shard: recipients of this turn
  DomainGate domain_gate_;
  Timer again_;  // something could not be handed over, or is left for the next turn
  uint64_t accepted_ = 0;
  BulkTally bulk_tally_;
  // Domains whose unsigned mail the operator has heard of, and when.
  std::unordered_map<std::string, WallTime> warned_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_SHARD_H_
