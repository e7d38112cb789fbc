// tests/sim/receiver_session.h — one connection to a simulated receiver: a small SMTP server.
//
// PURPOSE   Reads commands one by one, answers each after a while, and reports what a sender may
//           not do. It shares nothing with smtp/: what it tests must not test itself.
// FLOW      OnRead -> Work -> (one command) -> Answer -> (delay) -> Speak -> Work ...
// INVARIANT While an answer is due (busy_), nothing further is looked at.

#ifndef SLUICE_TESTS_SIM_RECEIVER_SESSION_H_
#define SLUICE_TESTS_SIM_RECEIVER_SESSION_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/net.h"
#include "tests/sim/receivers.h"

namespace sluice::sim {

class ReceiverSession final : public io::StreamEvents {
 public:
  ReceiverSession(Receiver& receiver, uint64_t id, io::Stream* stream);

  void Greet();
  void Speak();  // the answer that is due

  void OnRead(std::string_view bytes) override;
  void OnWritable() override { Push(); }
  void OnTlsReady(const io::TlsInfo& info) override;
  void OnEof() override;
  void OnClosed(const io::CloseInfo& info) override;

 private:
  enum class Mode : uint8_t { kCommand, kData, kBdat };
  // What follows an answer.
  enum class Then : uint8_t { kGoOn, kClose, kData, kTls };

  void Work();
  void OnCommand(const std::string& line);
  void OnEhlo(const std::string& line, bool extended);
  void OnMail(const std::string& rest);
  void OnRcpt(const std::string& rest);
  void OnData();
  void OnBdat(const std::string& rest);
  bool TakeBdat();
  void OnStartTls();
  bool TakeContent();
  void EndOfMessage();
  void Take(bool replied);
  void CheckContent();
  void CheckParameters(const std::string& command, const std::string& rest);
  void Reset();

  // `enhanced` may be empty; it is left out when the receiver offers no ENHANCEDSTATUSCODES.
  void Answer(int code, std::string_view enhanced, std::string_view text, Then then = Then::kGoOn);
  void AnswerLines(std::string lines, Then then);
  std::string Garbage();
  void Push();
  void Blame(const std::string& what);
  // The connection counts no more: closed by us, or its end was seen.
  void Ended();
  bool Roll(double chance) { return receiver_.Roll(chance); }

  Receiver& receiver_;
  const uint64_t id_;
  io::Stream* stream_;
  const Manners manners_;  // as it was when the connection came
  ConnectionWatch::Ticket counted_;
  Mode mode_ = Mode::kCommand;
  std::string in_, out_, due_;
  Then then_ = Then::kGoOn;
  bool greeted_ = false;
  bool busy_ = false;
  bool hangs_ = false;
  bool closing_ = false;
  bool tls_ = false;
  bool tls_starting_ = false;
  bool said_helo_ = false;
  bool extended_ = false;

  bool in_mail_ = false;
  bool is_eight_bit_ = false;
  std::string sender_;
  std::vector<std::string> recipients_;
  std::string content_;
  size_t chunk_left_ = 0;
  bool last_chunk_ = false;
  bool chunk_refused_ = false;
  uint32_t messages_ = 0;
  std::vector<size_t> unconfirmed_;  // places in the mailroom
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_RECEIVER_SESSION_H_
