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

ShapeTable::Row& ShapeTable::RowOf(const Key& key) {
  const auto [it, is_new] = rows_.try_emplace(key);
  Row& row = it->second;
  if (!is_new) return row;
  for (const config::PoolMember& member : config_->pools.front().members) {
    const Shape& shape = *Make(row, key, member.source);
    row.pool_connections += shape.connections;
    row.pool_recipients = std::min(row.pool_recipients, shape.recipients_per_transaction);
  }
  return row;
}

const std::shared_ptr<const Shape>& ShapeTable::Of(const config::ShapingBlock* provider,
                                                   std::string_view domain,
                                                   std::string_view source) {
  const Key key{provider, Named(domain)};
  return Make(RowOf(key), key, source);
}

uint64_t ShapeTable::PoolConnections(const config::ShapingBlock* provider,
                                     std::string_view domain) {
  return RowOf({provider, Named(domain)}).pool_connections;
}

uint32_t ShapeTable::PoolRecipients(const config::ShapingBlock* provider, std::string_view domain) {
  return RowOf({provider, Named(domain)}).pool_recipients;
}

}  // namespace sluice::engine
