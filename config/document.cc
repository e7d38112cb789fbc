// The only user of toml++: copies its tree into ours, with positions.

#include "config/document.h"

#include <memory>
#include <utility>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace sluice::config {
namespace {

Position At(const toml::source_region& region) {
  return {uint32_t(region.begin.line), uint32_t(region.begin.column)};
}

Value Copy(const toml::node& node) {
  Value out;
  out.at = At(node.source());
  if (const auto* table = node.as_table()) {
    out.kind = Value::Kind::kTable;
    for (const auto& [key, value] : *table)
      out.members.push_back({std::string(key.str()), At(key.source()), Copy(value)});
  } else if (const auto* list = node.as_array()) {
    out.kind = Value::Kind::kList;
    for (const auto& item : *list) out.items.push_back(Copy(item));
  } else if (const auto* text = node.as_string()) {
    out.kind = Value::Kind::kText;
    out.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    out.kind = Value::Kind::kInteger;
    out.integer = integer->get();
  } else if (const auto* boolean = node.as_boolean()) {
    out.kind = Value::Kind::kBoolean;
    out.boolean = boolean->get();
  } else if (node.is_floating_point()) {
    out.kind = Value::Kind::kReal;
  } else {
    out.kind = Value::Kind::kTime;
  }
  return out;
}

}  // namespace

const Member* Value::Find(std::string_view name) const {
  for (const Member& member : members)
    if (member.name == name) return &member;
  return nullptr;
}

std::expected<Value, SyntaxError> ParseToml(std::string_view text) {
  if (text.size() > kMaxFileBytes)
    return std::unexpected(SyntaxError{{1, 1}, "the file is over 32 MiB: is it the right one?"});
  toml::parse_result result = toml::parse(text);
  if (!result) {
    const toml::parse_error& error = result.error();
    return std::unexpected(SyntaxError{At(error.source()), std::string(error.description())});
  }
  return Copy(result.table());
}

}  // namespace sluice::config
