#include "config/shaping_checks.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/keys_shaping.h"
#include "config/units.h"

namespace sluice::config {
namespace {

std::string NameOf(ShapingKey key) { return std::string(ShapingKeyOf(key).name); }

// One round of checks over one file.
class Checker {
 public:
  Checker(Reader& reader, const Shaping& shaping, const Config& config)
      : reader_(reader), shaping_(shaping), config_(config), base_(ShapingBase(config)) {}

  void Run() {
    Providers();
    Domains();
    Sources();
    Values(shaping_.defaults, "default", shaping_.Resolve(base_, nullptr, "", ""));
    ForEach("provider", shaping_.providers,
            [this](const ShapingBlock& block) { return shaping_.Resolve(base_, &block, "", ""); });
    ForEach("domain", shaping_.domains, [this](const ShapingBlock& block) {
      return shaping_.Resolve(base_, nullptr, FirstOf(block.domains), "");
    });
    ForEach("source", shaping_.sources, [this](const ShapingBlock& block) {
      return shaping_.Resolve(base_, shaping_.ProviderNamed(block.provider), FirstOf(block.domains),
                              block.name);
    });
  }

 private:
  using Seen = std::map<std::string, Position>;

  static std::string_view FirstOf(const std::vector<std::string>& names) {
    return names.empty() ? std::string_view() : names.front();
  }

  template <typename F>
  void ForEach(const std::string& table, const std::vector<ShapingBlock>& blocks, F&& resolve) {
    for (size_t i = 0; i < blocks.size(); ++i) {
      const std::string path = table + "[" + std::to_string(i) + "]";
      if (blocks[i].settings.empty() && blocks[i].table != ShapingTable::kProvider)
        reader_.Warn(blocks[i].at, path, "sets nothing");
      Values(blocks[i], path, resolve(blocks[i]));
    }
  }

  // Every name once; what is empty was told already.
  void Once(Seen& seen, const std::string& name, const std::string& shown, Position at,
            const std::string& path) {
    if (name.empty()) return;
    const auto [first, is_new] = seen.try_emplace(name, at);
    if (!is_new)
      reader_.Fail(at, path,
                   Quote(shown) + " is there already, in line " +
                       std::to_string(first->second.line) + ": put both together");
  }

  void Providers() {
    Seen names;
    Seen suffixes;
    for (size_t i = 0; i < shaping_.providers.size(); ++i) {
      const ShapingBlock& provider = shaping_.providers[i];
      const std::string path = "provider[" + std::to_string(i) + "]";
      Once(names, provider.name, provider.name, provider.at, path + ".name");
      for (const std::string& suffix : provider.mx)
        Once(suffixes, suffix, suffix, provider.at, path + ".mx");
    }
  }

  void Domains() {
    Seen names;
    for (size_t i = 0; i < shaping_.domains.size(); ++i)
      for (const std::string& domain : shaping_.domains[i].domains)
        Once(names, domain, domain, shaping_.domains[i].at,
             "domain[" + std::to_string(i) + "].name");
  }

  void Sources() {
    std::vector<std::string_view> sources;
    for (const Source& source : config_.sources) sources.push_back(source.name);
    std::vector<std::string_view> providers;
    for (const ShapingBlock& provider : shaping_.providers) providers.push_back(provider.name);
    Seen seen;
    for (size_t i = 0; i < shaping_.sources.size(); ++i) {
      const ShapingBlock& block = shaping_.sources[i];
      const std::string path = "source[" + std::to_string(i) + "]";
      if (!block.name.empty())
        Known(block.name, sources, "[[source]] in " + config_.file, block.at, path + ".name");
      if (!block.provider.empty())
        Known(block.provider, providers, "[[provider]]", block.at, path + ".provider");
      if (!block.provider.empty() && !block.domains.empty())
        reader_.Fail(block.at, path,
                     "has a provider and domains: write a table for each of the two");
      if (block.name.empty()) continue;
      // Names have no control characters, so these keys are unambiguous.
      if (block.domains.empty())
        Once(seen, block.name + "\n" + block.provider, block.name, block.at, path);
      for (const std::string& domain : block.domains)
        Once(seen, block.name + "\n\n" + domain, domain, block.at, path + ".domain");
    }
  }

