#include "engine/shard/shape_table.h"

#include <algorithm>
#include <utility>

namespace sluice::engine {

void ShapeTable::Renew(std::shared_ptr<const config::Config> config) {
  config_ = std::move(config);
  base_ = config::ShapingBase(*config_);
  rows_.clear();
  ++generation_;
}

const config::ShapingBlock* ShapeTable::ProviderOf(std::span<const std::string> hosts) const {
  return config_->shaping == nullptr ? nullptr : config_->shaping->ProviderOf(hosts);
}

const std::string* ShapeTable::Named(std::string_view domain) const {
  return config_->shaping == nullptr ? nullptr : config_->shaping->NamedDomain(domain);
}

bool ShapeTable::Alike(std::string_view domain, std::string_view other) const {
  return Named(domain) == Named(other);
}

const std::shared_ptr<const Shape>& ShapeTable::Make(Row& row, const Key& key,
                                                     std::string_view source) {
  const auto known = row.by_source.find(source);
  if (known != row.by_source.end()) return known->second;
  const std::string_view domain = key.domain == nullptr ? std::string_view() : *key.domain;
  const config::Effective values =
      config_->shaping == nullptr ? base_
                                  : config_->shaping->Resolve(base_, key.provider, domain, source);
  auto shape = std::make_shared<const Shape>(ToShape(values, *config_));
  return row.by_source.emplace(std::string(source), std::move(shape)).first->second;
}

const std::shared_ptr<const Shape>& ShapeTable::Of(const config::ShapingBlock* provider,
                                                   std::string_view domain,
                                                   std::string_view source) {
  const Key key{provider, Named(domain)};
  return Make(rows_[key], key, source);
}

const ShapeTable::OfPool& ShapeTable::PoolRow(const config::ShapingBlock* provider,
                                              std::string_view domain, const config::Pool& pool) {
  const Key key{provider, Named(domain)};
  Row& row = rows_[key];
  const auto [known, is_new] = row.by_pool.try_emplace(pool.name);
  if (!is_new) return known->second;
  for (const config::PoolMember& member : pool.members) {
    const Shape& shape = *Make(row, key, member.source);
    known->second.connections += shape.connections;
    known->second.recipients = std::min(known->second.recipients, shape.recipients_per_transaction);
  }
  return known->second;
}

uint64_t ShapeTable::PoolConnections(const config::ShapingBlock* provider, std::string_view domain,
                                     const config::Pool& pool) {
  return PoolRow(provider, domain, pool).connections;
}

uint32_t ShapeTable::PoolRecipients(const config::ShapingBlock* provider, std::string_view domain,
                                    const config::Pool& pool) {
  return PoolRow(provider, domain, pool).recipients;
}

}  // namespace sluice::engine
