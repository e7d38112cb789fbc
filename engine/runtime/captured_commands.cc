#include "engine/runtime/captured_commands.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/message_id.h"
#include "engine/base/text.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

std::optional<MessageId> IdOf(const ControlRequest& request) {
  return ParseMessageId(RequestText(request, "id"));
}

bool IsCaptured(const queue::LoadedRecipient& loaded) {
  return loaded.recipient.due == queue::kCapturedDue;
}

Json Describe(const queue::Message& message) {
  return {{"id", FormatMessageId(message.id)},
          {"time", FormatRfc3339(message.accepted)},
          {"sender", message.sender},
          {"tenant", message.tenant},
          {"user", message.user},
          {"size", message.body.length},
          {"recipients", Json::array()}};
}

Json Listed(queue::Queue& queue) {
  constexpr size_t kLanesAtOnce = 1'000;
  std::map<MessageId, Json> found;
  size_t looked = 0;
  std::optional<queue::LaneId> after;
  bool more = true;
  while (more && looked < CapturedCommands::kRowsLooked) {
    const auto lanes = queue.Lanes(after, kLanesAtOnce);
    if (!lanes) break;
    more = lanes->size() == kLanesAtOnce;
    for (const queue::LaneRow& lane : *lanes) {
      after = lane.id;
      const size_t room =
          CapturedCommands::kRowsLooked - std::min(looked, CapturedCommands::kRowsLooked);
      const auto rows = queue.Captured(lane.id, room);
      looked += rows ? rows->size() + 1 : 1;
      if (!rows) continue;
      more |= rows->size() == room;
      for (const queue::LoadedRecipient& row : *rows) {
        Json& entry = found[row.message.id];
        if (entry.is_null()) entry = Describe(row.message);
        entry["recipients"].push_back(row.recipient.address);
      }
    }
  }
  more |= found.size() > CapturedCommands::kMessagesShown;
  Json messages = Json::array();
  for (auto& [id, entry] : found)
    if (messages.size() < CapturedCommands::kMessagesShown) messages.push_back(std::move(entry));
  return {{"ok", true}, {"messages", std::move(messages)}, {"more", more}};
}

// The first captured recipients of a message that were not released.
std::vector<queue::LoadedRecipient> CapturedOf(queue::Queue& queue, MessageId id) {
  constexpr size_t kPage = 1'000;
  std::vector<queue::LoadedRecipient> out;
  for (uint32_t from = 0; out.empty();) {
    auto page = queue.Recipients(id, from, kPage);
    if (!page || page->empty()) break;
    from = page->back().recipient.id.index + 1;
    for (queue::LoadedRecipient& loaded : *page)
      if (IsCaptured(loaded)) out.push_back(std::move(loaded));
  }
  return out;
}

}  // namespace

void CapturedCommands::Register(ControlServer& server) {
  server.On("captured_list",
            [this](const ControlRequest&, const ControlDone& done) { List(done); });
  server.On("captured_show", [this](const ControlRequest& r, const ControlDone& d) { Show(r, d); });
  server.On("captured_release",
            [this](const ControlRequest& r, const ControlDone& d) { Release(r, d); });
}

void CapturedCommands::List(const ControlDone& done) {
  shard_.links().Ask([done](queue::Queue& queue) -> Task {
    return [done, json = Dump(Listed(queue))] { done(json); };
  });
}

void CapturedCommands::Show(const ControlRequest& request, const ControlDone& done) {
  const auto id = IdOf(request);
  if (!id) return done(ControlError("\"id\" is no message id"));
  shard_.links().Ask([id = *id, done](queue::Queue& queue) -> Task {
    const std::vector<queue::LoadedRecipient> captured = CapturedOf(queue, id);
    if (captured.empty()) return [done] { done(ControlError("no such captured message")); };
    const queue::BodyLocation body = captured.front().message.body;
    const Result<std::string> content = queue.ReadBody(body, 0, body.length);
    if (!content) return [done, why = content.error().what] { done(ControlError(why)); };
    return [done, json = Dump(Json{{"ok", true}, {"message", Base64Encode(*content)}})] {
      done(json);
    };
  });
}

void CapturedCommands::Release(const ControlRequest& request, const ControlDone& done) {
  const auto id = IdOf(request);
  if (!id) return done(ControlError("\"id\" is no message id"));
  ReleaseSome(*id, 0, done);
}

// A page a transaction, until none is left: a message may have very many recipients.
void CapturedCommands::ReleaseSome(MessageId id, size_t before, const ControlDone& done) {
  shard_.links().Ask([this, id, before, done](queue::Queue& queue) -> Task {
    return [this, id, before, done, captured = CapturedOf(queue, id)]() mutable {
      if (captured.empty() && before == 0) return done(ControlError("no such captured message"));
      if (captured.empty()) return done(Dump(Json{{"ok", true}, {"released", before}}));
      shard_.Release(std::move(captured), [this, id, before, done](const Result<size_t>& released) {
        if (!released) return done(ControlError(released.error().what));
        ReleaseSome(id, before + *released, done);
      });
    };
  });
}

}  // namespace sluice::engine
