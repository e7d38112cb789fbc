#include "engine/runtime/sendmail_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/message_id.h"
#include "engine/base/text.h"
#include "engine/submission/local_submission.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The `[[user]]` whose mail that of `uid` is; empty: nobody's.
std::string UserOf(const config::Config& config, uint32_t uid) {
  for (const config::User& user : config.users)
    for (const config::LocalUser& local : user.local_users)
      if (local.uid == uid) return user.name;
  return {};
}

// What the request says, but for the message; none: it is not one.
std::optional<LocalMessage> EnvelopeOf(const ControlRequest& request) {
  const Json json = Json::parse(request.json, nullptr, false);
  const auto is_text = [](const Json& value) { return value.is_string(); };
  const auto has_text = [&](const char* key) { return json.contains(key) && is_text(json[key]); };
  if (!has_text("sender") || !has_text("message") || !json.contains("recipients") ||
      !json["recipients"].is_array() || !std::ranges::all_of(json["recipients"], is_text))
    return std::nullopt;
  LocalMessage local;
  local.sender = RequestText(request, "sender");
  local.notify = RequestText(request, "notify");
  local.ret = RequestText(request, "ret");
  local.envid = RequestText(request, "envid");
  for (const Json& recipient : json["recipients"]) local.recipients.push_back(recipient);
  return local;
}

}  // namespace

void SendmailCommand::Register(ControlServer& server) {
  server.On("sendmail", [this](const ControlRequest& r, const ControlDone& d) { Submit(r, d); });
}

void SendmailCommand::Submit(const ControlRequest& request, const ControlDone& done) {
  if (!request.uid) return done(ControlError("the system does not tell who you are"));
  auto local = EnvelopeOf(request);
  std::string text;
  if (!local || !Base64Decode(RequestText(request, "message"), text))
    return done(ControlError("sendmail needs \"sender\", \"recipients\" and a base64 \"message\""));
  local->text = text;
  local->uid = *request.uid;
  local->user = UserOf(*shard_.context().config, *request.uid);
  auto accepted = LocalSubmission(shard_.context(), shard_).Build(*local);
  if (!accepted) {
    const smtp::Answer& answer = accepted.error();
    TellFault(*request.uid, answer);
    return done(Dump(Json{{"ok", false}, {"code", answer.code}, {"error", answer.text}}));
  }
  const MessageId id = accepted->message.id;
  shard_.Submit(std::move(*accepted), [done, id](const Status& status) {
    if (!status)
      return done(Dump(Json{{"ok", false}, {"code", 451}, {"error", status.error().what}}));
    done(Dump(Json{{"ok", true}, {"id", FormatMessageId(id)}}));
  });
}

void SendmailCommand::TellFault(uint32_t uid, const smtp::Answer& answer) {
  const bool by_from = IsSenderRefusal(answer);
  if (answer.code < 500 && !by_from) return;  // the caller tries again
  ++(by_from ? sender_refusals_ : message_faults_);
  (by_from ? refusal_alerts_ : fault_alerts_).Note("local uid " + std::to_string(uid), answer, 1);
}

}  // namespace sluice::engine
