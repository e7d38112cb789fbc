// engine/shard/site_shape.cc — the part of the Scheduler that knows what holds for the mail of a
// site.

#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {

void Scheduler::RenewTls() {
  shared_.tls = shard_.tls_client != nullptr ? shard_.tls_client : shard_.net.MakeTlsClient();
}

void Scheduler::RenewShapes() {
  if (shapes_.config() == shard_.config) return;  // only certificates are new
  shapes_.Renew(shard_.config);
  rates_.Renew();
  pools_.Renew(shard_.config);
  Repool();
  queue_nodes_.Reweigh();
  ReleaseLanes();
  // More may be allowed than before.
  for (const auto& [name, site] : sites_) Touch(*site);
}

// The site's name stands for its hosts: they are the same as long as it lives.
void Scheduler::KnowHosts(Site& site, const std::vector<dns::MxHost>& hosts) {
  if (!site.hosts.empty()) return;
  for (const dns::MxHost& host : hosts) site.hosts.push_back(host.name);
  site.shaped = 0;
}

// Reloaded rules may name another.
void Scheduler::KnowReceiver(Site& site, const std::vector<dns::MxHost>& hosts) {
  if (hosts.empty()) return;
  std::string provider(rules_.ProviderOf(hosts.front().name));
  if (site.replies_of == provider) return;
  site.replies_of = std::move(provider);
  RenewStopsAt(site);
}

const config::ShapingBlock* Scheduler::ProviderOf(Site& site) {
  if (site.shaped != shapes_.generation()) {
    site.provider = shapes_.ProviderOf(site.hosts);
    site.shaped = shapes_.generation();
  }
  return site.provider;
}

const std::shared_ptr<const Shape>& Scheduler::ShapeOf(Site& site, std::string_view domain,
                                                       std::string_view source) {
  return shapes_.Of(ProviderOf(site), domain, source);
}

uint64_t Scheduler::ConnectionsOf(Site& site, std::string_view domain) {
  const config::Pool* pool = pools_.Named(site.pool);
  return pool == nullptr ? 0 : shapes_.PoolConnections(ProviderOf(site), domain, *pool);
}

// Recipients of one transaction, from whichever source of the pool.
uint32_t Scheduler::RecipientsOf(Site& site, std::string_view domain) {
  const config::Pool* pool = pools_.Named(site.pool);
  return pool == nullptr ? 1 : shapes_.PoolRecipients(ProviderOf(site), domain, *pool);
}

// What connections are counted on. No site's name begins with "@".
std::string Scheduler::PathOf(Site& site, const std::string& source) {
  const config::ShapingBlock* provider = ProviderOf(site);
  if (provider != nullptr && provider->count_on == config::CountOn::kProvider)
    return source + "|@" + provider->name;
  return source + "|" + site.name;
}

// Whose mail one more connection would be for. Empty: of no domain in particular.
std::string_view Scheduler::NextDomain(const Site& site) {
  if (!site.prepared.empty())
    return DomainOf(jobs_.at(site.prepared.front()).job.recipients.front().address);
  const Lane* lane = lanes_.Get(site.queue.Next());
  return lane == nullptr ? std::string_view() : std::string_view(lane->key.domain);
}

// The job at this place in `prepared`, which it leaves, for a connection of source `who`.
Job Scheduler::HandOut(Site& site, size_t place, size_t who) {
  const auto at = site.prepared.begin() + std::ptrdiff_t(place);
  JobState& state = jobs_.at(*at);
  state.sent = shard_.clock.Now();
  Job job = std::move(state.job);
  site.prepared.erase(at);
  CHECK(!job.recipients.empty());
  site.rotation.Took(who, uint32_t(job.recipients.size()));
  const std::string& source = site.rotation[who].source;
  job.tls =
      TlsFor(site, source, ShapeOf(site, DomainOf(job.recipients.front().address), source)->tls);
  return job;
}

}  // namespace sluice::engine
