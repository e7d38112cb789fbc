#include "engine/runtime/sendmail_command.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/message_id.h"
#include "engine/base/text.h"
#include "engine/submission/envelope.h"
#include "engine/submission/local_submission.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

// The `[[user]]` whose mail that of `uid` is; empty: nobody's.
std::string UserOf(const config::Config& config, uint32_t uid) {
  for (const config::User& user : config.users)
    for (const config::LocalUser& local : user.local_users)
      if (local.uid == uid) return user.name;
  return {};
}

// What the request says, but for the message; none: it is not one.
std::optional<LocalMessage> EnvelopeOf(const ControlRequest& request) {
  const Json& json = *request.json;
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

std::string NoRequest() {
  return ControlError("sendmail needs \"sender\", \"recipients\" and a base64 \"message\"");
}

std::string Refusal(const smtp::Answer& answer) {
  return Dump(Json{{"ok", false}, {"code", answer.code}, {"error", answer.text}});
}

}  // namespace

// A message that is being taken.
struct SendmailCommand::Handing {
  Handing(Shard& shard, uint32_t by, ControlDone answer)
      : submission(shard.context(), shard), uid(by), done(std::move(answer)) {}

  // On a worker when it is large.
  void Receive() {
    std::string text;
    sound = Base64Decode(base64, text);
    std::string().swap(base64);
    if (sound) submission.Receive(text);
  }

  LocalSubmission submission;
  const uint32_t uid;
  const ControlDone done;
  std::string base64;
  bool sound = false;
};

void SendmailCommand::Register(ControlServer& server) {
  server.On("sendmail", [this](const ControlRequest& r, const ControlDone& d) { Submit(r, d); });
}

void SendmailCommand::Submit(const ControlRequest& request, const ControlDone& done) {
  if (!request.uid) return done(ControlError("the system does not tell who you are"));
  auto local = EnvelopeOf(request);
  if (!local) return done(NoRequest());
  local->uid = *request.uid;
  local->user = UserOf(*shard_.context().config, *request.uid);
  const auto handing = std::make_shared<Handing>(shard_, *request.uid, done);
  if (const smtp::Answer refusal = handing->submission.Begin(std::move(*local)); !refusal.empty())
    return Refuse(*handing, refusal);
  handing->base64 = std::move((*request.json)["message"].get_ref<std::string&>());
  if (handing->base64.size() > ControlServer::kParsedHere)
    return worker_.Run([handing] { handing->Receive(); }, [this, handing] { Finish(*handing); });
  handing->Receive();
  Finish(*handing);
}

void SendmailCommand::Finish(Handing& handing) {
  if (!handing.sound) return handing.done(NoRequest());
  auto accepted = handing.submission.Finish();
  if (!accepted) return Refuse(handing, accepted.error());
  const MessageId id = accepted->message.id;
  shard_.Submit(std::move(*accepted), [done = handing.done, id](const Status& status) {
    if (!status) return done(Refusal(AnswerNotStored(status.error())));
    done(Dump(Json{{"ok", true}, {"id", FormatMessageId(id)}}));
  });
}

void SendmailCommand::Refuse(const Handing& handing, const smtp::Answer& answer) {
  TellFault(handing.uid, answer);
  handing.done(Refusal(answer));
}

void SendmailCommand::TellFault(uint32_t uid, const smtp::Answer& answer) {
  const bool by_from = IsSenderRefusal(answer);
  if (answer.code < 500 && !by_from) return;  // the caller tries again
  ++(by_from ? sender_refusals_ : message_faults_);
  (by_from ? refusal_alerts_ : fault_alerts_).Note("local uid " + std::to_string(uid), answer, 1);
}

}  // namespace sluice::engine