  void Known(const std::string& name, const std::vector<std::string_view>& known,
             const std::string& what, Position at, const std::string& path) {
    if (std::ranges::find(known, name) != known.end()) return;
    const std::string_view near = Nearest(name, known);
    reader_.Fail(at, path,
                 "there is no " + what + " named " + Quote(name) +
                     (near.empty() ? "" : "; did you mean " + Quote(near) + "?"));
  }

  // What a table makes together with those it builds on.
  void Values(const ShapingBlock& block, const std::string& path, const Effective& values) {
    // A limit for all is of no use to whoever never gets that far.
    Reached(block, path, values, ShapingKey::kConnections, ShapingKey::kSiteConnections);
    Reached(block, path, values, ShapingKey::kConnections, ShapingKey::kProviderConnections);
    Reached(block, path, values, ShapingKey::kSiteConnections, ShapingKey::kProviderConnections);
    Reached(block, path, values, ShapingKey::kCampaignRate, ShapingKey::kTenantRate);
    Times(block, path, values);
    for (const ShapingSetting& setting : block.settings)
      if (setting.how == ShapingSetting::How::kPercent && !values[size_t(setting.key)].value)
        reader_.Warn(setting.at, path + "." + NameOf(setting.key),
                     FormatSetting(setting) +
                         " of no limit is no limit: no table before this one "
                         "sets it");
  }

  static double SizeOf(ShapingKey key, const ShapingValue& value) {
    return ShapingKeyOf(key).kind == Kind::kRate ? value.rate.per_second() : double(value.number);
  }

  void Reached(const ShapingBlock& block, const std::string& path, const Effective& values,
               ShapingKey inner, ShapingKey outer) {
    const auto& small = values[size_t(inner)].value;
    const auto& large = values[size_t(outer)].value;
    if (!small || !large || SizeOf(inner, *small) <= SizeOf(outer, *large)) return;
    // Told where one of the two is written.
    const ShapingSetting* at = block.Find(outer);
    if (at == nullptr) at = block.Find(inner);
    if (at == nullptr) return;
    reader_.Warn(at->at, path + "." + NameOf(at->key),
                 NameOf(outer) + " is " + FormatShapingValue(outer, *large) + ", so " +
                     NameOf(inner) + " never reaches its " + FormatShapingValue(inner, *small));
  }

  void Times(const ShapingBlock& block, const std::string& path, const Effective& values) {
    const int64_t max_age = values[size_t(ShapingKey::kMaxAge)].value->number;
    const std::vector<Duration>& gaps = values[size_t(ShapingKey::kRetryGaps)].value->list;
    const ShapingSetting* age = block.Find(ShapingKey::kMaxAge);
    if (age != nullptr && max_age > config_.retry.max_age.count())
      reader_.Fail(age->at, path + ".max_age",
                   FormatDuration(Duration(max_age)) + " is longer than [retry] max_age of " +
                       FormatDuration(config_.retry.max_age) + ", which bounds it: raise that one");
    const ShapingSetting* gap = block.Find(ShapingKey::kRetryGaps);
    if (gap == nullptr) gap = age;
    if (gap != nullptr && !gaps.empty() && gaps.front().count() > max_age)
      reader_.Warn(gap->at, path + "." + NameOf(gap->key),
                   "the first gap is longer than max_age: no recipient is tried twice");
  }

  Reader& reader_;
  const Shaping& shaping_;
  const Config& config_;
  const Effective base_;
};

}  // namespace

void CheckShaping(Reader& reader, const Shaping& shaping, const Config& config) {
  Checker(reader, shaping, config).Run();
}

}  // namespace sluice::config
