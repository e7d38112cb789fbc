#include "tools/commands/check.h"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "config/parser.h"
#include "config/reference.h"
#include "config/reply_rules_parser.h"
#include "config/warmup_plan.h"
#include "engine/base/counted.h"
#include "engine/io/tls_context.h"
#include "engine/io/uv_net.h"
#include "engine/signing/key_store.h"
#include "engine/submission/listener_tls.h"
#include "tools/commands/engine_call.h"

namespace sluice::tools {
namespace {

config::Problem ProblemOf(const config::Config& config, size_t listener, std::string_view key,
                          const std::string& what) {
  return {.file = config.file,
          .at = {config.listeners[listener].line, 1},
          .key = "listener[" + std::to_string(listener) + "]" + std::string(key),
          .what = what};
}

}  // namespace

CertificateFindings LookAtCertificates(const config::Config& config) {
  CertificateFindings out;
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const config::Listener& listener = config.listeners[i];
    if (listener.cert.empty() || listener.key.empty()) continue;
    const auto problem = [&](const std::string& what) { return ProblemOf(config, i, "", what); };
    const auto made = io::TlsServerContext::Make(engine::TlsSettingsOf(listener));
    if (!made) {
      out.errors.push_back(problem(made.error().what));
      continue;
    }
    for (const std::string& what : made->warnings) out.warnings.push_back(problem(what));
  }
  return out;
}

config::Problems CheckCertificates(const config::Config& config) {
  return LookAtCertificates(config).errors;
}

config::Problems CheckAddresses(const config::Config& config) {
  config::Problems out;
  for (size_t i = 0; i < config.listeners.size(); ++i)
    for (const Endpoint& at : config.listeners[i].bind)
      // Port 0: the one that is written may well be open, by the engine that runs.
      if (!io::CheckPortFree({at.address, 0}))
        out.push_back(ProblemOf(config, i, ".bind",
                                "\"" + at.ToString() +
                                    "\" cannot be opened: no interface of this machine has that "
                                    "address"));
  return out;
}

std::string Summarise(const config::Config& config) {
  std::string out = "ok: " + config.file + ": " + Counted(config.listeners.size(), "listener");
  std::string at;
  for (const config::Listener& listener : config.listeners)
    for (const Endpoint& endpoint : listener.bind)
      at += (at.empty() ? "" : ", ") + endpoint.ToString();
  if (!at.empty()) out += " (" + at + ")";
  return out + ", " + Counted(config.users.size(), "user") + ", " +
         Counted(config.routes.size(), "route");
}

int CheckConfig(const CheckOptions& options) {
  if (options.reference) return Print(config::MakeReference()) ? 0 : 1;
  if (options.shaping_reference) return Print(config::MakeShapingReference()) ? 0 : 1;
  engine::KeyStore keys;
  const std::string file = options.config.empty() ? kDefaultConfig : options.config;
  const auto loaded = config::LoadConfig(file, engine::SigningSurroundings(keys));
  CertificateFindings found;
  if (loaded) {
    found = LookAtCertificates(loaded->config);
    std::ranges::move(CheckAddresses(loaded->config), std::back_inserter(found.errors));
  }
  config::Problems problems = loaded ? found.errors : loaded.error();
  if (const auto rules = config::LoadRepliesBeside(file); !rules)
    problems.insert(problems.end(), rules.error().begin(), rules.error().end());
  else if (loaded)
    if (auto wrong = config::UnknownWarmupProvider(loaded->config, **rules))
      problems.push_back(*std::move(wrong));
  std::fputs(config::FormatProblems(problems).c_str(), stderr);
  const auto warn = [](const config::Problem& warning) {
    std::fprintf(stderr, "warning: %s\n", warning.ToString().c_str());
  };
  if (loaded) std::ranges::for_each(loaded->warnings, warn);
  std::ranges::for_each(found.warnings, warn);
  if (!problems.empty()) return 2;
  return Print(Summarise(loaded->config) + "\n") ? 0 : 1;
}

}  // namespace sluice::tools
