// tests/sim/sim_net.h — the network of a simulated world: io::Net and io::Stream in virtual time.
//
// PURPOSE   Sessions of the engine and simulated peers run over this exactly as over uv_net: bytes
//           come in pieces, windows fill, connections are refused, stall, break and never answer.
//           TLS is a pass-through with a handshake that can fail.
// FLOW      One SimFabric a world; one SimNet a simulated process, with its addresses. Connect ->
//           (latency) -> the listener's AcceptFn and, (latency) later, OnConnected.
// RULES     As engine/io/net.h: no callback inside a call, OnClosed last and once, the stream is
//           gone after it; after OnEof, Close reports kPeerClosed. Write takes nothing before the
//           connection stands or while a handshake runs.
// LIFETIME  Nets before their fabric, the fabric before the world's end. A net that dies crashes:
//           its streams vanish without a word to their owners.
// BUGS      A latency per piece, not per octet: bandwidth is only bounded by window and latency.
// TESTS     tests/sim/sim_net_test.cc

#ifndef SLUICE_TESTS_SIM_SIM_NET_H_
#define SLUICE_TESTS_SIM_SIM_NET_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/base/ip_address.h"
#include "engine/base/random.h"
#include "engine/base/slab.h"
#include "engine/io/net.h"
#include "tests/sim/sim_world.h"

namespace sluice::sim {

// How a connection behaves; chosen by the address that listens. Chances are in [0, 1].
struct LinkModel {
  Duration latency_min = std::chrono::milliseconds(1);  // one way
  Duration latency_max = std::chrono::milliseconds(20);
  size_t window = size_t(64) << 10;     // octets under way or unread, each direction
  size_t chunk_max = size_t(16) << 10;  // what one read brings at most
  double tiny_reads = 0.05;             // share of reads that bring 1 to 8 octets
  double refused = 0;                   // connects
  double blackholed = 0;                // connects that nobody ever answers
  double reset = 0;    // per piece of data that arrives: it is lost, both sides reset
  double stalled = 0;  // per piece of data: it comes up to stall_max later
  Duration stall_max = std::chrono::seconds(30);
  double tls_failed = 0;  // handshakes
};

enum class Reach : uint8_t { kUp, kRefused, kBlackholed, kUnreachable };

struct FabricStats {
  uint64_t connects = 0;     // tried
  uint64_t established = 0;  // accepted by a listener
  uint64_t refused = 0;
  uint64_t blackholed = 0;
  uint64_t resets = 0;  // by the link
  uint64_t stalls = 0;
  uint64_t tls_failures = 0;
  uint64_t octets = 0;  // delivered to OnRead
};

class SimNet;
class SimStream;
using StreamHandle = Handle<SimStream>;

// How long the kernel tries to connect (Linux, six SYNs).
inline constexpr Duration kConnectGivesUp = std::chrono::seconds(127);

class SimFabric {
 public:
  explicit SimFabric(SimWorld& world);
  ~SimFabric();
  SimFabric(const SimFabric&) = delete;
  SimFabric& operator=(const SimFabric&) = delete;

  SimWorld& world() { return world_; }
  // For addresses without a model of their own. Connections made later follow it.
  void SetLink(const LinkModel& model) { default_link_ = model; }
  void SetLink(const IpAddress& server, const LinkModel& model) { links_[server] = model; }
  void SetReach(const IpAddress& server, Reach reach) { reach_[server] = reach; }
  // Ends every connection with this server at once, as a cable does: both sides are reset.
  void ResetAll(const IpAddress& server);

  const FabricStats& stats() const { return stats_; }
  size_t stream_count() const;

 private:
  friend class SimNet;
  friend class SimStream;
  class SimListener;
  struct Bound {
    SimListener* listener;
    SimNet* net;
    io::Net::AcceptFn accept;
  };

  const LinkModel& LinkOf(const IpAddress& server) const;
  Reach ReachOf(const IpAddress& server) const;
  // By the listener that a connection to `to` meets; null: nobody listens.
  Bound* Find(const Endpoint& to);
  void OnSyn(StreamHandle client, const Endpoint& to);
  bool Roll(double chance) { return chance > 0 && random_.Unit() < chance; }
  Duration LatencyOf(const LinkModel& link);
  // The only door to StreamEvents: never nested, and a crash cannot happen inside.
  template <typename F>
  void Call(F&& callback);

  SimWorld& world_;
  Random random_;
  LinkModel default_link_;
  std::map<IpAddress, LinkModel> links_;
  std::map<IpAddress, Reach> reach_;
  std::map<IpAddress, SimNet*> owners_;
  std::multimap<Endpoint, Bound> bound_;
  std::unique_ptr<Slab<SimStream>> streams_;
  uint16_t next_port_ = 32'768;
  bool calling_ = false;
  FabricStats stats_;
};

class SimNet final : public io::Net {
 public:
  // `name` is for notes. The first address is the source of connections that name none.
  SimNet(SimFabric& fabric, std::string name, const std::vector<IpAddress>& addresses);
  ~SimNet() override;
  SimNet(const SimNet&) = delete;
  SimNet& operator=(const SimNet&) = delete;

  io::Stream* Connect(const io::ConnectParams& params, io::StreamEvents* events) override;
  Result<std::unique_ptr<io::Listener>> Listen(const Endpoint& at, AcceptFn accept) override;
  // No files are read: any name will do.
  Result<std::shared_ptr<io::TlsServerContext>> MakeTlsServer(const std::string& cert_file,
                                                              const std::string& key_file) override;
  std::shared_ptr<io::TlsClientContext> MakeTlsClient() override;

  // The process dies: listeners are gone, streams vanish without events, peers are reset (by its
  // kernel) or hear nothing at all (the machine lost power). The net may be used again afterwards,
  // as by the next process. Never called from inside a stream's callback.
  void Crash(bool power_loss = false);

  const std::string& name() const { return name_; }
  size_t stream_count() const;

 private:
  friend class SimFabric;
  friend class SimStream;

  SimFabric& fabric_;
  const std::string name_;
  const std::vector<IpAddress> addresses_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SIM_NET_H_
