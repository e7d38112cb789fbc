#include "tools/commands/json_fields.h"

#include <nlohmann/json.hpp>

#include "engine/base/counted.h"

namespace sluice::tools {

Json Parse(const std::string& text) { return Json::parse(text, nullptr, false); }

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json& Member(const Json& json, std::string_view key) {
  static const Json kNothing;
  if (!json.is_object()) return kNothing;
  const auto found = json.find(key);
  return found == json.end() ? kNothing : *found;
}

int64_t Number(const Json& json, std::string_view key) {
  const Json& value = Member(json, key);
  return value.is_number() ? value.get<int64_t>() : 0;
}

std::string Text(const Json& json, std::string_view key) {
  const Json& value = Member(json, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool Is(const Json& json, std::string_view key) {
  const Json& value = Member(json, key);
  return value.is_boolean() && value.get<bool>();
}

std::string Count(const Json& json, std::string_view key) {
  return std::to_string(Number(json, key));
}

std::string Counted(const Json& json, std::string_view key, std::string_view noun) {
  return sluice::Counted(uint64_t(Number(json, key)), noun);
}

std::string CountOrNone(const Json& json, std::string_view key) {
  const int64_t value = Number(json, key);
  return value == 0 ? std::string() : std::to_string(value);
}

}  // namespace sluice::tools
