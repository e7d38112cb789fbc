// engine/delivery/delivery.h — one outbound connection: from the hosts of a route to transactions.
//
// PURPOSE   Walks the route's hosts (one round), connects, gets TLS where it is offered, runs Jobs
//           over one smtp::ClientSession until there are none, says goodbye. Facts go to the owner.
// NOT HERE  The protocol (smtp/client_session.h), what facts mean (verdict.h), what TLS is demanded
//           (tls_policy.h), limits and choice of work (the scheduler, DeliveryOwner).
// FLOW      Start(job) -> addresses -> connect -> session -> OnResult... -> NextJob ... ->
//           OnClosed.
// RULES     protocol.md 11, 15, 16: at most kAddressesMax addresses and kSessionsMax established
//           sessions a round. Every recipient of every job is answered exactly once.
//           Promise 3: the receiver counts a connection until it has seen its end. So the next one,
//           and OnClosed, which frees the permit, come only when the peer has closed (waited for
//           up to kPartingMax after the last reply) or an end of ours has had kTravel to arrive.
// THREADS   Confined to its shard. No owner call happens inside Start, Poke, Stop or Abort.
// LIFETIME  The owner destroys it after OnClosed, from a later turn of the loop.

#ifndef SLUICE_ENGINE_DELIVERY_DELIVERY_H_
#define SLUICE_ENGINE_DELIVERY_DELIVERY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/route.h"
#include "engine/base/timer_queue.h"
#include "engine/delivery/host_memory.h"
#include "engine/delivery/host_walk.h"
#include "engine/delivery/job.h"
#include "engine/delivery/job_run.h"
#include "engine/delivery/shape.h"
#include "engine/delivery/tls_policy.h"
#include "engine/delivery/tls_trouble.h"
#include "engine/delivery/verdict.h"
#include "engine/io/net.h"
#include "engine/io/proxied_stream.h"
#include "engine/shard/context.h"
#include "smtp/client_session.h"

namespace sluice::engine {

// What all deliveries of a shard share. Outlives them.
struct DeliveryShared {
  ShardContext& shard;
  dns::MxRouter& router;
  HostMemory& broken_tls;
  const ReplyRules& rules;
  std::shared_ptr<io::TlsClientContext> tls;  // null: STARTTLS is never used
  HostMemory liars{};                         // hosts that are spoken to one command at a time
  TlsPolicies* policies = nullptr;            // null: all TLS is opportunistic
  TlsTrouble tls_trouble{};
};

class Delivery final : public io::StreamEvents {
 public:
  // Addresses tried in one round, and of those that accepted the connection.
  static constexpr uint32_t kAddressesMax = 5;
  static constexpr uint32_t kSessionsMax = 2;
  // How long the peer may take to close after the reply to QUIT, or after a 421.
  static constexpr Duration kPartingMax{3'000'000};
  // By then the receiver has heard of an end that it did not make: well over the slowest way there.
  static constexpr Duration kTravel{1'000'000};

  Delivery(DeliveryShared& shared, DeliveryOwner& owner, DeliveryPath path);
  ~Delivery() override;
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  // Once, first. The work begins in the next turn of the loop.
  void Start(Job first);
  // There may be work: an idle delivery asks NextJob in the next turn. Otherwise nothing happens.
  void Poke();
  // No further transaction on this connection: it says goodbye when it would begin one.
  void Recycle() { recycle_ = true; }
  // Finishes the transaction that runs (bounded by the owner, who may Abort), then QUIT. A job
  // that has not begun is returned untried.
  void Stop();
  // Ends now. What runs is answered with kShutdown, or returned untried when nothing of it can have
  // been taken by the receiver.
  void Abort();

  // Waits for a Poke with a ready connection.
  bool idle() const { return state_ == State::kReady; }
  // The connection is up and has seen its EHLO reply.
  bool ready() const { return state_ == State::kReady || state_ == State::kBusy; }
  const DeliveryPath& path() const { return path_; }
  // Transactions that ended on the present connection.
  uint32_t transactions() const { return transactions_; }

  // From the Net.
  void OnConnected() override;
  void OnRead(std::string_view bytes) override;
  void OnWritable() override;
  void OnTlsReady(const io::TlsInfo& info) override;
  void OnEof() override;
  void OnClosed(const io::CloseInfo& info) override;

 private:
  enum class State : uint8_t {
    kFresh,       // before Start
    kWalking,     // looking for the next address
    kConnecting,  //
    kOpening,     // greeting, EHLO, TLS
    kReady,       // idle
    kBusy,        // a transaction, or its content is being read
    kQuitting,    //
    // From here on the session is over; after_close_ says what then.
    kParting,   // the peer's close is awaited
    kClosing,   // the stream is going
    kSettling,  // it has gone, and the receiver hears of it
    kDone,
  };
  // kRestart: the job in hand needs a connection made under another policy.
  enum class AfterClose : uint8_t { kFinish, kNextHost, kSameHostInClear, kFailRound, kRestart };
  // What the policy of a job says about the connection that is open.
  enum class Fit : uint8_t { kFits, kAsking, kRestart, kHopeless };

