// config/shaping_reader.h — reads one value of shaping.toml: itself, a percentage, "unset" or
// "unlimited".

#ifndef SLUICE_CONFIG_SHAPING_READER_H_
#define SLUICE_CONFIG_SHAPING_READER_H_

#include <string>

#include "config/reader.h"
#include "config/shaping.h"

namespace sluice::config {

// Percentages that can be written.
inline constexpr uint32_t kPercentMax = 1'000;

// Adds it to the table's settings; what is wrong goes to the reader, and nothing is added.
void ReadSetting(Reader& reader, const Key& key, const std::string& path, const Value& value,
                 ShapingKey id, ShapingBlock& block);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_SHAPING_READER_H_
