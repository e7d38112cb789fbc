#include "engine/runtime/domain_service.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "engine/log/log.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

constexpr char kFile[] = "domains.json";  // in the queue's folder: it lives as long as the queue

}  // namespace

DomainService::DomainService(std::vector<ShardRuntime*> shards, Workers& files,
                             std::shared_ptr<const config::Config> config)
    : shards_(std::move(shards)),
      home_(*shards_.front()),
      files_(files),
      file_(config->queue.path + "/" + kFile),
      watch_(Parts(), config, ReadStates(file_)) {
  watch_.Start();
}

WatchParts DomainService::Parts() {
  const ShardContext& context = home_.shard().context();
  return {.clock = context.clock,
          .timers = context.timers,
          .transport = home_.transport(),
          .random = context.random,
          .surroundings = surroundings_,
          .publish = [this](const std::shared_ptr<const DomainStates>& states) { Publish(states); },
          .alert =
              [this](std::string reason, std::string text) {
                LogWarn("domains", text);
                home_.shard().Alert(std::move(reason), std::move(text));
              },
          .net = &context.net};
}

void DomainService::Publish(const std::shared_ptr<const DomainStates>& states) {
  for (uint32_t i = 0; i < shards_.size(); ++i)
    home_.shard().out().Send(
        i, [runtime = shards_[i], states] { runtime->shard().context().domains = states; });
  // An engine that sends for no domain of its own leaves no file.
  if (!states->empty()) Save(states);
}

void DomainService::Save(std::shared_ptr<const DomainStates> states) {
  next_ = std::move(states);
  if (saving_) return;
  saving_ = true;
  auto failed = std::make_shared<Status>();
  files_.Run([file = file_, writing = std::exchange(next_, nullptr),
              failed] { *failed = WriteStates(file, FormatStates(*writing)); },
             [this, failed] {
               saving_ = false;
               if (!*failed) LogWarn("domains", failed->error().what);
               if (next_) Save(std::exchange(next_, nullptr));
             });
}

void DomainService::Register(ControlServer& server) {
  server.On("domain_list", [this](const ControlRequest&, const ControlDone& done) { List(done); });
  server.On("domain_check", [this](const ControlRequest& request, const ControlDone& done) {
    Check(request, done);
  });
}

// Somebody has changed records: what is known of them is old.
void DomainService::Check(const ControlRequest& request, const ControlDone& done) {
  Json unknown = Json::array();
  const auto names = request.json->find("domains");
  if (names == request.json->end() || !names->is_array())
    return done(ControlError("\"domains\" is no list"));
  for (const Json& name : *names)
    if (name.is_string() && !watch_.CheckNow(name.get<std::string>())) unknown.push_back(name);
  done(Dump(Json{{"ok", true}, {"unwatched", std::move(unknown)}}));
}

void DomainService::List(const ControlDone& done) const {
  const Clock& clock = home_.loop().clock();
  const auto time_or_null = [](WallTime time) {
    return time == WallTime{} ? Json(nullptr) : Json(FormatRfc3339(time));
  };
  Json domains = Json::array();
  for (const auto& [name, state] : watch_.states()) {
    const Instant next = watch_.NextCheck(name);
    const WallTime when = next == kNever ? WallTime{} : clock.Wall() + (next - clock.Now());
    domains.push_back({{"domain", name},
                       {"tenant", state.tenant},
                       {"state", StandingText(state.standing)},
                       {"since", time_or_null(state.since)},
                       {"checked", time_or_null(state.checked)},
                       {"next_check", time_or_null(when)},
                       {"problem", state.problem}});
  }
  done(Dump(Json{{"ok", true}, {"domains", std::move(domains)}}));
}

}  // namespace sluice::engine