  void OnWake();
  void OnWakeBusy();
  void OnWakeOver();
  void OnTimer();
  void NextHost();
  void ConsiderHost();
  void Approach(const dns::HostDane& dane);
  void Connect();
  void OnNotConnected(const io::CloseInfo& info);
  void OnConnectTimeout();

  void Settle();
  void WriteOut();
  bool TakeEvents();
  void ArmTimer();

  void OnSessionReady();
  void OnTransactionDone();
  void NoteLiar();
  void TellIfTurnedAway(const smtp::ClientOutcome& outcome);
  void OnSessionClosed();
  void OnOpeningFailed();
  void BeginNext();
  bool BeginJob();
  void RefuseJob(Fault fault);
  // False: the recipient stays with the job.
  bool MayTell(const smtp::ClientOutcome& outcome, bool earlier_accepted);
  void LoadWindow(JobRun::Question question, uint32_t offset, uint32_t length);
  void Sign(JobRun::Question question, SignTask task);

  // TLS policies (delivery_tls.cc).
  void AskPolicy();
  DomainTls WithShape(DomainTls wanted);
  void OnPolicy(const DomainTls& wanted);
  Fit CheckFit();
  Fit JudgeFit(const DomainTls& wanted);
  void BeginTlsFacts();
  void StartTls();
  void NoteTls(const io::TlsInfo& info);
  void OnTlsMissing();
  void OnTlsRefused(std::string_view text);
  void NoteTlsFailure(Stage stage, Fault fault, std::string_view text);
  void TellSession(TlsResult result, std::string_view reason);
  void TellHandshake();
  void TellClearSession();
  IpAddress SendingAddress() const;
  void NextHostOrFail();

  void SayQuit();
  void CloseStream(AfterClose then, bool at_once);
  void DropStream(bool at_once);
  void AfterStream();
  void Continue(AfterClose then);
  void ReturnJob(const RoundFailure* failure);
  void FailRound();
  void Finish();
  bool MayTryAnotherHost() const;
  // How `outcome` is told to the owner; the result is result_.
  void Translate(const smtp::ClientOutcome& outcome);
  // Nothing more is said on this connection.
  bool over() const { return state_ >= State::kParting; }
  void NoteFailure(Stage stage, Fault fault, std::string_view text);
  Instant Now() const { return shared_.shard.clock.Now(); }

  // Borrowed: outlive this.
  DeliveryShared& shared_;
  DeliveryOwner& owner_;
  // Constant after construction.
  const DeliveryPath path_;
  const std::shared_ptr<const config::Config> config_;
  const std::shared_ptr<const Shape> shape_;

  State state_ = State::kFresh;
  AfterClose after_close_ = AfterClose::kFinish;
  bool stopping_ = false;
  bool aborting_ = false;
  bool poked_ = false;
  bool recycle_ = false;
  bool settling_ = false;
  bool settle_again_ = false;
  Timer wake_;   // work that must not happen inside a call of the owner's
  Timer timer_;  // never later than due_
  Instant due_ = kNever;
  Instant idle_since_ = kNever;

  HostWalk walk_;
  HostWalk::Candidate host_;
  std::string host_text_;  // "mx1.example.net [192.0.2.1]:25"
  uint32_t addresses_tried_ = 0;
  uint32_t established_ = 0;
  RoundFailure failure_;

  io::Stream* stream_ = nullptr;  // owned by the Net, or proxied_
  std::unique_ptr<io::ProxiedStream> proxied_;
  std::optional<smtp::ClientSession> session_;
  bool tls_started_ = false;
  bool peer_ended_ = false;  // it has closed: it counts the connection no more
  std::string tls_;
  std::string tls_trouble_;                       // what the stream said when TLS failed
  io::TlsFault tls_fault_ = io::TlsFault::kNone;  // of the host's certificate
  IpAddress local_;                               // of the connection

  DomainTls wanted_;    // of the job in hand
  dns::HostDane dane_;  // of host_
  TlsPlan plan_;        // of this connection
  TlsFacts facts_;
  TlsRule rule_ = TlsRule::kOpportunistic;  // of the job in hand
  bool checking_ = false;                   // the policy of the job in hand is being asked for
  std::optional<DomainTls> found_;          // and was found

  uint32_t transactions_ = 0;

  JobRun run_;
  bool fail_over_ = false;  // what is left of the job goes to the next host
  AttemptResult result_;    // reused
  // Held weakly by windows that are being read.
  std::shared_ptr<Delivery*> self_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_DELIVERY_H_
