// engine/control/control_request.h — a request of the control socket, and the texts of answers.
//
// PURPOSE   What handlers get and give. A request is parsed once, however large.

#ifndef SLUICE_ENGINE_CONTROL_CONTROL_REQUEST_H_
#define SLUICE_ENGINE_CONTROL_CONTROL_REQUEST_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace sluice::engine {

struct ControlRequest {
  std::string command;
  std::shared_ptr<nlohmann::json> json;  // the whole request, an object; its handler may take of it
  std::optional<uid_t> uid;
};

// Answers with a JSON object, now or later, once. May outlive the connection.
using ControlDone = std::function<void(std::string response)>;
using ControlHandler = std::function<void(const ControlRequest&, ControlDone)>;

// The value of `key` where it is text; else empty.
std::string RequestText(const ControlRequest& request, const char* key);

// On one line. Replaces what is not UTF-8, so that a hostile name cannot stop an answer.
std::string Dump(const nlohmann::json& json);
// {"ok": false, "error": what}
std::string ControlError(const std::string& what);
// The same with the code of an answer that asks to come again.
std::string ControlBusy(const std::string& what);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_CONTROL_CONTROL_REQUEST_H_
