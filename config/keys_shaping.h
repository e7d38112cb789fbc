// config/keys_shaping.h — the table of keys of shaping.toml.
//
// PURPOSE   As keys.h for sluice.toml: every key once, with kind, range and sentence. The parser,
//           the checks and the tables of docs/shaping.md come from it.
// TO ADD    A ShapingKey (shaping.h), a row at the same place in keys_shaping.cc, and what the
//           engine makes of it (engine/delivery/shape.h), or `later`.

#ifndef SLUICE_CONFIG_KEYS_SHAPING_H_
#define SLUICE_CONFIG_KEYS_SHAPING_H_

#include <span>
#include <string>

#include "config/keys.h"
#include "config/reader.h"
#include "config/shaping.h"

namespace sluice::config {

// Each with the keys that name it, then the values.
inline constexpr size_t kShapingTableCount = 4;
const Section& ShapingSection(ShapingTable table);
// The keys that name a table; none for [default].
std::span<const Key> ShapingNames(ShapingTable table);

// By ShapingKey.
std::span<const Key> ShapingKeys();
const Key& ShapingKeyOf(ShapingKey key);

// A setting as it was written, a value as it holds: "50%", "100/s burst 20", "required", "5m".
std::string FormatSetting(const ShapingSetting& setting);
std::string FormatShapingValue(ShapingKey key, const ShapingValue& value);

// "[[source]] mailing-1 at google": what a table is called in messages.
std::string TitleOf(const ShapingBlock& block);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_KEYS_SHAPING_H_
