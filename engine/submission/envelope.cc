#include "engine/submission/envelope.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "dns/domain.h"
#include "engine/base/text.h"
#include "engine/submission/bulk_rules.h"
#include "engine/submission/schedule_fields.h"
#include "engine/submission/sender_policy.h"

namespace sluice::engine {
namespace {

constexpr char kTransactional[] = "transactional";
constexpr char kBulk[] = "bulk";

// Keeps the first of equal addresses; the domain is lower case already, the local part has case.
void DropDoubles(std::vector<queue::Recipient>& recipients) {
  if (recipients.size() < 2) return;
  std::vector<size_t> order(recipients.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const int compared = recipients[a].address.compare(recipients[b].address);
    return compared != 0 ? compared < 0 : a < b;
  });
  std::vector<bool> twice(recipients.size());
  for (size_t i = 1; i < order.size(); ++i)
    twice[order[i]] = recipients[order[i]].address == recipients[order[i - 1]].address;
  size_t kept = 0;
  for (size_t i = 0; i < recipients.size(); ++i) {
    if (twice[i]) continue;
    if (kept != i) recipients[kept] = std::move(recipients[i]);
    ++kept;
  }
  recipients.resize(kept);
}

// The class by X-Priority-Class, where the user may say it; none: not said.
std::optional<bool> ClassBy(const smtp::HeaderFacts& header, const config::User* user) {
  if (user == nullptr || !user->priority_header || header.priority_class.empty())
    return std::nullopt;
  return !EqualsNoCase(header.priority_class, kTransactional);
}

// Design part 2: the sender's campaign fields, else bulk-<From domain> for list mail; the user's
// class wins over what the message says, but for X-Priority-Class where the user may say it.
void SetCampaign(queue::Message& message, const smtp::HeaderFacts& header,
                 const config::User* user) {
  const std::optional<bool> of_user = ClassOf(user);
  const bool bulk = ClassBy(header, user).value_or(of_user.value_or(header.bulk()));
  if (bulk) message.flags |= queue::kFlagBulk;
  message.campaign = header.campaign;
  if (!bulk && !message.campaign.empty()) message.flags |= queue::kFlagUrgent;
  if (message.campaign.empty() && bulk) {
    message.campaign = "bulk-" + header.from_domain;
    message.campaign.resize(std::min(message.campaign.size(), queue::kMaxName));
    while (!IsUtf8(message.campaign)) message.campaign.pop_back();  // a character cut in two
  }
}

// When the message may go, where the user may say it; CheckControlFields has looked at it.
Schedule ScheduleOf(const smtp::HeaderFacts& header, const Submitted& submitted) {
  if (submitted.user == nullptr || !submitted.user->schedule_headers) return {};
  return ParseSchedule(header.schedule, submitted.now).value_or(Schedule{});
}

// Only what needs SMTPUTF8 asks it of receivers: clients set it to be on the safe side.
bool NeedsUtf8(const Submitted& submitted, const smtp::HeaderFacts& header) {
  if (!submitted.mail.utf8) return false;
  if (header.eight_bit || smtp::Has8Bit(submitted.mail.sender)) return true;
  return std::any_of(submitted.recipients.begin(), submitted.recipients.end(),
                     [](const queue::Recipient& r) { return smtp::Has8Bit(r.address); });
}

queue::DsnRet RetOf(smtp::Ret ret) {
  switch (ret) {
    case smtp::Ret::kUnset:
      return queue::DsnRet::kUnset;
    case smtp::Ret::kFull:
      return queue::DsnRet::kFull;
    case smtp::Ret::kHeaders:
      return queue::DsnRet::kHeaders;
  }
  return queue::DsnRet::kUnset;
}

}  // namespace

std::optional<bool> ClassOf(const config::User* user) {
  using Class = config::User::Class;
  if (user == nullptr || user->mail_class == Class::kByMessage) return std::nullopt;
  return user->mail_class == Class::kBulk;
}

std::string TenantName(const config::User* user) {
  if (user == nullptr) return kDefaultTenant;
  return user->tenant.empty() ? user->name : user->tenant;
}

std::expected<std::string, std::string> StoredAddress(std::string_view address,
                                                      std::string_view hostname) {
  if (address.empty()) return std::string();
  if (!address.contains('@')) return std::string(address) + "@" + std::string(hostname);
  const std::string_view domain = DomainOf(address);
  if (domain.starts_with('[')) return std::string(address);
  std::string stored(address.substr(0, address.size() - domain.size()));
  if (smtp::Has8Bit(domain)) {
    auto ascii = dns::NormalizeDomain(domain);
    if (!ascii) return std::unexpected(std::move(ascii.error().what));
    stored += *ascii;
  } else {
    stored += Lower(domain);
  }
  if (!dns::IsHostName(DomainOf(stored))) return std::unexpected("Not a mail domain");
  if (stored.size() > queue::kMaxAddress) return std::unexpected("Address too long");
  return stored;
}

static_assert(smtp::kCampaignMax <= queue::kMaxName);
static_assert(smtp::kLocalPartMax + 1 + smtp::kDomainMax <= queue::kMaxAddress);
static_assert(uint8_t(smtp::kNotifyNever) == queue::kNotifyNever);
static_assert(uint8_t(smtp::kNotifySuccess) == queue::kNotifySuccess);
static_assert(uint8_t(smtp::kNotifyFailure) == queue::kNotifyFailure);
static_assert(uint8_t(smtp::kNotifyDelay) == queue::kNotifyDelay);

