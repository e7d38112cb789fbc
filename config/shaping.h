// config/shaping.h — what shaping.toml says: how hard each receiver may be worked.
//
// PURPOSE   The tables of the file as they were written, and the one place that merges them:
//           sluice.toml < [default] < [[provider]] < [[domain]] < [[source]] <
//           [[source]] with a provider < [[source]] with a domain. Each value remembers every line
//           it came from.
// NOT HERE  Reading the file (shaping_parser.h), its keys (keys_shaping.h), what the engine does
//           with the values (engine/delivery/shape.h).
// COST      Resolve is for when a site comes to life, not for each message.
// TESTS     tests/config/shaping_test.cc, docs/shaping.md

#ifndef SLUICE_CONFIG_SHAPING_H_
#define SLUICE_CONFIG_SHAPING_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "config/document.h"
#include "config/rate.h"

namespace sluice::config {

// In the order of kShapingKeys (keys_shaping.h).
enum class ShapingKey : uint8_t {
  kConnections,
  kSiteConnections,
  kProviderConnections,
  kConnectionRate,
  kConnectionGrowth,
  kMessagesPerConnection,
  kRecipientsPerTransaction,
  kMessageRate,
  kTenantRate,
  kCampaignRate,
  kRetryGaps,
  kMaxAge,
  kIdle,
  kTls,
  kIpFamily,
  kConnectTimeout,
  kBannerTimeout,
  kEhloTimeout,
  kMailTimeout,
  kRcptTimeout,
  kDataTimeout,
  kBlockTimeout,
  kDotTimeout,
  kQuitTimeout,
  kStartTlsTimeout,
  kAdaptive,
};
inline constexpr size_t kShapingKeyCount = size_t(ShapingKey::kAdaptive) + 1;

enum class IpFamily : uint8_t { kAny, kIpv4, kIpv6 };

// What `connections` of one source are counted on.
enum class CountOn : uint8_t { kSite, kProvider };

// One of the members, by the kind of the key.
struct ShapingValue {
  int64_t number = 0;  // count, microseconds, or place among the choices
  Rate rate;
  std::vector<Duration> list;

  bool operator==(const ShapingValue&) const = default;
};

// A key as a table of the file sets it.
struct ShapingSetting {
  enum class How : uint8_t { kValue, kPercent, kUnset, kUnlimited };

  ShapingKey key{};
  How how = How::kValue;
  ShapingValue value;
  uint32_t percent = 0;
  Position at;
};

// [default], [[provider]], [[domain]], [[source]].
enum class ShapingTable : uint8_t { kDefault, kProvider, kDomain, kSource };

// One table of the file.
struct ShapingBlock {
  ShapingTable table = ShapingTable::kDefault;
  std::string name;                  // of the provider or source
  std::vector<std::string> domains;  // of [[domain]], or of a source's
  std::string provider;              // of a source's
  std::vector<std::string> mx;       // of a provider: host names, with all below them; no first dot
  CountOn count_on = CountOn::kSite;
  Position at;
  std::vector<ShapingSetting> settings;

  const ShapingSetting* Find(ShapingKey key) const;
};

// What made a value: the last line that set it, and the percents since. No block: sluice.toml.
struct ShapingStep {
  const ShapingBlock* block = nullptr;
  const ShapingSetting* setting = nullptr;
};

struct EffectiveValue {
  std::optional<ShapingValue> value;  // none: no limit
  std::vector<ShapingStep> steps;     // empty: nobody has set it
};
// By ShapingKey.
using Effective = std::array<EffectiveValue, kShapingKeyCount>;

// What holds where the shaping file is silent.
Effective ShapingBase(const Config& config);
// The key of sluice.toml that it is; both empty: there is none.
struct BaseKey {
  std::string_view section;
  std::string_view key;
};
BaseKey BaseKeyOf(ShapingKey key);

class Shaping {
 public:
  std::string file;  // where it was read from, as messages show it
  ShapingBlock defaults;
  std::vector<ShapingBlock> providers;
  std::vector<ShapingBlock> domains;
  std::vector<ShapingBlock> sources;  // those with a provider or domain too

  // Once, when the tables are complete.
  void Index();

  // The provider that most of these hosts belong to, by the longest of its suffixes that fits each;
  // of equals the one written first. Null: none. Host names are lower case.
  const ShapingBlock* ProviderOf(std::span<const std::string> hosts) const;
  // A recipient domain, lower case, that some table names: one name for good, to tell domains apart
  // by. Null: none does, so that it is shaped as all others of its site.
  const std::string* NamedDomain(std::string_view domain) const;
  const ShapingBlock* ProviderNamed(std::string_view name) const;

  // `provider` is a table of ours or null; `domain` and `source` may be empty.
  Effective Resolve(const Effective& base, const ShapingBlock* provider, std::string_view domain,
                    std::string_view source) const;

 private:
  const ShapingBlock* ProviderOfHost(std::string_view host) const;

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  template <typename T>
  using ByName = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  // Places in the vectors above. A domain that only a source's table names has none: kNowhere.
  static constexpr size_t kNowhere = SIZE_MAX;
  ByName<size_t> by_suffix_;
  ByName<size_t> by_domain_;
};

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_SHAPING_H_
