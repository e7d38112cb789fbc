// tools/sink/sink_session.h — one conversation with the sink, without a socket.
//
// PURPOSE   Bytes and time in; replies, counts and recorded messages out. Fast where it must be: no
//           allocation per message once its strings have grown.
// NOT HERE  Sockets, delays, TLS (sink_shard.cc), files (sink_recorder.h).
// FLOW      Start/OnBytes/OnTlsReady  ->  output() + wish()
// THREADS   Confined to its loop; SinkMemory is the only thing shared.
// LIMITS    kCommandMax octets a command; kOutputMax before the driver stops reading;
//           kRecipientsMax recipients a message.

#ifndef SLUICE_TOOLS_SINK_SINK_SESSION_H_
#define SLUICE_TOOLS_SINK_SINK_SESSION_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/time.h"
#include "tools/sink/content_scanner.h"
#include "tools/sink/sink_rules.h"

namespace sluice::tools {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// What one thread has seen. Written by that thread, read by all (the statistics line); the domains
// only once it has ended.
struct SinkStats {
  struct Domain {
    int64_t recipients = 0;  // of accepted messages
    int64_t refused = 0;     // at RCPT or later
  };
  static constexpr size_t kDomainsMax = 10'000;  // further ones count as "other"

  std::atomic<int64_t> connections{0};
  std::atomic<int64_t> refused_connections{0};
  std::atomic<int64_t> tls{0};
  std::atomic<int64_t> messages{0};    // answered 250 after the content
  std::atomic<int64_t> recipients{0};  // of those
  std::atomic<int64_t> octets{0};
  std::atomic<int64_t> refused{0};     // refusals at MAIL, RCPT, DATA and after the content
  std::atomic<int64_t> greylisted{0};  // among the refused
  std::atomic<int64_t> dropped{0};     // messages taken and never answered
  std::atomic<int64_t> bare_lf{0};
  std::atomic<int64_t> early_talk{0};  // commands sent ahead though PIPELINING was not offered
  std::unordered_map<std::string, Domain, StringHash, std::equal_to<>> domains;

  Domain& OfRecipient(std::string_view recipient);
  static void Add(std::atomic<int64_t>& counter, int64_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

// A message as the recorder sees it. Everything is borrowed for the call.
struct ReceivedMessage {
  std::string_view outcome;  // "accepted", "dropped"
  std::string_view id;       // ours, in the 250
  std::string_view peer;
  std::string_view local;
  std::string_view helo;
  std::string_view tls;  // "TLSv1.3", empty in clear
  std::string_view sender;
  std::string_view mail_params;
  const std::vector<std::string>* recipients = nullptr;
  const std::vector<std::string>* rcpt_params = nullptr;
  size_t recipient_count = 0;  // the vectors may hold more, of earlier messages
  bool chunked = false;        // came by BDAT
  uint64_t connection = 0;
  int64_t transaction = 0;  // of the connection, from 1
  int64_t bare_lf = 0;
  std::string_view content;
  WallTime time{};
};

class MessageRecorder {
 public:
  virtual ~MessageRecorder() = default;
  // On false the message is answered 452. When it returns the record is in the kernel.
  virtual bool Record(const ReceivedMessage& message) = 0;
};

struct SinkPeer {
  std::string peer;
  std::string local;
  uint64_t connection = 0;  // unique in this run
};

class SinkSession {
 public:
  static constexpr size_t kCommandMax = 4096;
  static constexpr size_t kRecipientsMax = 100'000;
  static constexpr size_t kOutputMax = size_t(64) << 10;

  enum class Wish : uint8_t {
    kGoOn,
    kStartTls,  // once the output is sent
    kClose,     // once the output is sent
    kDrop,      // at once, without the output
    kStall,     // never say anything again
  };

  // `recorder` may be null. All outlive the session.
  SinkSession(const SinkPolicy& policy, SinkMemory& memory, SinkStats& stats,
              MessageRecorder* recorder, SinkPeer peer);

  // The greeting, or `refusal` (a whole reply) and the end.
  void Start(std::string_view refusal);
  void OnBytes(std::string_view in, Instant now, WallTime wall);
  void OnTlsReady(std::string_view version);

  // Replies not yet sent; the driver takes from it.
  std::string& output() { return output_; }
  Wish wish() const { return wish_; }
  // Replies made since the last call: a delay per reply needs their number.
  int TakeReplyCount();

 private:
  enum class State : uint8_t { kCommand, kData, kBdat, kDeaf };

  size_t TakeCommand(std::string_view in);
  void RunCommand(std::string_view line);
  void Ehlo(std::string_view argument, bool extended);
  void Mail(std::string_view argument);
  void Rcpt(std::string_view argument);
  void Data();
  void Bdat(std::string_view argument);
  size_t TakeBdat(std::string_view in);
  void StartTls();
  void FinishContent(int64_t size, bool chunked);
  bool AcceptContent(std::string_view id, std::string_view outcome, bool chunked);
  bool KeepsMore() const;
  bool CheckParameters(std::string_view params, bool of_mail);

  void Say(std::string_view reply);
  // True when a rule spoke.
  bool ObeyRule(Stage stage, std::string_view key);
  void Obey(const ReplyRule& rule);
  void RefuseMessage();
  void ForgetTransaction();
  void End(Wish wish);

  const SinkPolicy& policy_;
  SinkMemory& memory_;
  SinkStats& stats_;
  MessageRecorder* const recorder_;
  const SinkPeer peer_;

  State state_ = State::kCommand;
  Wish wish_ = Wish::kGoOn;
  std::string output_;
  int replies_ = 0;
  std::string partial_;  // of a command
  bool too_long_ = false;
  std::string tls_;
  std::string helo_;
  Instant now_{};
  WallTime wall_{};

  // The transaction.
  bool has_sender_ = false;
  std::string sender_;
  std::string mail_params_;
  std::vector<std::string> recipients_;  // the first recipient_count_ are meant
  std::vector<std::string> rcpt_params_;
  size_t recipient_count_ = 0;
  int64_t transactions_ = 0;  // messages begun on this connection
  ContentScanner scanner_;
  std::string content_;  // only when something is recorded
  int64_t chunk_left_ = 0;
  int64_t chunked_size_ = 0;
  bool chunk_last_ = false;
  bool chunk_skipped_ = false;
  int64_t serial_ = 0;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SINK_SINK_SESSION_H_
