#include "engine/shard/quotas.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

// "d|1795248000|crm": the kind of the window, its beginning in seconds, the user.
std::string RowKey(char kind, WallTime window, const std::string& user) {
  return std::string(1, kind) + "|" + std::to_string(MicrosOf(window) / 1'000'000) + "|" + user;
}

queue::SuspensionId RowId(std::string key) {
  return {queue::SuspensionKind::kQuota, std::move(key)};
}

}  // namespace

void HoldBack(std::span<const QuotaShare> shares, const queue::Message& message, Duration max_hold,
              std::vector<queue::Recipient>& recipients) {
  size_t next = 0;
  for (const QuotaShare& share : shares) {
    for (uint64_t i = 0; i < share.count && next < recipients.size(); ++i, ++next) {
      if (share.from <= message.accepted) continue;
      queue::Recipient& recipient = recipients[next];
      recipient.released = share.from;
      recipient.due = std::max(recipient.due, std::min(share.from, message.released + max_hold));
      recipient.last_reply = "held: the limit of user " + message.user + " is used up until " +
                             FormatRfc3339(share.from);
      if (recipient.last_reply.size() > queue::kMaxReplyText)
        recipient.last_reply.resize(queue::kMaxReplyText);
    }
  }
}

uint32_t Quotas::OwnerOf(const std::string& user) const {
  return uint32_t(std::hash<std::string>{}(user) % peers_.size());
}

WallTime Quotas::HourOf(WallTime t) {
  return WallTime(std::chrono::floor<std::chrono::hours>(t.time_since_epoch()));
}

void Quotas::Load(std::span<const queue::Suspension> kept) {
  for (const queue::Suspension& row : kept) {
    const std::string& key = row.id.key;
    const size_t bar = key.find('|', 2);
    if (row.id.kind != queue::SuspensionKind::kQuota || bar == std::string::npos) continue;
    int64_t seconds = 0;
    const auto [end, error] = std::from_chars(key.data() + 2, key.data() + bar, seconds);
    if (error != std::errc() || end != key.data() + bar) continue;
    const std::string name = key.substr(bar + 1);
    if (OwnerOf(name) != shard_) continue;
    User& user = users_[name];
    Windows& windows = key[0] == 'd' ? user.days : user.hours;
    windows[WallFromMicros(seconds * 1'000'000)] = row.failures;
  }
}

void Quotas::Take(const std::string& user, const QuotaLimits& limits, uint64_t recipients,
                  SharesFn done) {
  const uint32_t owner = OwnerOf(user);
  SharesFn hear = [this, user, done = std::move(done)](std::vector<QuotaShare> shares) mutable {
    if (!shares.empty()) full_until_[user] = shares.back().from;
    done(std::move(shares));
  };
  if (owner == shard_) return hear(TakeHere(user, limits, recipients));
  out_.Send(owner, [this, peer = peers_[owner], user, limits, recipients,
                    hear = std::move(hear)]() mutable {
    peer->out_.Send(shard_, [shares = peer->TakeHere(user, limits, recipients),
                             hear = std::move(hear)]() mutable { hear(std::move(shares)); });
  });
}

WallTime Quotas::FullUntil(const std::string& user) const {
  const auto it = full_until_.find(user);
  return it == full_until_.end() ? WallTime{} : it->second;
}

QuotaShare Quotas::Find(User& user, const QuotaLimits& limits) const {
  const auto used = [](const Windows& windows, WallTime window) {
    const auto it = windows.find(window);
    return it == windows.end() ? uint64_t(0) : it->second;
  };
  WallTime at = clock_.Wall();
  uint64_t room = 0;
  for (size_t i = 0; i < kWindowsMax; ++i) {
    room = UINT64_MAX;
    if (limits.daily > 0) {
      const uint64_t taken = used(user.days, zone_.DayOf(at));
      if (taken >= limits.daily) {
        at = zone_.DayAfter(at);
        continue;
      }
      room = limits.daily - taken;
    }
    if (limits.hourly > 0) {
      const uint64_t taken = used(user.hours, HourOf(at));
      if (taken >= limits.hourly) {
        at = HourOf(at) + std::chrono::hours(1);
        continue;
      }
      room = std::min(room, limits.hourly - taken);
    }
    return {at, room};
  }
  return {at, UINT64_MAX};
}

std::vector<QuotaShare> Quotas::TakeHere(const std::string& name, const QuotaLimits& limits,
                                         uint64_t recipients) {
  User& user = users_[name];
  DropPast(name, user);
  std::vector<QuotaShare> shares;
  while (recipients > 0) {
    QuotaShare share = Find(user, limits);
    share.count = std::min(share.count, recipients);
    recipients -= share.count;
    if (limits.daily > 0) Count(name, user.days, 'd', zone_.DayOf(share.from), share.count);
    if (limits.hourly > 0) Count(name, user.hours, 'h', HourOf(share.from), share.count);
    shares.push_back(share);
  }
  return shares;
}

void Quotas::Count(const std::string& name, Windows& windows, char kind, WallTime window,
                   uint64_t count) {
  const uint64_t sum = windows[window] += count;
  std::string key = RowKey(kind, window, name);
  if (key.size() > queue::kMaxSuspensionKey) return;  // then it is forgotten by a restart
  queue::Suspension row{RowId(key), window, uint32_t(std::min<uint64_t>(sum, UINT32_MAX)), {}};
  changed_[std::move(key)] = std::move(row);
}

void Quotas::DropPast(const std::string& name, User& user) {
  const auto drop = [&](Windows& windows, char kind, WallTime present) {
    for (auto it = windows.begin(); it != windows.end() && it->first < present;) {
      std::string key = RowKey(kind, it->first, name);
      changed_.erase(key);
      over_.insert(std::move(key));
      it = windows.erase(it);
    }
  };
  drop(user.days, 'd', zone_.DayOf(clock_.Wall()));
  drop(user.hours, 'h', HourOf(clock_.Wall()));
}

void Quotas::Flush() {
  if (changed_.empty() && over_.empty()) return;
  queue::Transaction transaction;
  for (auto& [key, row] : std::exchange(changed_, {}))
    transaction.suspensions.push_back(std::move(row));
  for (const std::string& key : std::exchange(over_, {})) transaction.lifted.push_back(RowId(key));
  links_.Submit(std::move(transaction), false, {});
}

}  // namespace sluice::engine
