// The rows. Sentences are for operators: what the value does, and when to change it.

#include "config/keys_shaping.h"

#include <array>
#include <utility>

#include "config/keys_row.h"
#include "config/shaping_reader.h"
#include "config/syntax.h"
#include "config/units.h"
#include "engine/base/check.h"

namespace sluice::config {
namespace {

template <ShapingKey K>
constexpr Key Setting(Key key) {
  key.read = [](Reader& reader, const Key& self, const std::string& path, const Value& value,
                void* block) {
    ReadSetting(reader, self, path, value, K, *static_cast<ShapingBlock*>(block));
  };
  key.print_default = [](const Key& self) { return std::string(self.default_text); };
  return key;
}

template <ShapingKey K>
constexpr Key Timeout(std::string_view name, std::string_view doc) {
  return Setting<K>({.name = name,
                     .kind = Kind::kDuration,
                     .min = 100 * kMs,
                     .max = kHour,
                     .default_text = "`[timeouts]`",
                     .doc = doc});
}

constexpr std::string_view kNoLimit = "unlimited";

constexpr Key kValues[] = {
    Setting<ShapingKey::kConnections>(
        {.name = "connections",
         .kind = Kind::kCount,
         .min = 1,
         .max = 100'000,
         .default_text = "`[delivery] connections_per_path`",
         .doc = "Connections of one source at a time, to one site, or to all sites of a provider "
                "together where its `count_on` says so."}),
    Setting<ShapingKey::kSiteConnections>(
        {.name = "site_connections",
         .kind = Kind::kCount,
         .min = 1,
         .max = 100'000,
         .default_text = kNoLimit,
         .later = true,
         .doc = "Connections of all sources together to one site."}),
    Setting<ShapingKey::kProviderConnections>(
        {.name = "provider_connections",
         .kind = Kind::kCount,
         .min = 1,
         .max = 100'000,
         .default_text = kNoLimit,
         .later = true,
         .doc = "Connections of all sources together to all sites of a provider."}),
    Setting<ShapingKey::kConnectionRate>({.name = "connection_rate",
                                          .kind = Kind::kRate,
                                          .default_text = kNoLimit,
                                          .doc = "New connections of one source, counted as "
                                                 "`connections` are; every address that is tried "
                                                 "counts."}),
    Setting<ShapingKey::kConnectionGrowth>(
        {.name = "connection_growth",
         .kind = Kind::kRate,
         .default_text = kNoLimit,
         .later = true,
         .doc = "How fast the number of connections open at the same time may grow."}),
    Setting<ShapingKey::kMessagesPerConnection>(
        {.name = "messages_per_connection",
         .kind = Kind::kCount,
         .min = 1,
         .max = 1'000'000,
         .default_text = "`[delivery] messages_per_connection`",
         .doc = "Messages over one connection; then a new one is made."}),
    Setting<ShapingKey::kRecipientsPerTransaction>(
        {.name = "recipients_per_transaction",
         .kind = Kind::kCount,
         .min = 1,
         .max = 1'000,
         .default_text = "`[delivery] recipients_per_transaction`",
         .doc = "Recipients of one message that go in one transaction."}),
    Setting<ShapingKey::kMessageRate>({.name = "message_rate",
                                       .kind = Kind::kRate,
                                       .default_text = kNoLimit,
                                       .doc = "Recipients tried by one source, counted as "
                                              "`connections` are. The burst is also the most "
                                              "recipients of one transaction."}),
    Setting<ShapingKey::kTenantRate>({.name = "tenant_rate",
                                      .kind = Kind::kRate,
                                      .default_text = kNoLimit,
                                      .doc = "Recipients tried for one tenant, by all sources: "
                                             "all of its mail in `[default]`, that to the provider "
                                             "or domain in their tables."}),
    Setting<ShapingKey::kCampaignRate>(
        {.name = "campaign_rate",
         .kind = Kind::kRate,
         .default_text = kNoLimit,
         .doc = "The same for one campaign of a tenant. Mail without a campaign has none."}),
    Setting<ShapingKey::kRetryGaps>(
        {.name = "retry_gaps",
         .kind = Kind::kDurations,
         .min = 100 * kMs,
         .max = 7 * kDay,
         .default_text = "`[retry] gaps`",
         .doc = "Times between attempts; the last one repeats. Up to 20% is added at random."}),
    Setting<ShapingKey::kMaxAge>(
        {.name = "max_age",
         .kind = Kind::kDuration,
         .min = kSecond,
         .max = 30 * kDay,
         .default_text = "`[retry] max_age`",
         .doc = "How long a recipient is tried; then it expires. `[retry] max_age` bounds it."}),
    Setting<ShapingKey::kIdle>({.name = "idle",
                                .kind = Kind::kDuration,
                                .max = 10 * kMinute,
                                .default_text = "`[delivery] idle_connection`",
                                .doc = "How long a connection is kept open for more mail."}),
    Setting<ShapingKey::kTls>(
        {.name = "tls",
         .kind = Kind::kChoice,
         .choices = "opportunistic|required|verified|off",
         .default_text = "`\"opportunistic\"`",
         .doc = "What connections must be, as `tls` of a `[[route]]` (docs/tls.md). A route that "
                "says anything but `opportunistic` wins; DANE and MTA-STS of the receiver are "
                "never weakened."}),
    Setting<ShapingKey::kIpFamily>(
        {.name = "ip_family",
         .kind = Kind::kChoice,
         .choices = "any|ipv4|ipv6",
         .default_text = "`\"any\"`",
         .doc = "Addresses of the receiver that are connected to. A source with an address uses "
                "that address's family alone, so another one here leaves it nothing to use."}),
    Timeout<ShapingKey::kConnectTimeout>("connect_timeout", "TCP connection, each address."),
    Timeout<ShapingKey::kBannerTimeout>("banner_timeout", "Greeting of the receiver."),
    Timeout<ShapingKey::kEhloTimeout>("ehlo_timeout", "Reply to EHLO or HELO."),
    Timeout<ShapingKey::kMailTimeout>("mail_timeout", "Reply to MAIL."),
    Timeout<ShapingKey::kRcptTimeout>("rcpt_timeout", "Reply to RCPT."),
    Timeout<ShapingKey::kDataTimeout>("data_timeout", "Reply to DATA."),
    Timeout<ShapingKey::kBlockTimeout>("block_timeout", "Progress of the content."),
    Timeout<ShapingKey::kDotTimeout>(
        "dot_timeout", "Reply to the end of the data. A short time here makes duplicates."),
    Timeout<ShapingKey::kQuitTimeout>("quit_timeout", "Reply to QUIT."),
    Timeout<ShapingKey::kStartTlsTimeout>("starttls_timeout",
                                          "Reply to STARTTLS and the handshake."),
    Setting<ShapingKey::kAdaptive>(
        {.name = "adaptive",
         .kind = Kind::kChoice,
         .choices = "on|off",
         .default_text = "`\"on\"`",
         .doc = "Whether the rate and the number of connections follow what the receiver answers, "
                "below the limits given here. Off: the limits alone count."}),
};
static_assert(std::size(kValues) == kShapingKeyCount);

constexpr Key kProviderNames[] = {
    Row<&ShapingBlock::name>({.name = "name",
                              .kind = Kind::kName,
                              .required = true,
                              .doc = "What the provider is called."}),
    Row<&ShapingBlock::mx>(
        {.name = "mx",
         .kind = Kind::kSuffixes,
         .required = true,
         .doc = "Names of its MX hosts: `\".google.com\"` is every host below it, and so is "
                "`\"google.com\"`. The longest that fits a host counts."}),
    Row<&ShapingBlock::count_on>(
        {.name = "count_on",
         .kind = Kind::kChoice,
         .choices = "site|provider",
         .doc = "What `connections` are counted on: each site alone, for providers that give every "
                "customer hosts of its own, or all sites of the provider together."}),
};

constexpr Key kDomainNames[] = {
    Row<&ShapingBlock::domains>({.name = "name",
                                 .kind = Kind::kDomains,
                                 .required = true,
                                 .doc = "Recipient domain, or a list of them."}),
};

constexpr Key kSourceNames[] = {
    Row<&ShapingBlock::name>({.name = "name",
                              .kind = Kind::kName,
                              .required = true,
                              .doc = "Name of a `[[source]]` of sluice.toml."}),
    Row<&ShapingBlock::provider>({.name = "provider",
                                  .kind = Kind::kName,
                                  .default_text = "all receivers",
                                  .doc = "The values hold at this provider alone."}),
    Row<&ShapingBlock::domains>({.name = "domain",
                                 .kind = Kind::kDomains,
                                 .default_text = "all receivers",
                                 .doc = "The values hold for these recipient domains alone."}),
};

template <size_t N>
constexpr auto WithValues(const Key (&names)[N]) {
  std::array<Key, N + kShapingKeyCount> out{};
  for (size_t i = 0; i < N; ++i) out[i] = names[i];
  for (size_t i = 0; i < kShapingKeyCount; ++i) out[N + i] = kValues[i];
  return out;
}

constexpr auto kProviderKeys = WithValues(kProviderNames);
constexpr auto kDomainKeys = WithValues(kDomainNames);
constexpr auto kSourceKeys = WithValues(kSourceNames);

constexpr Section kTables[] = {
    {.name = "default",
     .shape = Section::Shape::kTable,
     .doc = "What holds for every receiver.",
     .keys = kValues,
     .slot = nullptr},
    {.name = "provider",
     .shape = Section::Shape::kList,
     .doc = "What holds at the sites of one provider: those whose MX hosts mostly are its own.",
     .keys = kProviderKeys,
     .slot = nullptr},
    {.name = "domain",
     .shape = Section::Shape::kList,
     .doc = "What holds for mail to these recipient domains.",
     .keys = kDomainKeys,
     .slot = nullptr},
    {.name = "source",
     .shape = Section::Shape::kList,
     .doc = "What holds for mail from one source: everywhere, at one provider, or for domains.",
     .keys = kSourceKeys,
     .slot = nullptr},
};
static_assert(std::size(kTables) == kShapingTableCount);

}  // namespace

const Section& ShapingSection(ShapingTable table) { return kTables[size_t(table)]; }

std::span<const Key> ShapingNames(ShapingTable table) {
  const std::span<const Key> all = ShapingSection(table).keys;
  return all.first(all.size() - kShapingKeyCount);
}

std::span<const Key> ShapingKeys() { return kValues; }

const Key& ShapingKeyOf(ShapingKey key) { return kValues[size_t(key)]; }

std::string FormatShapingValue(ShapingKey id, const ShapingValue& value) {
  const Key& key = ShapingKeyOf(id);
  switch (key.kind) {
    case Kind::kRate:
      return FormatRate(value.rate);
    case Kind::kDuration:
      return FormatDuration(Duration(value.number));
    case Kind::kChoice:
      return std::string(SplitChoices(key.choices)[size_t(value.number)]);
    case Kind::kDurations: {
      std::string out;
      for (const Duration& gap : value.list) out += (out.empty() ? "" : ", ") + FormatDuration(gap);
      return out;
    }
    default:
      CHECK(key.kind == Kind::kCount);
      return std::to_string(value.number);
  }
}

std::string FormatSetting(const ShapingSetting& setting) {
  switch (setting.how) {
    case ShapingSetting::How::kPercent:
      return std::to_string(setting.percent) + "%";
    case ShapingSetting::How::kUnset:
      return "unset";
    case ShapingSetting::How::kUnlimited:
      return "unlimited";
    case ShapingSetting::How::kValue:
      break;
  }
  return FormatShapingValue(setting.key, setting.value);
}

std::string TitleOf(const ShapingBlock& block) {
  std::string domains;
  for (const std::string& domain : block.domains) domains += (domains.empty() ? "" : ", ") + domain;
  switch (block.table) {
    case ShapingTable::kDefault:
      return "[default]";
    case ShapingTable::kProvider:
      return "[[provider]] " + block.name;
    case ShapingTable::kDomain:
      return "[[domain]] " + domains;
    case ShapingTable::kSource:
      break;
  }
  std::string out = "[[source]] " + block.name;
  if (!block.provider.empty()) out += " at " + block.provider;
  if (!domains.empty()) out += " for " + domains;
  return out;
}

}  // namespace sluice::config
