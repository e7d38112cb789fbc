// engine/submission/submission_session.h — one accepted connection: stream, protocol machine,
// message under way, deadlines.
//
// PURPOSE   Drives smtp::ServerSession with a stream's bytes and carries out its wishes: TLS,
//           logins (submission_login.cc), pacing at MAIL, the commit behind the 250.
// FLOW      OnRead -> Feed -> events -> Settle (write, close, pause or resume, deadline). Answers
//           from Intake and Authenticator come back by handle: the session may be gone by then.
// PROMISE   The reply to the final dot leaves with the `done` of its commit, in the same call.
// LIMITS    Replies the client does not read stop its input, and the connection after kUnreadFor.
// LIFETIME  Lives in its listener's slab until OnClosed.

#ifndef SLUICE_ENGINE_SUBMISSION_SUBMISSION_SESSION_H_
#define SLUICE_ENGINE_SUBMISSION_SUBMISSION_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "engine/base/slab.h"
#include "engine/base/timer_queue.h"
#include "engine/io/net.h"
#include "engine/submission/content_spool.h"
#include "engine/submission/message_builder.h"
#include "engine/submission/submission_listener.h"
#include "queue/records.h"
#include "smtp/server_session.h"

namespace sluice::engine {

class SubmissionSession final : public io::StreamEvents {
 public:
  // Silence on a TLS-only port after which the client is taken for an old one (design 12.14).
  static constexpr Duration kSniffFor = std::chrono::seconds(3);
  static constexpr Duration kHandshakeWithin = std::chrono::seconds(60);
  // From the greeting to a login, where one is needed.
  static constexpr Duration kLoginWithin = std::chrono::minutes(10);
  // One message's content, however steadily it trickles.
  static constexpr Duration kContentWithin = std::chrono::hours(1);
  // Replies that wait to be read.
  static constexpr Duration kUnreadFor = std::chrono::seconds(60);
  // Design part 1.5: at most 3 s a message in all.
  static constexpr Duration kPaceFor = std::chrono::seconds(3);
  static constexpr Duration kPaceStep = std::chrono::milliseconds(50);

  // Both outlive this; `stream` until OnClosed.
  SubmissionSession(SubmissionListener& listener, io::Stream* stream, smtp::ServerRules rules,
                    bool trusted);
  ~SubmissionSession() override;

  // `refusal` (a 421) ends it at once and was not counted by the gate; empty: welcome.
  void Begin(Handle<SubmissionSession> self, const smtp::Answer& refusal);

  // io::StreamEvents
  void OnRead(std::string_view bytes) override;
  void OnWritable() override;
  void OnTlsReady(const io::TlsInfo& info) override;
  void OnEof() override;
  void OnClosed(const io::CloseInfo& info) override;

  // From the listener.
  void OnReload();
  void OnStop() { Settle(); }
  void Abort();
  void PauseForMemory();
  void ResumeFromMemory();
  // Gives what was received to the disk although it is not much; false: it cannot.
  bool SpoolForMemory();
  bool reads_content() const { return session_.content_open(); }
  bool memory_paused() const { return (paused_ & kPausedMemory) != 0; }
  size_t content_size() const { return builder_.size(); }

 private:
  enum class Stage : uint8_t {
    kSniff,  // TLS-only port: does the client talk TLS?
    kHandshake,
    kOpen,
    kClosing,
  };
  enum Paused : uint8_t {
    kPausedOutput = 1,   // replies wait to be taken
    kPausedWaiting = 2,  // input came while an answer is awaited
    kPausedMemory = 4,   // the body budget is used up
    kPausedDisk = 8,     // the disk is behind with a large message
  };

  void Sniff(std::string_view bytes);
  void GreetInClear();
  void StartTls(std::string_view already_read);
  void Feed(std::string_view bytes);
  void OnEvent(smtp::ServerEvent event);
  void AskLogin();
  void StartProof(void (SubmissionSession::*then)(ScramStart));
  void OnScramKeys(ScramStart start);
  void OnExternal(ScramStart start);
  void EndProof(std::string user, bool proven);
  void OnLogin(AuthOutcome outcome);
  void TakeUser(const config::User& user, bool by_certificate);
  std::string LookAtCertificate();
  bool LogInAtMail();
  // Who the certificate says the client is, if it may log in as `asked` (empty: as whoever that
  // is). Null: `why` is for the client.
  const config::User* CertificateUser(std::string_view asked, std::string& why) const;
  void PermitMail();
  void AnswerRcpt();
  void BeginContent();
  void SpoolContent();
  void AppendToSpool();
  void OnSpooled();
  void OnSpoolEnded();
  void SubmitMessage();
  void SignSpooled(Accepted accepted, uint64_t octets);
  void FinishSpool(Accepted accepted, uint64_t octets, std::string front);
  void Commit(Accepted accepted, uint64_t octets);
  void RefuseStoring(const Error& error);
  void OnCommitted(const Status& status, MessageId id, uint32_t recipients, uint64_t octets);
  void DropMessage();
  void RefuseSender(const smtp::Answer& refusal);
  std::string FaultSender() const;
  void TellFaults();

  // The only place where the session's wishes become I/O.
  void Settle();
  bool WriteReplies();
  void Close();
  void SetPaused(uint8_t reason, bool on);
  Instant Deadline() const;
  void SetDeadline();
  void OnTimer();
  void OnTimeout();

  std::string FromClause() const;
  std::string WithClause() const;
  Instant Now() const;

  // Borrowed.
  SubmissionListener& listener_;
  io::Stream* stream_;
  // Constant after Begin.
  Handle<SubmissionSession> self_;
  const Endpoint peer_;
  const bool trusted_;
  const std::shared_ptr<io::TlsServerContext> tls_context_;  // of the listener when it was accepted
  const config::Listener::ClientCertificates asks_;          // for certificates, then
  const std::string client_ca_;                              // then
  bool counted_ = false;                                     // by the gate

  smtp::ServerSession session_;
  MessageBuilder builder_;
  ContentSpool spool_;
  std::string sender_;  // of the open transaction, in stored form
  std::vector<queue::Recipient> recipients_;

  // Who logged in; null before. The configuration keeps the user alive.
  std::shared_ptr<const config::Config> config_;
  const config::User* user_ = nullptr;
  bool revoked_ = false;  // the user is gone from the configuration
  bool by_certificate_ = false;
  std::shared_ptr<const io::TlsPeer> certificate_;  // null: none was asked for, or shown

  Stage stage_ = Stage::kOpen;
  uint8_t paused_ = 0;
  bool eof_ = false;
  bool start_tls_ = false;
  bool close_ = false;
  bool aborted_ = false;
  std::string tls_;  // for Received

  const Instant began_;
  Instant active_;  // the last whole command, octets of content, or answer
  Instant content_began_{};
  Instant unread_since_ = kNever;
  Instant pace_until_ = kNever;  // set while MAIL waits for room
  uint64_t commands_ = 0;
  uint64_t faults_told_ = 0;
  Timer timer_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_SUBMISSION_SESSION_H_
