// engine/runtime/reloader.h — the configuration in force, with its keys and certificates; what
// changes them while the engine runs.
//
// PURPOSE   Loads what the configuration names, once at the start, again at `sluice reload` and
//           SIGHUP, and certificates when their files have changed. All or nothing: what is refused
//           leaves everything as it was.
// RULES     The configuration in force has a listener for each open port, in the order they were
//           opened (config/open_listeners.h): a port never gets the settings of another.
// THREADS   Lives on shard 0.

#ifndef SLUICE_ENGINE_RUNTIME_RELOADER_H_
#define SLUICE_ENGINE_RUNTIME_RELOADER_H_

#include <functional>
#include <memory>
#include <string>

#include "engine/base/timer_queue.h"
#include "engine/runtime/certificate_watch.h"
#include "engine/runtime/shard_runtime.h"
#include "engine/signing/key_store.h"

namespace sluice::engine {

class Reloader {
 public:
  // Who takes over what is new.
  struct Takers {
    // After a reload and after a look at certificates. Without clients those in force stay.
    std::function<void(const Settings&, const TlsContexts&, const TlsClients&)> shards;
    // After a reload.
    std::function<void(const std::shared_ptr<const config::Config>&)> services;
  };

  explicit Reloader(const config::Config& config);

  // At the start. Errors say what to do.
  Status LoadKeys();
  Status LoadCertificates(io::Net& net);
  // From now on, changed certificates are noticed and Reload may be called.
  void Start(io::UvLoop& loop, uint32_t shards, Takers takers);
  // The loop has ended.
  void Stop() { timer_.reset(); }

  // What has changed and needs a restart, or why nothing has changed; the log has that too.
  Result<std::string> Reload();

  const std::shared_ptr<const config::Config>& config() const { return in_force_.config; }
  const Settings& settings() const { return in_force_; }
  const TlsContexts& tls() const { return tls_; }

 private:
  Result<std::string> TryReload();
  void LookAtCertificates();
  // Of the ports that no table of `read` names, null for the others: their files may be gone.
  TlsContexts KeptContexts(const config::Config& read) const;

  const std::shared_ptr<const config::Config> began_with_;
  Settings in_force_;
  TlsContexts tls_;
  TlsContexts kept_;  // of tls_, those that are not read any more; empty before the first reload
  KeyStore keys_;
  CertificateWatch certificates_;
  io::UvLoop* loop_ = nullptr;
  uint32_t shards_ = 0;
  Takers takers_;
  std::unique_ptr<Timer> timer_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_RELOADER_H_
