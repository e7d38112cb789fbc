// tests/sim/sim_fabric_call.h — the one way from the fabric into an owner's callback.

#ifndef SLUICE_TESTS_SIM_SIM_FABRIC_CALL_H_
#define SLUICE_TESTS_SIM_SIM_FABRIC_CALL_H_

#include "engine/base/check.h"
#include "tests/sim/sim_net.h"

namespace sluice::sim {

// Callbacks come from the event queue, so none runs inside another or inside a call.
template <typename F>
void SimFabric::Call(F&& callback) {
  CHECK(!calling_);
  calling_ = true;
  callback();
  calling_ = false;
}

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SIM_FABRIC_CALL_H_
