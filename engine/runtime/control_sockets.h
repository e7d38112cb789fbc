// engine/runtime/control_sockets.h — the sockets of `sluice status` and the like, and of `sluice
// sendmail`, with what answers on them.
//
// THREADS   Lives on shard 0.

#ifndef SLUICE_ENGINE_RUNTIME_CONTROL_SOCKETS_H_
#define SLUICE_ENGINE_RUNTIME_CONTROL_SOCKETS_H_

#include <functional>
#include <memory>
#include <vector>

#include "engine/control/control_server.h"
#include "engine/runtime/campaign_command.h"
#include "engine/runtime/captured_commands.h"
#include "engine/runtime/control_commands.h"
#include "engine/runtime/domain_service.h"
#include "engine/runtime/order_commands.h"
#include "engine/runtime/queue_groups.h"
#include "engine/runtime/reloader.h"
#include "engine/runtime/sendmail_command.h"
#include "engine/runtime/suspension_commands.h"
#include "engine/runtime/tls_report_service.h"
#include "engine/runtime/warmup_commands.h"

namespace sluice::engine {

class ControlSockets {
 public:
  // All outlive this.
  struct Parts {
    std::vector<ShardRuntime*> shards;
    queue::Queue& queue;
    Writer& writer;
    Workers& workers;     // for what takes long
    Workers& local_mail;  // for what comes on the sockets
    Reloader& reloader;
    OrderBook& orders;
    std::function<Status()> exporter_health;
  };
  explicit ControlSockets(const Parts& parts);

  // Errors name the path.
  Status Open();
  void Reload(const std::shared_ptr<const config::Config>& config);
  // The loops have ended.
  void Close() { tls_reports_.Close(); }

 private:
  Result<std::unique_ptr<ControlServer>> OpenServer(SocketRules rules);

  const config::Config& config_;  // at the start
  io::UvLoop& loop_;
  Workers& local_mail_;
  SendmailCommand sendmail_;
  DomainService domains_;
  TlsReportService tls_reports_;
  ControlCommands commands_;
  CapturedCommands captured_;
  OrderCommands orders_;
  WarmupCommands warmup_;
  CampaignCommand campaigns_;
  QueueGroups groups_;
  SuspensionCommands suspensions_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<ControlServer> local_;  // for every user of the machine; null: none
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_CONTROL_SOCKETS_H_
