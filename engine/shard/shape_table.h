// engine/shard/shape_table.h — the Shapes of a shard, each made once.
//
// PURPOSE   Answers what holds at (provider, domain, source) by a lookup; merging the tables of the
//           shaping file happens at the first question after a start or reload. Sites and domains
//           without a table of their own share what they get.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_SHAPE_TABLE_H_
#define SLUICE_ENGINE_SHARD_SHAPE_TABLE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "config/config.h"
#include "config/shaping.h"
#include "engine/delivery/shape.h"

namespace sluice::engine {

class ShapeTable {
 public:
  explicit ShapeTable(std::shared_ptr<const config::Config> config) { Renew(std::move(config)); }
  // Everything is looked up anew; what was given out stays good for those who hold it.
  void Renew(std::shared_ptr<const config::Config> config);
  const std::shared_ptr<const config::Config>& config() const { return config_; }
  // Another one after each Renew: providers of an older one are gone.
  uint64_t generation() const { return generation_; }

  // Null: none. Host names in lower case.
  const config::ShapingBlock* ProviderOf(std::span<const std::string> hosts) const;
  // Do all values of the two domains come from the same tables?
  bool Alike(std::string_view domain, std::string_view other) const;

  // `source` empty: of no source in particular. Good until Renew; holders copy the pointer.
  const std::shared_ptr<const Shape>& Of(const config::ShapingBlock* provider,
                                         std::string_view domain, std::string_view source);
  // Connections that all sources of the pool may have together on a path each.
  uint64_t PoolConnections(const config::ShapingBlock* provider, std::string_view domain,
                           const config::Pool& pool);
  // Recipients in a transaction that any source of the pool may make.
  uint32_t PoolRecipients(const config::ShapingBlock* provider, std::string_view domain,
                          const config::Pool& pool);

 private:
  // A domain that no table names is null, as all its kind.
  struct Key {
    const config::ShapingBlock* provider;
    const std::string* domain;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Key& key) const {
      return std::hash<const void*>{}(key.provider) * 31 + std::hash<const void*>{}(key.domain);
    }
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct OfPool {
    uint64_t connections = 0;
    uint32_t recipients = UINT32_MAX;
  };
  struct Row {
    std::unordered_map<std::string, std::shared_ptr<const Shape>, Hash, std::equal_to<>> by_source;
    std::unordered_map<std::string, OfPool> by_pool;
  };

  const std::string* Named(std::string_view domain) const;
  const OfPool& PoolRow(const config::ShapingBlock* provider, std::string_view domain,
                        const config::Pool& pool);
  const std::shared_ptr<const Shape>& Make(Row& row, const Key& key, std::string_view source);

  std::shared_ptr<const config::Config> config_;
  config::Effective base_;
  std::unordered_map<Key, Row, Hash> rows_;
  uint64_t generation_ = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_SHAPE_TABLE_H_
