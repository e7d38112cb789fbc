#include "engine/runtime/explainer.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "dns/domain.h"
#include "engine/base/message_id.h"
#include "engine/base/text.h"
#include "engine/runtime/gather.h"
#include "engine/runtime/lane_json.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

constexpr char kWhatIsMeant[] =
    "give the id of a message (as in `queued as ID`), an address, a domain or a site";

// Of all shards, the fullest first.
std::vector<LaneReport> Join(std::vector<std::vector<LaneReport>> shards) {
  std::vector<LaneReport> all;
  for (auto& shard : shards) std::ranges::move(shard, std::back_inserter(all));
  std::ranges::sort(all, [](const auto& a, const auto& b) { return a.waiting > b.waiting; });
  return all;
}

Json LanesJson(const std::vector<LaneReport>& lanes, WallTime now) {
  Json out = Json::array();
  for (size_t i = 0; i < std::min(lanes.size(), Explainer::kLanesShown); ++i)
    out.push_back(ToJson(lanes[i], now));
  return out;
}

// A recipient, what keeps it and when it is tried next. `lane`: null when it is gone by now.
Json RecipientJson(const queue::LoadedRecipient& loaded, const LaneReport* lane, WallTime now) {
  const queue::Recipient& recipient = loaded.recipient;
  const bool captured = recipient.due == queue::kCapturedDue;
  const bool later = !captured && recipient.due > now;
  WallTime next = captured ? WallTime::max() : recipient.due;
  std::string reason = lane != nullptr ? lane->reason : "has been dealt with just now";
  if (later && (lane == nullptr || lane->until <= recipient.due))
    reason = "waits until its next attempt is due";
  if (lane != nullptr && lane->until > now) next = std::max(next, lane->until);
  return {{"message", FormatMessageId(recipient.id.message)},
          {"recipient", recipient.address},
          {"tenant", loaded.message.tenant},
          {"attempts", recipient.attempts},
          {"due", TimeOrNull(captured ? WallTime::max() : recipient.due)},
          {"next_try", NextTryJson(next, now)},
          {"reason", std::move(reason)},
          {"last_reply", recipient.last_reply}};
}

// "local@domain" with the domain as the queue keeps it.
Result<std::string> AddressInQueue(const std::string& what) {
  const std::string_view local = std::string_view(what).substr(0, what.rfind('@'));
  const std::string domain(DomainOf(what));
  if (local.empty()) return Fail(ErrorCode::kInvalid, "no address: nothing before the @");
  if (domain.starts_with('[')) return std::string(local) + "@" + domain;
  const auto name = dns::NormalizeDomain(domain);
  if (!name) return Fail(ErrorCode::kInvalid, "no address: " + name.error().what);
  return std::string(local) + "@" + *name;
}

// May be the name of a domain, or of a site ("?b.test", "*.mx.test", "[192.0.2.1]:25").
bool MayBeName(std::string_view text) {
  return !text.empty() && text.size() <= queue::kMaxSuspensionKey &&
         std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' '; });
}

}  // namespace

// A look for all that waits for one address.
struct Explainer::Search {
  std::string address;
  ControlDone done;
  std::vector<queue::LaneId> lanes;  // those still to be read, the next one last
  queue::Queue::DuePlace from;
  size_t looked = 0;
  std::map<queue::RecipientId, queue::LoadedRecipient> found;
  uint64_t being_sent = 0;  // in the lanes of its domain

  bool full() const { return looked >= kRowsLooked || found.size() > kRecipientsShown; }
};

void Explainer::Explain(const std::string& what, const ControlDone& done) {
  const std::string_view meant = Trim(what);
  if (const auto id = ParseMessageId(Lower(meant))) return ExplainMessage(*id, done);
  if (meant.contains('@') && MayBeName(meant)) return ExplainAddress(std::string(meant), done);
  if (!MayBeName(meant))
    return done(ControlError(std::string("not clear what is meant: ") + kWhatIsMeant));
  const auto name = dns::NormalizeDomain(meant);
  ExplainPlace(name ? *name : Lower(meant), done);
}

void Explainer::FindLanes(const std::string& of,
                          std::function<void(std::vector<LaneReport>)> done) {
  Gather<std::vector<LaneReport>>(
      shards_,
      [of](ShardRuntime& runtime) {
        return ReportLanes(runtime.shard(), OfDomainSiteOrCampaign(of), kLanesShown);
      },
      [done = std::move(done)](std::vector<std::vector<LaneReport>> shards) {
        done(Join(std::move(shards)));
      });
}

std::string Explainer::ListOf(const std::vector<LaneReport>& lanes) const {
  return Dump(Json{
      {"ok", true}, {"lanes", LanesJson(lanes, Wall())}, {"more", lanes.size() > kLanesShown}});
}

void Explainer::ShowLanes(const std::string& of, const ControlDone& done) {
  FindLanes(of, [this, done](const std::vector<LaneReport>& lanes) { done(ListOf(lanes)); });
}

void Explainer::ExplainPlace(const std::string& place, const ControlDone& done) {
  FindLanes(place, [this, place, done](const std::vector<LaneReport>& lanes) {
    if (!lanes.empty()) return done(ListOf(lanes));
    done(ControlError("nothing waits for \"" + place + "\": " + kWhatIsMeant +
                      "; what is gone is in the event log"));
  });
}