Accepted Assemble(Submitted submitted, MessageBuilder& builder) {
  const smtp::HeaderFacts& header = builder.header();
  Accepted accepted;
  queue::Message& message = accepted.message;
  message.id = builder.id();
  message.accepted = message.released = submitted.now;
  message.sender = submitted.mail.sender;
  message.tenant = TenantName(submitted.user);
  if (submitted.user != nullptr) {
    message.user = submitted.user->name;
    accepted.capture = submitted.user->deliver == config::User::Deliver::kCapture;
  }
  message.envid = submitted.mail.envid;
  message.ret = RetOf(submitted.mail.ret);
  if (submitted.content.eight_bit) message.flags |= queue::kFlag8Bit;
  if (submitted.content.dots) message.flags |= queue::kFlagDots;
  if (header.is_signed) message.flags |= queue::kFlagSigned;
  if (NeedsUtf8(submitted, header)) message.flags |= queue::kFlagSmtpUtf8;
  SetCampaign(message, header, submitted.user);
  if (submitted.user != nullptr && submitted.user->pool_header && !header.pool.empty()) {
    message.pool = header.pool;
    message.flags |= queue::kFlagPool;
  }
  message.header_length = uint32_t(builder.header_length());
  message.cuts = builder.cuts();

  accepted.recipients = std::move(submitted.recipients);
  DropDoubles(accepted.recipients);
  message.recipients = uint32_t(accepted.recipients.size());
  const Schedule schedule = ScheduleOf(header, submitted);
  message.window = schedule.window;
  if (!message.window.empty()) message.flags |= queue::kFlagScheduled;
  if (!schedule.empty()) message.released = LastDue(schedule, message.accepted);
  for (uint32_t i = 0; i < message.recipients; ++i) {
    queue::Recipient& recipient = accepted.recipients[i];
    recipient.id = {message.id, i};
    recipient.due = schedule.empty() ? message.accepted
                                     : FirstDue(schedule, message.accepted, recipient.address);
  }
  accepted.peer = std::move(submitted.peer);
  accepted.content = builder.TakeBody();
  return accepted;
}

std::optional<smtp::Canonical> HashOfNewMail(const ShardContext& context) {
  if (context.keyring == nullptr || context.keyring->empty()) return std::nullopt;
  return context.keyring->body_form();
}

std::string UnsubscribeOfNewMail(const ShardContext& context, const std::string& tenant,
                                 size_t recipients, MessageId id) {
  const config::Tenant& settings = TenantOf(*context.config, tenant);
  if (settings.bulk_rules != config::Tenant::BulkRules::kAdd || !context.tokens) return {};
  if (recipients != 1) return {};
  return UnsubscribeFields(settings, *context.tokens, {smtp::TokenKind::kUnsubscribe, id, 0});
}

smtp::Answer CheckControlFields(const config::Config& config, const config::User* user,
                                const smtp::HeaderFacts& header, WallTime now) {
  if (user == nullptr) return {};
  if (user->schedule_headers) {
    const auto schedule = ParseSchedule(header.schedule, now);
    if (!schedule) return {550, "5.6.0", schedule.error()};
    // Hours close a whole campaign (docs/adr/0019).
    if (schedule->window.from != schedule->window.to && header.campaign.empty() &&
        !ClassBy(header, user).value_or(ClassOf(user).value_or(header.bulk())))
      return {550, "5.6.0", "X-Schedule-Hours needs a campaign: add X-Campaign"};
  }
  const std::string& value = header.priority_class;
  if (user->priority_header && !value.empty() && !EqualsNoCase(value, kTransactional) &&
      !EqualsNoCase(value, kBulk))
    return {550, "5.6.0", "X-Priority-Class must be transactional or bulk, not \"" + value + "\""};
  const std::string& pool = header.pool;
  if (user->pool_header && !pool.empty() &&
      std::ranges::find(config.pools, pool, &config::Pool::name) == config.pools.end() &&
      std::ranges::find(config.sources, pool, &config::Source::name) == config.sources.end())
    return {550, "5.6.0", "There is no pool or source named \"" + pool + "\""};
  return {};
}

smtp::Answer PrepareSigning(const ShardContext& context, const config::User* user,
                            MessageBuilder& builder, Accepted& accepted) {
  if (context.keyring == nullptr) return {};
  SenderVerdict verdict =
      JudgeSender(*context.config, *context.keyring, builder.header(), user, accepted.message);
  if (!verdict.refusal.empty()) return std::move(verdict.refusal);
  const queue::Message& message = accepted.message;
  const bool bulk = (message.flags & queue::kFlagBulk) != 0;
  using Rules = config::Tenant::BulkRules;
  const Rules rules = TenantOf(*context.config, message.tenant).bulk_rules;
  if (bulk && rules != Rules::kOff) {
    accepted.bulk_faults =
        FindBulkFaults(builder.header(), verdict.signers.aligned || builder.header().is_signed);
    if (rules == Rules::kAdd && !builder.header().unsubscribe && message.recipients > 1)
      accepted.bulk_faults->Add(BulkFault::kShared);
  }
  if (verdict.warn) accepted.unsigned_domain = builder.header().from_domain;
  // A reload may have brought the first key since the message began.
  const auto form = builder.hashed();
  if (verdict.signers.keys.empty()) return {};
  if (!form) return {451, "4.7.0", "The keys have changed meanwhile, try again"};
  SignTask& task = accepted.sign.emplace();
  task.keyring = context.keyring;
  task.keys = std::move(verdict.signers.keys);
  task.header = builder.TakeLeavingHeader();
  task.body_form = *form;
  task.body_hash = builder.TakeBodyHash();
  task.now = accepted.message.accepted;
  return {};
}

smtp::Answer AnswerNotStored(const Error& error) {
  if (error.code == ErrorCode::kFull)
    return {452, "4.3.1", "No room for the message, try again later"};
  return {451, "4.3.0", "The message could not be stored, try again later"};
}

}  // namespace sluice::engine
