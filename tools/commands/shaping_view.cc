#include "tools/commands/shaping_view.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "config/keys_shaping.h"
#include "config/source_text.h"
#include "engine/base/check.h"
#include "tools/commands/table.h"

namespace sluice::tools {
namespace {

using config::Shaping;
using config::ShapingKey;
using config::ShapingStep;
using Json = nlohmann::json;

ShapingOrigin OriginOf(const config::Config& config, ShapingKey key, const ShapingStep& step,
                       uint32_t base_line) {
  if (step.block != nullptr)
    return {config.shaping->file, step.setting->at.line, config::TitleOf(*step.block),
            config::FormatSetting(*step.setting)};
  const config::BaseKey base = config::BaseKeyOf(key);
  return {config.file, base_line, "[" + std::string(base.section) + "] " + std::string(base.key),
          ""};
}

// "shaping.toml:31 [[provider]] google 5, shaping.toml:90 [[source]] m1 50%".
std::string Told(const std::vector<ShapingOrigin>& origins) {
  std::string out;
  for (const ShapingOrigin& origin : origins) {
    if (!out.empty()) out += ", ";
    if (origin.line != 0) {
      out += origin.file + ":" + std::to_string(origin.line) + " " + origin.table;
    } else {
      out += "default of " + origin.table;
    }
    if (origins.size() > 1 && !origin.setting.empty()) out += " = " + origin.setting;
  }
  return out.empty() ? "default" : out;
}

}  // namespace

ShapingBaseLines BaseLines(const config::Config& config, const config::Surroundings& machine) {
  ShapingBaseLines lines{};
  const auto text = config::ReadWhole(config.file, "the configuration", machine);
  if (!text) return lines;
  const auto root = config::ParseTomlOf(*text, config.file);
  if (!root) return lines;
  for (size_t i = 0; i < lines.size(); ++i) {
    const config::BaseKey base = config::BaseKeyOf(ShapingKey(i));
    const config::Member* section = root->Find(base.section);
    const config::Member* key = section == nullptr ? nullptr : section->value.Find(base.key);
    if (key != nullptr) lines[i] = key->at.line;
  }
  return lines;
}

ShapingView ViewShaping(const config::Config& config, const std::string& domain,
                        const std::vector<std::string>& hosts, const std::string& source,
                        const ShapingBaseLines& base_lines) {
  CHECK(config.shaping != nullptr);
  const Shaping& shaping = *config.shaping;
  const config::ShapingBlock* provider = shaping.ProviderOf(hosts);
  ShapingView view{
      .domain = domain,
      .source = source,
      .provider = provider == nullptr ? "" : provider->name,
      .count_on = provider != nullptr && provider->count_on == config::CountOn::kProvider
                      ? "provider"
                      : "site",
      .hosts = hosts,
      .rows = {}};
  const config::Effective values =
      shaping.Resolve(config::ShapingBase(config), provider, domain, source);
  for (size_t i = 0; i < values.size(); ++i) {
    const config::Key& key = config::ShapingKeyOf(ShapingKey(i));
    ShapingRow& row = view.rows.emplace_back();
    row.key = key.name;
    row.later = key.later;
    row.value =
        values[i].value ? config::FormatShapingValue(ShapingKey(i), *values[i].value) : "unlimited";
    for (const ShapingStep& step : values[i].steps)
      row.origins.push_back(OriginOf(config, ShapingKey(i), step, base_lines[i]));
  }
  return view;
}

std::string ShapingText(const ShapingView& view) {
  std::string hosts;
  for (const std::string& host : view.hosts) hosts += (hosts.empty() ? "" : ", ") + host;
  std::string out = Printable(view.domain) + ": ";
  out += view.provider.empty() ? "no provider of the file" : "provider " + view.provider;
  out += " (" + Printable(hosts) + ")\n";
  out += view.source.empty() ? "any source; --source NAME shows what holds for one\n"
                             : "source " + view.source + "\n";
  out += "connections are counted on the " + view.count_on + "\n\n";
  Table table({{"key", Table::Align::kLeft},
               {"value", Table::Align::kLeft},
               {"", Table::Align::kLeft},
               {"from", Table::Align::kLeft}});
  for (const ShapingRow& row : view.rows)
    table.AddRow({row.key, row.value, row.later ? "no effect yet" : "", Told(row.origins)});
  return out + table.ToString();
}

std::string ShapingJson(const ShapingView& view) {
  Json rows = Json::array();
  for (const ShapingRow& row : view.rows) {
    Json origins = Json::array();
    for (const ShapingOrigin& origin : row.origins) {
      Json one{{"table", origin.table}};
      if (origin.line != 0) {
        one["file"] = origin.file;
        one["line"] = origin.line;
      }
      if (!origin.setting.empty()) one["setting"] = origin.setting;
      origins.push_back(std::move(one));
    }
    rows.push_back(
        {{"key", row.key}, {"value", row.value}, {"later", row.later}, {"from", origins}});
  }
  Json out{{"domain", view.domain},     {"hosts", view.hosts}, {"provider", nullptr},
           {"count_on", view.count_on}, {"source", nullptr},   {"values", std::move(rows)}};
  if (!view.provider.empty()) out["provider"] = view.provider;
  if (!view.source.empty()) out["source"] = view.source;
  return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::tools
