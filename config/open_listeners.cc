#include "config/open_listeners.h"

#include <algorithm>

namespace sluice::config {

std::vector<Listener> ByAddress(const std::vector<Listener>& listeners) {
  std::vector<Listener> out;
  for (const Listener& listener : listeners) {
    for (const Endpoint& at : listener.bind) {
      out.push_back(listener);
      out.back().bind = {at};
    }
  }
  return out;
}

std::vector<Listener> ForOpenPorts(const std::vector<Listener>& open,
                                   const std::vector<Listener>& read) {
  const std::vector<Listener> tables = ByAddress(read);
  std::vector<Listener> out;
  for (const Listener& port : open) {
    const auto found = std::ranges::find(tables, port.bind, &Listener::bind);
    out.push_back(found == tables.end() ? port : *found);
  }
  return out;
}

std::string DescribeListener(const Listener& listener) {
  std::string out;
  for (const Endpoint& at : listener.bind) out += (out.empty() ? "" : ", ") + at.ToString();
  out += listener.role == Role::kSubmission ? " (submission, " : " (inbound, ";
  if (listener.tls == TlsMode::kNone) return out + "no tls)";
  return out + (listener.tls == TlsMode::kImplicit ? "implicit tls)" : "starttls)");
}

}  // namespace sluice::config
