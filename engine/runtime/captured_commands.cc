#include "engine/runtime/captured_commands.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/base/message_id.h"
#include "engine/base/text.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<MessageId> IdOf(const ControlRequest& request) {
  return ParseMessageId(RequestText(request, "id"));
}

bool IsCaptured(const queue::LoadedRecipient& loaded) {
  return (loaded.message.flags & queue::kFlagCaptured) != 0;
}

Json Listed(queue::Queue& queue) {
  std::map<MessageId, Json> found;
  size_t looked = 0;
  std::optional<queue::LaneId> after;
  bool last = false;
  while (!last && looked < CapturedCommands::kRowsLooked) {
    const auto lanes = queue.Lanes(after, 1'000);
    if (!lanes) break;
    last = lanes->size() < 1'000;
    for (const queue::LaneRow& lane : *lanes) {
      after = lane.id;
      const auto rows = queue.Due(lane.id, WallTime::max(), 1'000, nullptr);
      looked += rows ? rows->size() + 1 : 1;
      if (!rows) continue;
      for (const queue::LoadedRecipient& row : *rows) {
        if (!IsCaptured(row)) continue;
        Json& entry = found[row.message.id];
        if (entry.is_null())
          entry = {{"id", FormatMessageId(row.message.id)},
                   {"time", FormatRfc3339(row.message.accepted)},
                   {"sender", row.message.sender},
                   {"tenant", row.message.tenant},
                   {"user", row.message.user},
                   {"size", row.message.body.length},
                   {"recipients", Json::array()}};
        entry["recipients"].push_back(row.recipient.address);
      }
    }
  }
  Json messages = Json::array();
  for (auto& [id, entry] : found)
    if (messages.size() < CapturedCommands::kMessagesShown) messages.push_back(std::move(entry));
  const bool more = !last || found.size() > CapturedCommands::kMessagesShown;
  return {{"ok", true}, {"messages", std::move(messages)}, {"more", more}};
}

// The captured recipients of a message that have not gone yet.
std::vector<queue::LoadedRecipient> CapturedOf(queue::Queue& queue, MessageId id) {
  std::vector<queue::LoadedRecipient> out;
  uint32_t accepted = 1;
  for (uint32_t i = 0; i < std::min(accepted, CapturedCommands::kRecipientsMax); ++i) {
    auto loaded = queue.Load({id, i});
    if (!loaded) continue;
    accepted = loaded->message.recipients;
    if (IsCaptured(*loaded)) out.push_back(std::move(*loaded));
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
  shard_.links().Ask([this, id = *id, done](queue::Queue& queue) -> Task {
    return [this, done, captured = CapturedOf(queue, id)]() mutable {
      if (captured.empty()) return done(ControlError("no such captured message"));
      shard_.Release(std::move(captured), [done](const Result<size_t>& released) {
        if (!released) return done(ControlError(released.error().what));
        done(Dump(Json{{"ok", true}, {"released", *released}}));
      });
    };
  });
}

}  // namespace sluice::engine
