// engine/delivery/host_walk.h — the addresses of a route's hosts, one after the other.
//
// PURPOSE   Looks up each host when its turn comes and gives its addresses in order: hosts by
//           preference, no address twice, only the family of our source address
//           and those the shape allows.
// LIMITS    kAddressesPerHost while other hosts follow, so that a dead host with many addresses
//           does not use up the round.
// LIFETIME  A DNS answer that comes after the walk's end finds nothing.

#ifndef SLUICE_ENGINE_DELIVERY_HOST_WALK_H_
#define SLUICE_ENGINE_DELIVERY_HOST_WALK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/shaping.h"
#include "dns/route.h"
#include "engine/base/ip_address.h"
#include "engine/delivery/job.h"

namespace sluice::engine {

class HostWalk {
 public:
  static constexpr size_t kAddressesPerHost = 3;

  struct Candidate {
    std::string name;  // of the host
    Endpoint endpoint;
  };
  using NextFn = std::function<void(std::optional<Candidate>)>;

  // `router` and `path` outlive the walk.
  HostWalk(dns::MxRouter& router, const DeliveryPath& path, config::IpFamily family)
      : router_(router), path_(path), family_(family) {}
  HostWalk(const HostWalk&) = delete;
  HostWalk& operator=(const HostWalk&) = delete;

  // The next address, or none when there are no more. `done` may run inside the call.
  void Next(NextFn done);
  // Begins anew with the first host. No answer to Next may be awaited.
  void Restart();
  // Was there an address, though of a family that the source has not got?
  bool other_family() const { return other_family_; }
  // The latest fault of DNS, for the record; empty when every host had an address.
  const std::string& trouble() const { return trouble_; }

 private:
  void Take(const dns::MxHost& host, const dns::HostAddresses& answer);
  void Add(const dns::MxHost& host, const IpAddress& address);

  dns::MxRouter& router_;
  const DeliveryPath& path_;
  const config::IpFamily family_;
  size_t host_ = 0;  // next to look up
  std::vector<Candidate> waiting_;
  size_t next_ = 0;
  std::vector<Endpoint> seen_;
  std::string trouble_;
  bool other_family_ = false;
  // Held weakly by answers that are under way. The router, which others share, cannot take a
  // callback back.
  std::shared_ptr<HostWalk*> self_ = std::make_shared<HostWalk*>(this);
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_HOST_WALK_H_
