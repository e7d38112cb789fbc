#include "tools/commands/check.h"

#include <cstdio>

#include "config/parser.h"
#include "config/reference.h"
#include "engine/io/tls_context.h"
#include "engine/signing/key_store.h"
#include "tools/commands/engine_call.h"

namespace sluice::tools {
namespace {

std::string Counted(size_t n, const char* noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

}  // namespace

config::Problems CheckCertificates(const config::Config& config) {
  config::Problems out;
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const config::Listener& listener = config.listeners[i];
    if (listener.cert.empty() || listener.key.empty()) continue;
    if (auto made = io::TlsServerContext::Make(listener.cert, listener.key); !made)
      out.push_back({.file = config.file,
                     .at = {listener.line, 1},
                     .key = "listener[" + std::to_string(i) + "]",
                     .what = made.error().what});
  }
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
  engine::KeyStore keys;
  const auto loaded = config::LoadConfig(options.config, engine::SigningSurroundings(keys));
  const config::Problems problems = loaded ? CheckCertificates(loaded->config) : loaded.error();
  std::fputs(config::FormatProblems(problems).c_str(), stderr);
  if (loaded)
    for (const config::Problem& warning : loaded->warnings)
      std::fprintf(stderr, "warning: %s\n", warning.ToString().c_str());
  if (!problems.empty()) return 2;
  return Print(Summarise(loaded->config) + "\n") ? 0 : 1;
}

}  // namespace sluice::tools
