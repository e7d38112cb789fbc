// tools/blast/blast_run.h — one run of the load source: its lanes, their loop, what came of it.
//
// PURPOSE   A lane is a place for one connection after the other. The run hands out messages (at
//           the asked rate), collects results, reconnects lost lanes and decides when it is over.
// INVARIANT Every message is either still in the plan, with one lane, or counted, once.
// THREADS   Confined to the loop it runs.

#ifndef SLUICE_TOOLS_BLAST_BLAST_RUN_H_
#define SLUICE_TOOLS_BLAST_BLAST_RUN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/ip_address.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/io/net.h"
#include "engine/io/system_clock.h"
#include "engine/io/uv_loop.h"
#include "tools/blast/blast.h"
#include "tools/blast/blast_plan.h"
#include "tools/blast/blast_session.h"
#include "tools/blast/latency.h"

namespace sluice::tools {

class BlastRun;

class BlastLane final : public io::StreamEvents {
 public:
  explicit BlastLane(BlastRun& run);

  void Connect();
  // Gives, sends, collects: all that can be done now.
  void Settle();
  void Abort();

  void OnConnected() override;
  void OnRead(std::string_view bytes) override;
  void OnWritable() override;
  void OnTlsReady(const io::TlsInfo& info) override;
  void OnEof() override;
  void OnClosed(const io::CloseInfo& info) override;

  bool idle() const { return stream_ == nullptr; }

 private:
  void Fill();
  void Collect();
  void Send();
  void Close();
  void OnTimeout();

  BlastRun& run_;
  io::Stream* stream_ = nullptr;
  std::optional<BlastSession> session_;
  bool blocked_ = false;  // the stream has no room
  bool in_handshake_ = false;
  bool closing_ = false;
  int64_t given_ = 0;
  Instant last_read_{};
  Timer timeout_;
};

class BlastRun {
 public:
  explicit BlastRun(const BlastOptions& options);

  Status Prepare();
  void Run();
  BlastReport& report() { return report_; }

 private:
  friend class BlastLane;

  // A message for a lane; nothing when there is none at all, or not yet (see must_wait).
  std::optional<BlastMessage> Take();
  bool must_wait();
  bool exhausted() const { return !plan_->has_more(); }
  void Record(BlastResult result);
  void WriteLog();
  void OnLaneClosed(const std::string& fault, bool had_served);
  void NoteAlive() { last_alive_ = loop_.clock().Now(); }
  void OnTick();
  void ConnectIdleLanes();
  void ShowProgress();
  void GiveUp(const std::string& why);
  void CountReply(const std::string& reply);
  int64_t counted() const;

  const BlastOptions options_;
  const io::SystemClock system_clock_;
  std::optional<BlastPlan> plan_;
  Endpoint to_;
  BlastReport report_;
  LatencyHistogram latency_;
  int log_fd_ = -1;
  std::string log_;

  io::UvLoop loop_;
  std::shared_ptr<io::TlsClientContext> tls_;
  Timer tick_;
  Timer pace_;
  std::vector<std::unique_ptr<BlastLane>> lanes_;
  Instant started_{};
  Instant last_result_{};
  Instant last_alive_{};
  Instant last_progress_{};
  int64_t taken_ = 0;
  bool reconnect_due_ = false;
  bool stopped_ = false;  // no new message
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_BLAST_BLAST_RUN_H_
