// tools/commands/shaping_view.h — what holds for one domain, drawn for people and programs.
//
// TESTS     tests/tools/shaping_view_test.cc

#ifndef SLUICE_TOOLS_COMMANDS_SHAPING_VIEW_H_
#define SLUICE_TOOLS_COMMANDS_SHAPING_VIEW_H_

#include <array>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/shaping.h"
#include "config/surroundings.h"

namespace sluice::tools {

// The line of sluice.toml that sets what a key builds on, by ShapingKey; 0: it is the default.
using ShapingBaseLines = std::array<uint32_t, config::kShapingKeyCount>;
// Reads the file once more; all 0 when it has gone meanwhile.
ShapingBaseLines BaseLines(const config::Config& config, const config::Surroundings& machine);

// A line that had a part in a value.
struct ShapingOrigin {
  std::string file;
  uint32_t line = 0;    // 0: nobody has written it
  std::string table;    // "[[provider]] google", "[delivery] connections_per_path"
  std::string setting;  // "50%"; empty: as sluice.toml has it
};

struct ShapingRow {
  std::string key;
  std::string value;  // "unlimited" where there is no limit
  bool later = false;
  std::vector<ShapingOrigin> origins;  // the value that was set, then the parts taken of it
};

struct ShapingView {
  std::string domain;
  std::string source;    // empty: any
  std::string provider;  // empty: of none
  std::string count_on;  // "site" or "provider"
  std::vector<std::string> hosts;
  std::vector<ShapingRow> rows;
};

// `config.shaping` is there.
ShapingView ViewShaping(const config::Config& config, const std::string& domain,
                        const std::vector<std::string>& hosts, const std::string& source,
                        const ShapingBaseLines& base_lines);

std::string ShapingText(const ShapingView& view);
std::string ShapingJson(const ShapingView& view);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_SHAPING_VIEW_H_
