// tools/commands/orders.h — `sluice cancel`, `retry`, `pause`, `rate`, `reroute`, `resume`, `orders`: what operators
// order.

#ifndef SLUICE_TOOLS_COMMANDS_ORDERS_H_
#define SLUICE_TOOLS_COMMANDS_ORDERS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct OrderOptions {
  EngineAddress engine;  // -c, --socket
  // Whose mail: one of them; with a campaign its tenant, with a source its site or provider.
  std::string message;
  std::string recipient;
  std::string domain;
  std::string campaign;
  std::string tenant;
  std::string site;
  std::string provider;
  std::string source;
  std::optional<uint64_t> order;  // ORDER, of resume
  std::string rate;               // RATE, of rate
  std::string pool;               // --pool, of reroute
  std::string length;             // --for
  std::string why;                // --why
  bool bounce = false;            // --bounce, of cancel
  bool no_wait = false;           // --no-wait
  bool json = false;              // --json
};

// Each returns the exit status.
int Cancel(const OrderOptions& options);
int Retry(const OrderOptions& options);
int Pause(const OrderOptions& options);
int SetRate(const OrderOptions& options);
int Reroute(const OrderOptions& options);
int Resume(const OrderOptions& options);
int ShowOrders(const OrderOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_ORDERS_H_
