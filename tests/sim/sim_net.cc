#include "tests/sim/sim_net.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "tests/sim/sim_fabric_call.h"
#include "tests/sim/sim_stream.h"

namespace sluice::sim {
namespace {

using io::CloseReason;

constexpr uint16_t kFirstEphemeral = 32'768;

// The contexts are opaque to everybody above net.h, and here nobody looks inside: an address to
// point at is all they are.
template <typename Context>
std::shared_ptr<Context> OpaqueContext() {
  const auto byte = std::make_shared<char>();
  return std::shared_ptr<Context>(byte, reinterpret_cast<Context*>(byte.get()));
}

}  // namespace

class SimFabric::SimListener final : public io::Listener {
 public:
  SimListener(SimFabric& fabric, const Endpoint& at) : fabric_(&fabric), at_(at) {}
  ~SimListener() override { Detach(); }
  Endpoint bound() const override { return at_; }

  void Detach() {
    if (fabric_ == nullptr) return;
    auto& bound = fabric_->bound_;
    const auto mine = std::find_if(bound.begin(), bound.end(),
                                   [&](const auto& b) { return b.second.listener == this; });
    CHECK(mine != bound.end());
    bound.erase(mine);
    fabric_ = nullptr;
  }

 private:
  SimFabric* fabric_;
  const Endpoint at_;
};

// ---- SimFabric

SimFabric::SimFabric(SimWorld& world)
    : world_(world), random_(world.NewSeed()), streams_(std::make_unique<Slab<SimStream>>()) {}

SimFabric::~SimFabric() {
  CHECK(owners_.empty());
  CHECK(bound_.empty());
}

size_t SimFabric::stream_count() const {
  size_t count = 0;
  streams_->ForEach([&](StreamHandle, const SimStream& stream) {
    if (stream.net_ != nullptr) ++count;
  });
  return count;
}

const LinkModel& SimFabric::LinkOf(const IpAddress& server) const {
  const auto found = links_.find(server);
  return found == links_.end() ? default_link_ : found->second;
}

Reach SimFabric::ReachOf(const IpAddress& server) const {
  const auto found = reach_.find(server);
  if (found != reach_.end()) return found->second;
  return owners_.contains(server) ? Reach::kUp : Reach::kUnreachable;
}

Duration SimFabric::LatencyOf(const LinkModel& link) {
  CHECK(link.latency_min <= link.latency_max);
  const auto spread = uint64_t((link.latency_max - link.latency_min).count());
  return link.latency_min + Duration(int64_t(random_.Below(spread + 1)));
}

SimFabric::Bound* SimFabric::Find(const Endpoint& to) {
  std::vector<Bound*> matches;
  for (auto [at, end] = bound_.equal_range(to); at != end; ++at) matches.push_back(&at->second);
  if (matches.empty()) {
    for (auto& [at, bound] : bound_) {
      const auto& own = bound.net->addresses_;
      if (at.address.IsUnspecified() && at.port == to.port &&
          std::find(own.begin(), own.end(), to.address) != own.end())
        matches.push_back(&bound);
    }
  }
  // Several shards on one port: the kernel's SO_REUSEPORT picks one.
  return matches.empty() ? nullptr : matches[size_t(random_.Below(matches.size()))];
}

void SimFabric::OnSyn(StreamHandle client_handle, const Endpoint& to) {
  SimStream* client = streams_->Get(client_handle);
  if (client == nullptr || client->state_ != SimStream::State::kConnecting) return;
  Bound* bound = Find(to);
  if (bound == nullptr || ReachOf(to.address) == Reach::kRefused || Roll(client->link_.refused)) {
    ++stats_.refused;
    client->Finish(CloseReason::kRefused, "connection refused", LatencyOf(client->link_));
    return;
  }
  ++stats_.established;
  const StreamHandle handle = streams_->Emplace(*this, bound->net, true, client->link_);
  SimStream& server = *streams_->Get(handle);
  server.self_ = handle;
  server.other_ = client_handle;
  server.local_ = to;
  server.peer_ = client->local_;
  server.state_ = SimStream::State::kOpen;
  client->other_ = handle;
  server.Send({ParcelKind::kConnected, false, {}});
  const io::Net::AcceptFn accept = bound->accept;  // the listener may go meanwhile
  Call([&] { server.events_ = accept(&server); });
  if (server.events_ == nullptr && server.state_ != SimStream::State::kClosing) server.Abort();
}

void SimFabric::ResetAll(const IpAddress& server) {
  CHECK(!calling_);
  streams_->ForEach([&](StreamHandle, SimStream& stream) {
    const Endpoint& end = stream.accepted_ ? stream.local_ : stream.peer_;
    if (end.address != server || stream.net_ == nullptr) return;
    if (stream.state_ != SimStream::State::kClosing)
      stream.Finish(CloseReason::kReset, "connection reset by peer");
  });
}

// ---- SimNet

SimNet::SimNet(SimFabric& fabric, std::string name, const std::vector<IpAddress>& addresses)
    : fabric_(fabric), name_(std::move(name)), addresses_(addresses) {
  CHECK(!addresses_.empty());
  for (const IpAddress& address : addresses_) {
    const auto [place, fresh] = fabric_.owners_.emplace(address, this);
    CHECK(fresh);
  }
}

SimNet::~SimNet() {
  Crash();
  for (const IpAddress& address : addresses_) fabric_.owners_.erase(address);
}

io::Stream* SimNet::Connect(const io::ConnectParams& params, io::StreamEvents* events) {
  CHECK(events != nullptr);
  SimFabric& fabric = fabric_;
  ++fabric.stats_.connects;
  const LinkModel& link = fabric.LinkOf(params.to.address);
  const StreamHandle handle = fabric.streams_->Emplace(fabric, this, false, link);
  SimStream& stream = *fabric.streams_->Get(handle);
  stream.self_ = handle;
  stream.events_ = events;
  stream.peer_ = params.to;
  if (fabric.next_port_ < kFirstEphemeral) fabric.next_port_ = kFirstEphemeral;
  stream.local_ = {params.from.value_or(addresses_[0]), fabric.next_port_++};
  const auto& own = addresses_;
  const bool has_source = std::find(own.begin(), own.end(), stream.local_.address) != own.end();
  const Reach reach = fabric.ReachOf(params.to.address);
  if (!has_source || reach == Reach::kUnreachable) {
    stream.Finish(has_source ? CloseReason::kUnreachable : CloseReason::kNoAddress,
                  has_source ? "no route to host" : "cannot assign requested address");
  } else if (reach == Reach::kBlackholed || fabric.Roll(link.blackholed)) {
    ++fabric.stats_.blackholed;
    fabric.world_.ScheduleIn(kConnectGivesUp, [&fabric, handle] {
      SimStream* waiting = fabric.streams_->Get(handle);
      if (waiting != nullptr && waiting->state_ == SimStream::State::kConnecting)
        waiting->Finish(CloseReason::kTimedOut, "connection timed out");
    });
  } else {
    fabric.world_.ScheduleIn(fabric.LatencyOf(link),
                             [&fabric, handle, to = params.to] { fabric.OnSyn(handle, to); });
  }
  return &stream;
}

Result<std::unique_ptr<io::Listener>> SimNet::Listen(const Endpoint& at, AcceptFn accept) {
  CHECK(accept != nullptr);
  const bool is_own = at.address.IsUnspecified() || std::find(addresses_.begin(), addresses_.end(),
                                                              at.address) != addresses_.end();
  if (!is_own) return Fail(ErrorCode::kIo, at.ToString() + ": cannot assign requested address");
  Endpoint bound = at;
  while (bound.port == 0 || (at.port == 0 && fabric_.bound_.contains(bound))) {
    if (fabric_.next_port_ < kFirstEphemeral) fabric_.next_port_ = kFirstEphemeral;
    bound.port = fabric_.next_port_++;
  }
  auto listener = std::make_unique<SimFabric::SimListener>(fabric_, bound);
  fabric_.bound_.emplace(bound, SimFabric::Bound{listener.get(), this, std::move(accept)});
  return listener;
}

Result<std::shared_ptr<io::TlsServerContext>> SimNet::MakeTlsServer(const std::string&,
                                                                    const std::string&) {
  return OpaqueContext<io::TlsServerContext>();
}

std::shared_ptr<io::TlsClientContext> SimNet::MakeTlsClient() {
  return OpaqueContext<io::TlsClientContext>();
}

void SimNet::Crash(bool power_loss) {
  CHECK(!fabric_.calling_);
  std::vector<SimFabric::SimListener*> mine;
  for (const auto& [at, bound] : fabric_.bound_)
    if (bound.net == this) mine.push_back(bound.listener);
  for (SimFabric::SimListener* listener : mine) listener->Detach();
  fabric_.streams_->ForEach([&](StreamHandle, SimStream& stream) {
    if (stream.net_ == this) stream.Orphan(power_loss);
  });
}

size_t SimNet::stream_count() const {
  size_t count = 0;
  fabric_.streams_->ForEach([&](StreamHandle, const SimStream& stream) {
    if (stream.net_ == this) ++count;
  });
  return count;
}

}  // namespace sluice::sim
