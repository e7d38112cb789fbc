#include "config/restart.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "config/open_listeners.h"

namespace sluice::config {
namespace {

// "listener 127.0.0.1:587 (stays open as it was)": ports that are open or closed against the
// tables.
std::vector<std::string> Changes(const std::vector<Listener>& open,
                                 const std::vector<Listener>& read) {
  std::vector<std::string> out;
  const auto missing = [&out](const std::vector<Listener>& of, const std::vector<Listener>& in,
                              std::string_view what) {
    for (const Listener& one : of)
      if (std::ranges::find(in, one.bind, &Listener::bind) == in.end())
        out.push_back("listener " + one.bind.front().ToString() + std::string(what));
  };
  missing(open, read, " (stays open as it was)");
  missing(read, open, " (is not opened)");
  return out;
}

}  // namespace

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
  for (const std::string& text : Changes(ByAddress(in_force.listeners), ByAddress(read.listeners)))
    look(text, false);
  return out;
}

}  // namespace sluice::config
