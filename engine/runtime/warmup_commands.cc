#include "engine/runtime/warmup_commands.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/units.h"
#include "engine/runtime/gather.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

// The word for all receivers without a provider.
constexpr std::string_view kOthers = "others";

const char* StateOf(const WarmupView& view) {
  if (view.planned == 0) return "warm";
  return view.state.paused ? "paused" : "warming";
}

Json ToJson(const WarmupView& view) {
  const WarmupState& state = view.state;
  const bool rest = state.receiver == kWarmupRest;
  return {{"source", state.source},
          {"provider", rest ? std::string(kOthers) : state.receiver.substr(1)},
          {"state", StateOf(view)},
          {"day", std::min<size_t>(state.step + 1, view.days)},
          {"days", view.days},
          {"planned", view.planned},
          {"given", state.given},
          {"tried", state.counts.tried},
          {"deferred", state.counts.deferred},
          {"bounced", state.counts.bounced},
          {"overflow", view.waits ? "wait" : "pool"},
          {"last", state.last}};
}

std::optional<WarmupOrder> OrderOf(std::string_view word) {
  if (word == "pause") return WarmupOrder::kPause;
  if (word == "resume") return WarmupOrder::kResume;
  if (word == "reset") return WarmupOrder::kReset;
  return std::nullopt;
}

std::string ReceiverOf(const std::string& provider) {
  if (provider.empty()) return {};
  return provider == kOthers ? std::string(kWarmupRest) : "@" + provider;
}

}  // namespace

void WarmupCommands::Register(ControlServer& server) {
  server.On("warmup", [this](const ControlRequest&, const ControlDone& done) { List(done); });
  server.On("warmup_order",
            [this](const ControlRequest& r, const ControlDone& done) { Order(r, done); });
}

void WarmupCommands::List(const ControlDone& done) {
  using Views = std::vector<WarmupView>;
  Gather<Views>(
      shards_, [](ShardRuntime& runtime) { return runtime.shard().warmup().Views(); },
      [done](const std::vector<Views>& all) {
        Views views;
        for (const Views& some : all) views.insert(views.end(), some.begin(), some.end());
        std::ranges::sort(views, {}, [](const WarmupView& view) {
          return std::pair(view.state.source, view.state.receiver);
        });
        Json list = Json::array();
        for (const WarmupView& view : views) list.push_back(ToJson(view));
        done(Dump(Json{{"ok", true}, {"warmups", std::move(list)}}));
      });
}

void WarmupCommands::Order(const ControlRequest& request, const ControlDone& done) {
  const std::string source = RequestText(request, "source");
  const std::string provider = RequestText(request, "provider");
  const auto order = OrderOf(RequestText(request, "order"));
  if (!order || source.empty())
    return done(ControlError("write order (\"pause\", \"resume\" or \"reset\") and source"));
  const std::string by = request.uid ? "uid " + std::to_string(*request.uid) : std::string();
  Gather<size_t>(
      shards_,
      [order = *order, source, receiver = ReceiverOf(provider), by](ShardRuntime& runtime) {
        return runtime.shard().warmup().Carry(order, source, receiver, by);
      },
      [source, provider, done](const std::vector<size_t>& carried) {
        size_t paths = 0;
        for (const size_t some : carried) paths += some;
        if (paths > 0) return done(Dump(Json{{"ok", true}, {"paths", paths}}));
        done(ControlError("no warm-up of source " + config::Quote(source) +
                          (provider.empty() ? "" : " at " + config::Quote(provider)) +
                          " has begun: `sluice warmup` lists those that have"));
      });
}

}  // namespace sluice::engine
