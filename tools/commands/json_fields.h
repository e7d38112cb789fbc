// tools/commands/json_fields.h — fields of the engine's answers as numbers and text.
//
// PURPOSE   What is missing, or of another type, is empty: a command and an engine of neighbouring
//           versions understand each other.

#ifndef SLUICE_TOOLS_COMMANDS_JSON_FIELDS_H_
#define SLUICE_TOOLS_COMMANDS_JSON_FIELDS_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "engine/base/counted.h"

namespace sluice::tools {

using Json = nlohmann::json;

Json Parse(const std::string& text);
std::string Dump(const Json& json);
const Json& Member(const Json& json, std::string_view key);
int64_t Number(const Json& json, std::string_view key);
std::string Text(const Json& json, std::string_view key);
bool Is(const Json& json, std::string_view key);
std::string Count(const Json& json, std::string_view key);
using sluice::Counted;
// "3 messages".
std::string Counted(const Json& json, std::string_view key, std::string_view noun);
// A number for a table; zero is left out where it says nothing.
std::string CountOrNone(const Json& json, std::string_view key);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_JSON_FIELDS_H_
