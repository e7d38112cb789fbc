#include "config/parser.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "config/checks.h"
#include "config/document.h"
#include "config/keys.h"
#include "config/proxy_passwords.h"
#include "config/reader.h"
#include "config/shaping_parser.h"
#include "config/source_text.h"
#include "config/units.h"
#include "config/zone.h"

namespace sluice::config {
namespace {

std::string FolderOf(const std::string& file) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(file, error);
  return (error ? std::filesystem::path(file) : whole).parent_path().string();
}

void ReadList(Reader& reader, const Section& section, const Member& member, Config& config) {
  const std::string name(section.name);
  if (member.value.kind == Value::Kind::kTable) {
    reader.Fail(member.value.at, name, "there may be several: write [[" + name + "]]");
    return;
  }
  for (size_t i = 0; i < member.value.items.size(); ++i) {
    const std::string path = name + "[" + std::to_string(i) + "]";
    const Value& item = member.value.items[i];
    if (item.kind == Value::Kind::kTable)
      reader.ReadTable(section, path, item, section.slot(config));
    else
      reader.Fail(item.at, path, "must be a table: write [[" + name + "]]");
  }
  if (member.value.kind != Value::Kind::kList)
    reader.Fail(member.value.at, name, "must be a list of tables: write [[" + name + "]]");
}

void ReadSection(Reader& reader, const Section& section, const Member& member, Config& config) {
  const std::string name(section.name);
  if (section.later)
    reader.Warn(member.at, name, "is read and checked, but has no effect in this version");
  if (section.shape == Section::Shape::kList) {
    ReadList(reader, section, member, config);
  } else if (member.value.kind == Value::Kind::kTable) {
    reader.ReadTable(section, name, member.value, section.slot(config));
  } else {
    reader.Fail(member.value.at, name,
                member.value.kind == Value::Kind::kList ? "there is only one: write [" + name + "]"
                                                        : "is a section: write [" + name + "]");
  }
}

// Sections are taken out of the root; what is left are keys of the top and mistakes.
void ReadRoot(Reader& reader, const Value& root, Config& config) {
  const Section& top = *FindSection("");
  std::vector<std::string_view> sections;
  for (const Section& section : Sections())
    if (section.shape == Section::Shape::kTable || section.shape == Section::Shape::kList)
      sections.push_back(section.name);
  Value rest;
  rest.at = {1, 1};
  for (const Member& member : root.members) {
    const bool known_section = std::ranges::find(sections, member.name) != sections.end();
    const bool looks_like_section =
        member.value.kind == Value::Kind::kTable || member.value.kind == Value::Kind::kList;
    if (known_section) {
      ReadSection(reader, *FindSection(member.name), member, config);
    } else if (looks_like_section && FindKey(top, member.name) == nullptr) {
      const std::string_view near = Nearest(member.name, sections);
      reader.Fail(member.at, member.name,
                  "unknown section" +
                      (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?"));
    } else {
      rest.members.push_back(member);
    }
  }
  reader.ReadTable(top, "", rest, &config);
}

}  // namespace

std::expected<Loaded, Problems> ParseConfig(std::string_view text, const std::string& file,
                                            const Surroundings& surroundings) {
  const std::expected<Value, Problem> root = ParseTomlOf(text, file);
  if (!root) return std::unexpected(Problems{root.error()});
  Loaded loaded;
  loaded.config.file = file;
  Reader reader(file, FolderOf(file));
  ReadRoot(reader, *root, loaded.config);
  if (const Member* list = root->Find("listener"))
    for (size_t i = 0; i < std::min(loaded.config.listeners.size(), list->value.items.size()); ++i)
      loaded.config.listeners[i].line = list->value.items[i].at.line;
  FillDefaults(loaded.config, surroundings);
  LoadZone(reader, *root, loaded.config);
  CheckConfig(reader, *root, surroundings, loaded.config);
  if (!reader.errors().empty()) {
    InFileOrder(reader.errors());
    return std::unexpected(std::move(reader.errors()));
  }
  InFileOrder(reader.warnings());
  loaded.warnings = std::move(reader.warnings());
  return loaded;
}

std::expected<Loaded, Problems> LoadConfig(const std::string& file, const Surroundings& machine) {
  const auto text = ReadWhole(file, "the configuration", machine);
  if (!text) return std::unexpected(Problems{text.error()});
  auto loaded = ParseConfig(*text, file, machine);
  if (!loaded) return loaded;
  if (auto wrong = ReadProxyPasswords(loaded->config, machine))
    return std::unexpected(Problems{*wrong});
  auto shaping = LoadShaping(loaded->config, machine);
  if (!shaping) return std::unexpected(std::move(shaping.error()));
  loaded->config.shaping = std::make_shared<const Shaping>(std::move(shaping->shaping));
  std::ranges::move(shaping->warnings, std::back_inserter(loaded->warnings));
  return loaded;
}

}  // namespace sluice::config
