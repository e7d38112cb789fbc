#include "tests/sim/sim_stream.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "tests/sim/sim_fabric_call.h"

namespace sluice::sim {
namespace {

using io::CloseReason;

// What a TLS client's first octets look like to somebody who expects none.
constexpr std::string_view kClientHello = "\x16\x03\x01\x02simulated client hello";
constexpr std::string_view kBadHello = "bad";
// Time between two reads of what is there already.
constexpr uint64_t kReadGapMicrosMax = 200;
constexpr size_t kTinyReadMax = 8;
constexpr Duration kCloseBound = std::chrono::seconds(2);  // net.h

}  // namespace

SimStream::SimStream(SimFabric& fabric, SimNet* net, bool accepted, const LinkModel& link)
    : fabric_(fabric), net_(net), accepted_(accepted), link_(link) {}

// ---- writing

size_t SimStream::Write(std::span<const std::string_view> slices) {
  size_t total = 0;
  for (const std::string_view slice : slices) total += slice.size();
  if (state_ == State::kClosing) return total;  // goes nowhere, as on a dead socket
  if (state_ == State::kConnecting || handshaking()) {
    want_room_ = true;
    return 0;
  }
  const size_t room = link_.window - std::min(link_.window, under_way_);
  const size_t taken = std::min(total, room);
  want_room_ = taken < total;
  if (taken == 0) return 0;
  Parcel parcel{ParcelKind::kData, tls_ == Tls::kReady, {}};
  parcel.bytes.reserve(taken);
  for (const std::string_view slice : slices)
    parcel.bytes.append(slice.substr(0, taken - parcel.bytes.size()));
  CHECK(parcel.bytes.size() == taken);
  under_way_ += taken;
  Duration more{};
  if (fabric_.Roll(link_.stalled)) {
    ++fabric_.stats_.stalls;
    more = Duration(int64_t(fabric_.random_.Below(uint64_t(link_.stall_max.count()) + 1)));
  }
  SendAfter(std::move(parcel), more);
  return taken;
}

void SimStream::Send(Parcel parcel) { SendAfter(std::move(parcel), Duration(0)); }

void SimStream::SendAfter(Parcel parcel, Duration more) {
  if (other_.empty()) return;
  Instant when = fabric_.world_.now() + fabric_.LatencyOf(link_) + more;
  // A reset waits for nothing that is still under way: what it overtakes is lost.
  if (parcel.kind != ParcelKind::kReset) last_arrival_ = when = std::max(last_arrival_, when);
  SimFabric* fabric = &fabric_;
  fabric_.world_.ScheduleAt(
      when, [fabric, to = other_, from = self_, parcel = std::move(parcel)]() mutable {
        if (SimStream* stream = fabric->streams_->Get(to)) {
          stream->OnParcel(std::move(parcel));
          return;
        }
        // Nobody there any more: a kernel answers octets with a reset.
        if (parcel.kind == ParcelKind::kReset || parcel.kind == ParcelKind::kFin) return;
        SimStream* sender = fabric->streams_->Get(from);
        if (sender == nullptr) return;
        fabric->world_.ScheduleIn(fabric->LatencyOf(sender->link_), [fabric, from] {
          SimStream* alive = fabric->streams_->Get(from);
          if (alive != nullptr) alive->OnParcel({ParcelKind::kReset, false, {}});
        });
      });
}

// Room in our window, made by the other end's reading.
void SimStream::OfferRoom() {
  if (!want_room_ || room_scheduled_) return;
  room_scheduled_ = true;
  fabric_.world_.ScheduleIn(fabric_.LatencyOf(link_), [fabric = &fabric_, self = self_] {
    if (SimStream* stream = fabric->streams_->Get(self)) stream->OnRoom();
  });
}

void SimStream::OnRoom() {
  room_scheduled_ = false;
  if (state_ != State::kOpen || handshaking()) return;
  if (under_way_ >= link_.window) return;
  if (std::exchange(want_room_, false)) fabric_.Call([&] { events_->OnWritable(); });
}

// ---- what arrives

void SimStream::OnParcel(Parcel parcel) {
  if (net_ == nullptr) return;  // its process is dead, and so are we soon
  switch (parcel.kind) {
    case ParcelKind::kConnected:
      if (state_ != State::kConnecting) return;
      state_ = State::kOpen;
      fabric_.Call([&] { events_->OnConnected(); });
      OnRoom();
      return;
    case ParcelKind::kData:
      return OnData(std::move(parcel));
    case ParcelKind::kFin:
      eof_came_ = true;
      if (state_ == State::kClosing) return Gone();
      if (handshaking()) return FailTls("the peer closed the connection");
      return Deliver();
    case ParcelKind::kReset:
      readable_.clear();
      if (state_ == State::kClosing) return Gone();
      info_ = handshaking() ? io::CloseInfo{CloseReason::kTlsFailed, "TLS handshake: reset"}
                            : io::CloseInfo{CloseReason::kReset, "connection reset by peer"};
      state_ = State::kClosing;
      return Gone();
    case ParcelKind::kClientHello:
      return OnClientHello(std::move(parcel));
    case ParcelKind::kServerHello:
      if (state_ != State::kOpen || !handshaking()) return;
      if (parcel.bytes == kBadHello) return FailTls("handshake failure");
      Send({ParcelKind::kFinished, false, {}});
      return TlsUp();
    case ParcelKind::kFinished:
      if (state_ == State::kOpen && handshaking()) TlsUp();
      return;
  }
}

void SimStream::OnData(Parcel parcel) {
  if (state_ == State::kClosing) return TakeData(parcel.bytes.size());
  if (fabric_.Roll(link_.reset)) {
    ++fabric_.stats_.resets;
    Send({ParcelKind::kReset, false, {}});
    return Finish(CloseReason::kReset, "connection reset by peer");
  }
  if (handshaking() || parcel.sealed != (tls_ == Tls::kReady))
    return FailTls("what came is no TLS record");
  readable_.append(parcel.bytes);
  Deliver();
}

// The other end may send that much more.
void SimStream::TakeData(size_t octets) {
  SimStream* other = fabric_.streams_->Get(other_);
  if (other == nullptr) return;
  CHECK(other->under_way_ >= octets);
  other->under_way_ -= octets;
  other->OfferRoom();
}

// One read, as large as chance wills it; the rest a little later. Then the end, if it came.
void SimStream::Deliver() {
  if (state_ != State::kOpen || paused_ || delivery_scheduled_) return;
  if (readable_.empty()) {
    if (eof_came_ && !std::exchange(eof_told_, true)) fabric_.Call([&] { events_->OnEof(); });
    return;
  }
  Random& random = fabric_.random_;
  size_t n = std::min(readable_.size(), link_.chunk_max);
  if (fabric_.Roll(link_.tiny_reads)) {
    n = std::min(n, 1 + size_t(random.Below(kTinyReadMax)));
  } else if (random.Below(4) == 0) {
    n = 1 + size_t(random.Below(n));
  }
  const std::string bytes = readable_.substr(0, n);
  readable_.erase(0, n);
  fabric_.stats_.octets += n;
  TakeData(n);
  if (!readable_.empty() || (eof_came_ && !eof_told_))
    DeliverSoon(Duration(int64_t(random.Below(kReadGapMicrosMax + 1))));
  fabric_.Call([&] { events_->OnRead(bytes); });
}

void SimStream::DeliverSoon(Duration in) {
  if (delivery_scheduled_) return;
  delivery_scheduled_ = true;
  fabric_.world_.ScheduleIn(in, [fabric = &fabric_, self = self_] {
    SimStream* stream = fabric->streams_->Get(self);
    if (stream == nullptr || stream->net_ == nullptr) return;
    stream->delivery_scheduled_ = false;
    stream->Deliver();
  });
}

void SimStream::ResumeReading() {
  paused_ = false;
  if (state_ == State::kOpen && (!readable_.empty() || (eof_came_ && !eof_told_)))
    DeliverSoon(Duration(0));
}

// ---- TLS

void SimStream::StartTlsServer(std::shared_ptr<io::TlsServerContext> context,
                               std::string_view already_read) {
  if (state_ != State::kOpen) return;
  CHECK(context != nullptr);
  CHECK(tls_ == Tls::kNone);
  tls_ = Tls::kHandshake;
  TakeData(readable_.size());
  readable_.clear();
  if (eof_came_) return FailTls("the peer closed the connection");
  if (already_read.empty()) return;
  if (already_read[0] != kClientHello[0]) return FailTls("what came is no TLS record");
  AnswerClientHello();
}

void SimStream::StartTlsClient(const io::TlsClientParams& params) {
  if (state_ != State::kOpen) return;
  CHECK(params.context != nullptr);
  CHECK(tls_ == Tls::kNone);
  tls_ = Tls::kHandshake;
  TakeData(readable_.size());
  readable_.clear();
  if (eof_came_) return FailTls("the peer closed the connection");
  under_way_ += kClientHello.size();
  Send({ParcelKind::kClientHello, false, std::string(kClientHello)});
}

void SimStream::OnClientHello(Parcel parcel) {
  if (state_ == State::kOpen && handshaking()) {
    TakeData(parcel.bytes.size());
    return AnswerClientHello();
  }
  parcel.kind = ParcelKind::kData;  // to who expects none it is garbage
  OnData(std::move(parcel));
}

void SimStream::AnswerClientHello() {
  if (fabric_.Roll(link_.tls_failed)) {
    ++fabric_.stats_.tls_failures;
    Send({ParcelKind::kServerHello, false, std::string(kBadHello)});
    return FailTls("handshake failure");
  }
  Send({ParcelKind::kServerHello, false, {}});
}

void SimStream::TlsUp() {
  CHECK(handshaking());
  tls_ = Tls::kReady;
  fabric_.Call([&] { events_->OnTlsReady({"TLSv1.3", "SIM", false}); });
  OnRoom();
}

void SimStream::FailTls(const std::string& what) {
  Send({ParcelKind::kReset, false, {}});
  Finish(CloseReason::kTlsFailed, (handshaking() ? "TLS handshake: " : "TLS: ") + what);
}

// ---- closing

void SimStream::Close() {
  if (state_ == State::kClosing) return;
  const bool lingers = state_ == State::kOpen && accepted_ && !eof_came_;
  Send({state_ == State::kOpen ? ParcelKind::kFin : ParcelKind::kReset, false, {}});
  TakeData(readable_.size());
  readable_.clear();
  // As uv_net: a server stays until its client ends too, so that its last words are not lost.
  Finish(eof_told_ ? CloseReason::kPeerClosed : CloseReason::kLocal, {},
         lingers ? kCloseBound : Duration(0));
}

void SimStream::Abort() {
  if (state_ == State::kClosing && net_ == nullptr) return;
  Send({ParcelKind::kReset, false, {}});
  if (state_ != State::kClosing) info_ = {};
  state_ = State::kClosing;
  GoneIn(Duration(0));
}

void SimStream::Finish(CloseReason reason, std::string detail, Duration in) {
  CHECK(state_ != State::kClosing);
  state_ = State::kClosing;
  info_ = {reason, std::move(detail)};
  GoneIn(in);
}

void SimStream::GoneIn(Duration in) {
  fabric_.world_.ScheduleIn(in, [fabric = &fabric_, self = self_] {
    SimStream* stream = fabric->streams_->Get(self);
    if (stream != nullptr && stream->net_ != nullptr) stream->Gone();
  });
}

// Only from the event queue.
void SimStream::Gone() {
  CHECK(state_ == State::kClosing);
  if (events_ != nullptr) fabric_.Call([&] { events_->OnClosed(info_); });
  fabric_.streams_->Erase(self_);
}

// The process is dead: silent from now on, and freed when its objects are surely gone.
void SimStream::Orphan(bool power_loss) {
  if (!power_loss && state_ != State::kClosing) Send({ParcelKind::kReset, false, {}});
  net_ = nullptr;
  events_ = nullptr;
  state_ = State::kClosing;
  readable_.clear();
  fabric_.world_.ScheduleIn(kCloseBound, [fabric = &fabric_, self = self_] {
    if (fabric->streams_->Get(self) != nullptr) fabric->streams_->Erase(self);
  });
}

}  // namespace sluice::sim
