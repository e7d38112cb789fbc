#include "config/restart.h"

#include <algorithm>

namespace sluice::config {

std::string NeedsRestart(const Config& in_force, const Config& read) {
  std::string out;
  const auto look = [&out](const std::string& key, bool same) {
    if (!same) out += (out.empty() ? "" : ", ") + key;
  };
  look("queue", in_force.queue == read.queue);
  look("dns.servers", in_force.dns.servers == read.dns.servers);
  look("control.socket", in_force.control.socket == read.control.socket);
  look("submission.local_socket", in_force.submission.local_socket == read.submission.local_socket);
  look("events", in_force.events == read.events);
  look("engine.shards", in_force.engine.shards == read.engine.shards);
  look("tls.mta_sts_port", in_force.tls.mta_sts_port == read.tls.mta_sts_port);
  look("tls.ca_file (for MTA-STS)", in_force.tls.ca_file == read.tls.ca_file);
  const size_t listeners = std::min(in_force.listeners.size(), read.listeners.size());
  for (size_t i = 0; i < listeners; ++i)
    look("listener[" + std::to_string(i) + "].bind",
         in_force.listeners[i].bind == read.listeners[i].bind);
  return out;
}

}  // namespace sluice::config
