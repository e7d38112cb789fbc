// tools/sink/sink_connection.h — a session of the sink on its stream.
//
// PURPOSE   Sends what the session says, after the delay that --latency asks for; carries out its
//           wishes (TLS, close, drop, silence); closes peers that have gone silent.
// LIFETIME  Lives in its shard's slab from accept to OnClosed.

#ifndef SLUICE_TOOLS_SINK_SINK_CONNECTION_H_
#define SLUICE_TOOLS_SINK_SINK_CONNECTION_H_

#include <cstddef>
#include <deque>
#include <string_view>
#include <utility>

#include "engine/base/ip_address.h"
#include "engine/base/slab.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/io/net.h"
#include "tools/sink/sink_session.h"
#include "tools/sink/sink_shard.h"

namespace sluice::tools {

class SinkConnection final : public io::StreamEvents {
 public:
  // RFC 5321 section 4.5.3.2.7: a server waits at least five minutes for the next command.
  static constexpr Duration kIdleMax = std::chrono::minutes(5);

  SinkConnection(SinkShard& shard, io::Stream* stream);

  // `refusal` as in SinkSession::Start; a refused connection was not entered in SinkShared.
  void Start(Handle<SinkConnection> self, std::string_view refusal);

  void OnRead(std::string_view bytes) override;
  void OnWritable() override { Settle(); }
  void OnTlsReady(const io::TlsInfo& info) override;
  void OnEof() override;
  void OnClosed(const io::CloseInfo& info) override;

 private:
  void Settle();
  void End();
  void Leave();
  void HoldReplies();
  size_t Sendable();
  void OnHoldOver() { Settle(); }
  void OnIdle();

  SinkShard& shard_;
  io::Stream* const stream_;
  const IpAddress peer_;
  Handle<SinkConnection> self_;
  bool entered_ = false;
  SinkSession session_;
  Timer hold_timer_;
  Timer idle_timer_;
  Instant last_input_;
  std::deque<std::pair<Instant, size_t>> held_;  // when so many more octets may go
  size_t held_octets_ = 0;                       // at the end of the session's output
  Instant last_due_{};
  bool paused_ = false;
  bool ended_ = false;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SINK_SINK_CONNECTION_H_
