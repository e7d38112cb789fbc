// tests/sim/sim_stream.h — one end of a simulated connection. Used by sim_net.cc only.
//
// PURPOSE   State of one end; what travels towards it arrives in order, as Parcels.
// LIFETIME  In the fabric's slab. Whatever is scheduled names it by handle and finds nothing when
//           it is gone; a parcel that finds nothing is answered by a reset, as a kernel does.

#ifndef SLUICE_TESTS_SIM_SIM_STREAM_H_
#define SLUICE_TESTS_SIM_SIM_STREAM_H_

#include <cstdint>
#include <string>

#include "tests/sim/sim_net.h"

namespace sluice::sim {

// What travels from one end to the other.
enum class ParcelKind : uint8_t {
  kConnected,    // server to client: the connection stands
  kData,         // octets, in clear or sealed
  kFin,          // no more of them
  kReset,        // the connection is gone
  kClientHello,  // TLS, step by step
  kServerHello,
  kFinished,
};

struct Parcel {
  ParcelKind kind;
  bool sealed = false;
  std::string bytes;
};

class SimStream final : public io::Stream {
 public:
  SimStream(SimFabric& fabric, SimNet* net, bool accepted, const LinkModel& link);
  ~SimStream() override = default;
  SimStream(const SimStream&) = delete;
  SimStream& operator=(const SimStream&) = delete;

  size_t Write(std::span<const std::string_view> slices) override;
  void StartTlsServer(std::shared_ptr<io::TlsServerContext> context,
                      std::string_view already_read) override;
  void StartTlsClient(const io::TlsClientParams& params) override;
  void PauseReading() override { paused_ = true; }
  void ResumeReading() override;
  void Close() override;
  void Abort() override;
  Endpoint local() const override { return local_; }
  Endpoint peer() const override { return peer_; }

 private:
  friend class SimFabric;
  friend class SimNet;
  enum class State : uint8_t { kConnecting, kOpen, kClosing };
  enum class Tls : uint8_t { kNone, kHandshake, kReady };

  bool handshaking() const { return tls_ == Tls::kHandshake; }
  void Send(Parcel parcel);
  void SendAfter(Parcel parcel, Duration more);
  void OnParcel(Parcel parcel);
  void OnData(Parcel parcel);
  void OnClientHello(Parcel parcel);
  void AnswerClientHello();
  void TlsUp();
  void FailTls(const std::string& what);
  void TakeData(size_t octets);
  void Deliver();
  void DeliverSoon(Duration in);
  void OfferRoom();
  void OnRoom();
  // Ends it: OnClosed comes from the queue after `in`.
  void Finish(io::CloseReason reason, std::string detail, Duration in = Duration(0));
  void GoneIn(Duration in);
  void Gone();
  void Orphan(bool power_loss);

  SimFabric& fabric_;
  SimNet* net_;  // null once its process crashed: then nobody is told anything
  const bool accepted_;
  const LinkModel link_;
  StreamHandle self_;
  StreamHandle other_;  // empty until the connection is accepted
  io::StreamEvents* events_ = nullptr;
  Endpoint local_, peer_;
  State state_ = State::kConnecting;
  Tls tls_ = Tls::kNone;
  bool paused_ = false;
  bool eof_came_ = false;   // the peer's end has arrived
  bool eof_told_ = false;   // and OnEof was called
  bool want_room_ = false;  // a Write took less than it was given
  bool room_scheduled_ = false;
  bool delivery_scheduled_ = false;
  size_t under_way_ = 0;  // octets written and not yet read by the other end
  std::string readable_;
  Instant last_arrival_{};  // of what we sent: parcels do not overtake each other
  io::CloseInfo info_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SIM_STREAM_H_
