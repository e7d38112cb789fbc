#include "engine/control/control_request.h"

#include <nlohmann/json.hpp>

namespace sluice::engine {

using Json = nlohmann::json;

std::string RequestText(const ControlRequest& request, const char* key) {
  const auto found = request.json->find(key);
  return found != request.json->end() && found->is_string() ? found->get<std::string>()
                                                            : std::string();
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string ControlError(const std::string& what) {
  return Dump(Json{{"ok", false}, {"error", what}});
}

std::string ControlBusy(const std::string& what) {
  return Dump(Json{{"ok", false}, {"code", 452}, {"error", what}});
}

}  // namespace sluice::engine
