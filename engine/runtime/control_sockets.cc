#include "engine/runtime/control_sockets.h"

#include <utility>

namespace sluice::engine {

ControlSockets::ControlSockets(const Parts& parts)
    : config_(*parts.reloader.config()),
      loop_(parts.shards.front()->loop()),
      local_mail_(parts.local_mail),
      sendmail_(parts.shards.front()->shard(), parts.local_mail),
      domains_(parts.shards, parts.workers, parts.reloader.config()),
      tls_reports_(parts.shards, parts.workers, parts.reloader.config()),
      commands_(ControlParts{parts.shards, parts.queue, parts.writer, sendmail_,
                             [&reloader = parts.reloader] { return reloader.Reload(); },
                             parts.exporter_health}),
      captured_(parts.shards.front()->shard()),
      orders_(parts.shards, parts.orders),
      warmup_(parts.shards),
      campaigns_(parts.shards),
      groups_(parts.shards),
      suspensions_(parts.shards) {}

Result<std::unique_ptr<ControlServer>> ControlSockets::OpenServer(SocketRules rules) {
  return ControlServer::Open(loop_.net(), loop_.timers(), loop_.clock(), local_mail_,
                             std::move(rules));
}

// What everybody may use has sendmail and nothing else.
Status ControlSockets::Open() {
  auto control = OpenServer({.path = config_.control.socket});
  if (!control) return std::unexpected(control.error());
  control_ = std::move(*control);
  commands_.Register(*control_);
  captured_.Register(*control_);
  orders_.Register(*control_);
  warmup_.Register(*control_);
  campaigns_.Register(*control_);
  groups_.Register(*control_);
  suspensions_.Register(*control_);
  domains_.Register(*control_);
  tls_reports_.Register(*control_);
  sendmail_.Register(*control_);
  if (config_.submission.local_socket.empty()) return {};
  auto local = OpenServer(
      SocketRules::ForEverybody(config_.submission.local_socket, config_.limits.message_size));
  if (!local) return std::unexpected(local.error());
  local_ = std::move(*local);
  sendmail_.Register(*local_);
  return {};
}

void ControlSockets::Reload(const std::shared_ptr<const config::Config>& config) {
  domains_.Reload(config);
  tls_reports_.Reload(config);
}

}  // namespace sluice::engine
