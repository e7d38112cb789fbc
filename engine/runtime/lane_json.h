// engine/runtime/lane_json.h — lanes, suspensions and times as the control socket tells them.

#ifndef SLUICE_ENGINE_RUNTIME_LANE_JSON_H_
#define SLUICE_ENGINE_RUNTIME_LANE_JSON_H_

#include <nlohmann/json_fwd.hpp>

#include "engine/base/time.h"
#include "engine/shard/lane_report.h"

namespace sluice::engine {

// RFC 3339; null for "never" (max) and "not known" (0).
nlohmann::json TimeOrNull(WallTime t);
// The same, but "now" for what is due: nobody is told of a try in the past.
nlohmann::json NextTryJson(WallTime t, WallTime now);

nlohmann::json ToJson(const SuspensionReport& suspension);
nlohmann::json ToJson(const LaneReport& lane, WallTime now);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_LANE_JSON_H_
