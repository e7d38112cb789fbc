// engine/runtime/tls_report_service.h — TLS reporting (RFC 8460) within the running engine.
//
// PURPOSE   Wires engine/tls_report/reporter.h to shard 0: gathers from all shards, looks up by its
//           DNS, posts through its web requests, queues mail of our own, keeps the state file by a
//           worker, answers `sluice tls-report`.
// THREADS   Lives on shard 0; the file is written by the worker, one at a time.

#ifndef SLUICE_ENGINE_RUNTIME_TLS_REPORT_SERVICE_H_
#define SLUICE_ENGINE_RUNTIME_TLS_REPORT_SERVICE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/workers.h"
#include "engine/control/control_server.h"
#include "engine/runtime/shard_runtime.h"
#include "engine/tls_report/reporter.h"

namespace sluice::engine {

class TlsReportService {
 public:
  static constexpr uint32_t kCacheEntries = 5'000;
  static constexpr size_t kReportsShown = 1'000;

  // All shards, by number; they and `files` outlive this.
  TlsReportService(std::vector<ShardRuntime*> shards, Workers& files,
                   std::shared_ptr<const config::Config> config);

  void Reload(std::shared_ptr<const config::Config> config);
  void Register(ControlServer& server);
  // When no loop and no worker runs any more: what they still had goes to disk.
  void Close();

 private:
  ReporterParts Parts();
  void Gather(const std::function<void(const TlsDays&)>& done);
  void Mail(TlsReportLetter letter, std::function<void(Status)> done);
  void Save(std::shared_ptr<const TlsReportState> state);
  void Show(const ControlDone& done) const;
  void SendNow(const ControlDone& done);

  const std::vector<ShardRuntime*> shards_;
  ShardRuntime& home_;
  Workers& files_;
  const std::string file_;
  std::shared_ptr<const config::Config> config_;
  bool saving_ = false;
  std::shared_ptr<const TlsReportState> next_;  // to be written next; null: nothing
  dns::Resolver resolver_;
  TlsReporter reporter_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_TLS_REPORT_SERVICE_H_
