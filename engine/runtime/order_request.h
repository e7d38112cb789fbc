// engine/runtime/order_request.h — an order as the control socket brings it, checked.
//
// PURPOSE   Reads kind, target, value, time and the operator's words of a request. What is missing,
//           contradictory or no duration is an error that says what to write instead.
// NOT HERE  Whether there is such a tenant, campaign, ... (order_commands.cc).
// TESTS     tests/runtime/order_request_test.cc

#ifndef SLUICE_ENGINE_RUNTIME_ORDER_REQUEST_H_
#define SLUICE_ENGINE_RUNTIME_ORDER_REQUEST_H_

#include <nlohmann/json_fwd.hpp>

#include "engine/base/error.h"
#include "engine/base/time.h"
#include "queue/records.h"

namespace sluice::engine {

// Without id and time of giving. A campaign may come without its tenant.
Result<queue::Order> ReadOrder(const nlohmann::json& request, WallTime now);
// Its target alone, into `order`, whose kind says what it may be.
Status ReadTarget(const nlohmann::json& request, queue::Order& order);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_ORDER_REQUEST_H_
