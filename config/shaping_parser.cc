#include "config/shaping_parser.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/keys_shaping.h"
#include "config/reader.h"
#include "config/shaping_checks.h"
#include "config/source_text.h"
#include "config/units.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

constexpr char kBuiltIn[] =
#include <shaping_toml.inc>  // made of shaping.toml by CMakeLists.txt
    ;

std::vector<ShapingBlock>& ListOf(Shaping& shaping, ShapingTable table) {
  if (table == ShapingTable::kProvider) return shaping.providers;
  return table == ShapingTable::kDomain ? shaping.domains : shaping.sources;
}

void ReadBlock(Reader& reader, ShapingTable table, const std::string& path, const Value& value,
               ShapingBlock& block) {
  block.table = table;
  block.at = value.at;
  reader.ReadTable(ShapingSection(table), path, value, &block);
  for (std::string& host : block.mx) {
    host = Lower(host);
    if (host.starts_with('.')) host.erase(0, 1);
  }
}

void ReadBlocks(Reader& reader, ShapingTable table, const Member& member, Shaping& shaping) {
  const std::string name = member.name;
  if (member.value.kind != Value::Kind::kList)
    return reader.Fail(member.at, name, "there may be several: write [[" + name + "]]");
  for (size_t i = 0; i < member.value.items.size(); ++i) {
    const Value& item = member.value.items[i];
    const std::string path = name + "[" + std::to_string(i) + "]";
    if (item.kind == Value::Kind::kTable)
      ReadBlock(reader, table, path, item, ListOf(shaping, table).emplace_back());
    else
      reader.Fail(item.at, path, "must be a table: write [[" + name + "]]");
  }
}

void ReadRoot(Reader& reader, const Value& root, Shaping& shaping) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < kShapingTableCount; ++i)
    names.push_back(ShapingSection(ShapingTable(i)).name);
  for (const Member& member : root.members) {
    const auto found = std::ranges::find(names, member.name);
    const auto table = ShapingTable(found - names.begin());
    if (found == names.end()) {
      const bool a_value =
          std::ranges::find(ShapingKeys(), member.name, &Key::name) != ShapingKeys().end();
      const std::string_view near = Nearest(member.name, names);
      reader.Fail(member.at, member.name,
                  a_value        ? "stands in no table: put it under [default], [[provider]], "
                                   "[[domain]] or [[source]]"
                  : near.empty() ? "unknown table"
                                 : "unknown table; did you mean \"" + std::string(near) + "\"?");
    } else if (table != ShapingTable::kDefault) {
      ReadBlocks(reader, table, member, shaping);
    } else if (member.value.kind == Value::Kind::kTable) {
      ReadBlock(reader, table, member.name, member.value, shaping.defaults);
    } else {
      reader.Fail(member.at, member.name, "there is only one: write [default]");
    }
  }
}

}  // namespace

std::string_view BuiltInShaping() { return {kBuiltIn, sizeof(kBuiltIn) - 1}; }

std::expected<LoadedShaping, Problems> ParseShaping(std::string_view text, const std::string& file,
                                                    const Config& config) {
  const std::expected<Value, Problem> root = ParseTomlOf(text, file);
  if (!root) return std::unexpected(Problems{root.error()});
  LoadedShaping loaded;
  loaded.shaping.file = file;
  Reader reader(file, "");
  ReadRoot(reader, *root, loaded.shaping);
  loaded.shaping.Index();
  CheckShaping(reader, loaded.shaping, config);
  InFileOrder(reader.errors());
  InFileOrder(reader.warnings());
  if (!reader.errors().empty()) return std::unexpected(std::move(reader.errors()));
  loaded.warnings = std::move(reader.warnings());
  return loaded;
}

std::expected<LoadedShaping, Problems> LoadShaping(const Config& config,
                                                   const Surroundings& machine) {
  if (config.shaping_file.empty())
    return ParseShaping(BuiltInShaping(), kBuiltInShapingFile, config);
  const auto text = ReadWhole(config.shaping_file, "the shaping file", machine);
  if (!text) return std::unexpected(Problems{text.error()});
  return ParseShaping(*text, config.shaping_file, config);
}

}  // namespace sluice::config
