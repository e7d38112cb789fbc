#include "engine/runtime/reloader.h"

#include <algorithm>
#include <utility>

#include "config/open_listeners.h"
#include "config/parser.h"
#include "config/restart.h"
#include "config/warmup_plan.h"
#include "engine/delivery/rule_book.h"
#include "engine/log/log.h"
#include "engine/signing/keyring.h"

namespace sluice::engine {
namespace {

std::shared_ptr<const config::Config> WithPorts(config::Config config,
                                                std::vector<config::Listener> ports) {
  config.listeners = std::move(ports);
  return std::make_shared<const config::Config>(std::move(config));
}

// A secret is changed by a new line on top of the file.
Result<std::shared_ptr<const smtp::TokenSecrets>> LoadTokens(const std::string& queue) {
  auto tokens = smtp::TokenSecrets::LoadOrMake(queue + "/token.key");
  if (!tokens) return std::unexpected(tokens.error());
  return std::make_shared<const smtp::TokenSecrets>(std::move(*tokens));
}

// `queue`: the folder that is open, whatever the configuration says by now.
Result<Settings> LoadSettings(std::shared_ptr<const config::Config> config,
                              const std::string& queue, KeyStore& keys) {
  auto keyring =
      Keyring::Make(*config, [&keys](const std::string& file) { return keys.Load(file); });
  if (!keyring) return std::unexpected(keyring.error());
  auto tokens = LoadTokens(queue);
  if (!tokens) return std::unexpected(tokens.error());
  auto rules = LoadRules(config->file);
  if (!rules) return std::unexpected(rules.error());
  if (const auto wrong = config::UnknownWarmupProvider(*config, **rules))
    return Fail(ErrorCode::kInvalid, wrong->ToString());
  return Settings{std::move(config), std::move(*keyring), std::move(*tokens), std::move(*rules)};
}

}  // namespace

Reloader::Reloader(const config::Config& config)
    : began_with_(WithPorts(config, config::ByAddress(config.listeners))) {
  in_force_.config = began_with_;
}

Status Reloader::LoadKeys() {
  auto loaded = LoadSettings(in_force_.config, in_force_.config->queue.path, keys_);
  if (!loaded) return std::unexpected(loaded.error());
  in_force_ = std::move(*loaded);
  return {};
}

Status Reloader::LoadCertificates(io::Net& net) {
  certificates_.Read(*in_force_.config);
  auto made = MakeTlsContexts(net, *in_force_.config);
  if (!made) return std::unexpected(made.error());
  tls_ = std::move(made->contexts);
  return {};
}

void Reloader::Start(io::UvLoop& loop, uint32_t shards, Takers takers) {
  loop_ = &loop;
  shards_ = shards;
  takers_ = std::move(takers);
  timer_ = std::make_unique<Timer>(loop.timers(), [this] { LookAtCertificates(); });
  timer_->Set(loop.clock().Now() + CertificateWatch::kEvery);
}

Result<std::string> Reloader::Reload() {
  Result<std::string> later = TryReload();
  if (!later) {
    LogError("reload", later.error().what);
    return later;
  }
  const config::Config& config = *in_force_.config;
  const std::string more = config.shaping_file.empty() ? "" : ", " + config.shaping_file;
  LogInfo("reload", "configuration reloaded from " + config.file + more);
  if (!later->empty()) LogWarn("reload", "what has changed here needs a restart: " + *later);
  return later;
}

Result<std::string> Reloader::TryReload() {
  auto loaded = config::LoadConfig(in_force_.config->file, SigningSurroundings(keys_));
  if (!loaded)
    return Fail(ErrorCode::kInvalid,
                "the configuration in force stays:\n" + config::FormatProblems(loaded.error()));
  const config::Config& read = loaded->config;
  std::string later = config::NeedsRestart(*began_with_, read);
  const auto config =
      WithPorts(read, config::ForOpenPorts(in_force_.config->listeners, read.listeners));
  CertificateWatch certificates;
  certificates.Read(*config);
  TlsContexts kept = KeptContexts(read);
  auto tls = MakeTlsContexts(loop_->net(), *config, {}, kept);
  if (!tls) return std::unexpected(tls.error());
  const auto clients = MakeTlsClients(loop_->net(), *config, shards_);
  if (!clients) return std::unexpected(clients.error());
  auto settings = LoadSettings(config, in_force_.config->queue.path, keys_);
  if (!settings) return std::unexpected(settings.error());

  in_force_ = std::move(*settings);
  tls_ = std::move(tls->contexts);
  kept_ = std::move(kept);
  certificates_ = std::move(certificates);
  if (tls->failed) certificates_.Failed(loop_->clock().Now());
  SetLogLevel(LogLevelOf(config->log.level));
  takers_.shards(in_force_, tls_, *clients);
  takers_.services(config);
  return later;
}

TlsContexts Reloader::KeptContexts(const config::Config& read) const {
  const std::vector<config::Listener> tables = config::ByAddress(read.listeners);
  TlsContexts out = tls_;
  for (size_t i = 0; i < out.size(); ++i)
    if (std::ranges::find(tables, in_force_.config->listeners[i].bind, &config::Listener::bind) !=
        tables.end())
      out[i].reset();
  return out;
}

// A file that cannot be used leaves what is in force, which is good until it expires.
void Reloader::LookAtCertificates() {
  const Instant now = loop_->clock().Now();
  timer_->Set(now + CertificateWatch::kEvery);
  if (!certificates_.Changed(*in_force_.config, now)) return;
  const auto tls = MakeTlsContexts(loop_->net(), *in_force_.config, tls_, kept_);
  const auto clients = MakeTlsClients(loop_->net(), *in_force_.config, shards_);
  if (!clients)
    LogError("tls", "[tls] stays as it was, and its files are tried every minute: " +
                        clients.error().what);
  if (!tls) LogError("tls", tls.error().what);
  if (!tls || !clients || tls->failed) certificates_.Failed(now);
  if (tls) tls_ = tls->contexts;
  if (!tls && !clients) return;
  takers_.shards(in_force_, tls_, clients ? *clients : TlsClients(shards_));
  if (tls && clients && !tls->failed) LogInfo("tls", "certificates have been read anew");
}

}  // namespace sluice::engine