void Explainer::ExplainMessage(MessageId id, const ControlDone& done) {
  Links& links = shards_.front()->shard().links();
  links.Ask([this, id, done](queue::Queue& queue) -> Task {
    auto found = queue.Recipients(id, 0, kRecipientsShown + 1);
    return [this, done,
            open = std::move(found).value_or(std::vector<queue::LoadedRecipient>())]() mutable {
      if (open.empty())
        return done(ControlError(
            "no recipient of this message is open: look for its final events in the event log"));
      const bool more = open.size() > kRecipientsShown;
      if (more) open.pop_back();
      Answer(std::move(open), more, done);
    };
  });
}

void Explainer::ExplainAddress(const std::string& address, const ControlDone& done) {
  auto kept = AddressInQueue(address);
  if (!kept) return done(ControlError(kept.error().what + "; " + kWhatIsMeant));
  struct Held {
    std::vector<queue::LaneId> lanes;  // those with rows on disk
    std::vector<queue::LoadedRecipient> in_memory;
    uint64_t being_sent = 0;
  };
  Gather<Held>(
      shards_,
      [address = *kept](ShardRuntime& runtime) {
        Held held;
        runtime.shard().scheduler().lanes().ForEach([&](LaneHandle, Lane& lane) {
          if (lane.key.domain != DomainOf(address)) return;
          if (lane.on_disk > 0) held.lanes.push_back(lane.id);
          if (!lane.window) return;
          held.being_sent += lane.window->in_flight + lane.window->committing;
          for (const Waiting& one : lane.window->ready)
            if (EqualsNoCase(one.recipient.address, address))
              held.in_memory.push_back({one.recipient, one.message->message});
        });
        return held;
      },
      [this, address = *kept, done](std::vector<Held> shards) {
        auto search = std::make_shared<Search>();
        search->address = address;
        search->done = done;
        for (Held& held : shards) {
          std::ranges::copy(held.lanes, std::back_inserter(search->lanes));
          search->being_sent += held.being_sent;
          for (queue::LoadedRecipient& one : held.in_memory)
            search->found.emplace(one.recipient.id, std::move(one));
        }
        SearchOn(search);
      });
}

// A page of one lane, then the next one: other questions to the reader come between.
void Explainer::SearchOn(const std::shared_ptr<Search>& search) {
  const bool more = !search->lanes.empty();
  if (more && !search->full()) {
    shards_.front()->shard().links().Ask([this, search](queue::Queue& queue) -> Task {
      const auto meant = [&search](const queue::LoadedRecipient& row) {
        return EqualsNoCase(row.recipient.address, search->address);
      };
      auto page = queue.Walk(search->lanes.back(), search->from, kRowsAtOnce, 0, meant);
      return [this, search, page = std::move(page)]() mutable {
        search->looked += kRowsAtOnce;
        if (page)
          for (queue::LoadedRecipient& one : page->found)
            search->found.insert_or_assign(one.recipient.id, std::move(one));
        if (!page || !page->next) search->lanes.pop_back();
        search->from =
            page ? page->next.value_or(queue::Queue::DuePlace()) : queue::Queue::DuePlace();
        SearchOn(search);
      };
    });
    return;
  }
  std::vector<queue::LoadedRecipient> found;
  for (auto& [id, one] : search->found) {
    if (found.size() == kRecipientsShown) break;
    found.push_back(std::move(one));
  }
  if (!found.empty()) return Answer(std::move(found), more, search->done);
  std::string why = "nothing waits for " + search->address;
  if (search->being_sent > 0)
    why += ", but mail to its domain is being sent just now: ask again in a moment";
  else if (more)
    why += " among the first " + std::to_string(search->looked) + " recipients of its domain";
  search->done(ControlError(why + "; what is gone is in the event log"));
}

void Explainer::Answer(std::vector<queue::LoadedRecipient> recipients, bool more,
                       const ControlDone& done) {
  auto keys = std::make_shared<std::set<queue::LaneKey>>();
  for (const queue::LoadedRecipient& one : recipients)
    keys->insert(queue::LaneKeyOf(one.message, one.recipient.address));
  Gather<std::vector<LaneReport>>(
      shards_,
      [keys = std::shared_ptr<const std::set<queue::LaneKey>>(keys)](ShardRuntime& runtime) {
        return ReportLanes(
            runtime.shard(), [&keys](const Lane& lane) { return keys->contains(lane.key.ToKey()); },
            kLanesShown);
      },
      [this, recipients = std::move(recipients), more,
       done](std::vector<std::vector<LaneReport>> shards) {
        const std::vector<LaneReport> lanes = Join(std::move(shards));
        const WallTime now = Wall();
        std::map<queue::LaneKey, const LaneReport*> by_key;
        for (const LaneReport& lane : lanes) by_key.emplace(lane.key, &lane);
        Json list = Json::array();
        for (const queue::LoadedRecipient& one : recipients) {
          const auto at = by_key.find(queue::LaneKeyOf(one.message, one.recipient.address));
          list.push_back(RecipientJson(one, at == by_key.end() ? nullptr : at->second, now));
        }
        done(Dump(Json{{"ok", true},
                       {"recipients", std::move(list)},
                       {"lanes", LanesJson(lanes, now)},
                       {"more", more || lanes.size() > kLanesShown}}));
      });
}

}  // namespace sluice::engine
