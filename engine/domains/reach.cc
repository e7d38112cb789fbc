#include "engine/domains/reach.h"

#include <algorithm>
#include <utility>

#include "dns/reverse.h"
#include "engine/base/check.h"
#include "engine/base/text.h"
#include "smtp/reply.h"

namespace sluice::engine {
namespace {

using dns::Fact;
using dns::Facts;
using dns::RecordType;

// Of a greeting or an error in a finding.
constexpr size_t kShownMax = 120;

std::string Where(const ReachTarget& target) {
  return target.at.ToString() + " (" + target.host + ")";
}

// "mta.example.com" of "mta.example.com ESMTP ready".
std::string_view GreetingName(std::string_view text) {
  return text.substr(0, text.find_first_of(" \n"));
}

}  // namespace

bool IsOurHost(Facts& facts, const HostPlan& host, const std::string& mx, bool& pending) {
  if (mx == host.hostname) return true;
  bool ours = false;
  for (const UsedSource& source : host.sources) {
    if (source.ehlo == mx) return true;
    if (!source.address) continue;
    const Fact* fact = facts.Find(mx, dns::AddressType(*source.address));
    pending |= fact == nullptr;
    ours |= fact != nullptr && dns::HoldsAddress(*fact, *source.address);
  }
  return ours;
}

std::optional<std::vector<ReachTarget>> ReachTargets(Facts& facts, const DomainPlan& domain,
                                                     const HostPlan& host) {
  std::vector<ReachTarget> out;
  if (domain.return_path.empty() || !host.inbound) return out;
  const Fact* mx = facts.Find(domain.return_path, RecordType::kMx);
  if (mx == nullptr) return std::nullopt;
  bool pending = false;
  for (const dns::Record& record : mx->records) {
    const std::string name = Lower(record.data);
    if (!IsOurHost(facts, host, name, pending)) continue;
    for (const RecordType type : {RecordType::kA, RecordType::kAaaa}) {
      const Fact* addresses = facts.Find(name, type);
      pending |= addresses == nullptr;
      if (addresses == nullptr || !addresses->found()) continue;
      for (const dns::Record& address : addresses->records)
        out.push_back({name, {address.address, host.mx_port}});
    }
  }
  if (pending) return std::nullopt;
  // Name servers turn their answers: the same facts are the same targets, and tell the same.
  std::ranges::sort(out);
  const auto again = std::ranges::unique(out);
  out.erase(again.begin(), again.end());
  return out;
}

// ---- asking ----

class ReachProbe::Call final : public io::StreamEvents {
 public:
  Call(ReachProbe& probe, const Endpoint& at)
      : probe_(probe), timer_(probe.timers_, [this] { OnTimer(); }) {
    stream_ = probe.net_.Connect({at, std::nullopt}, this);
    timer_.Set(probe.clock_.Now() + kAnswerWithin);
  }

  void OnConnected() override { connected_ = true; }
  void OnRead(std::string_view bytes) override {
    if (ended_) return;
    seen_ += bytes.size();
    const auto step = parser_.Feed(bytes);
    if (step.state == smtp::ReplyParser::State::kReply) return OnGreeting(parser_.reply());
    if (step.state == smtp::ReplyParser::State::kFault || seen_ > kGreetingMax)
      End({ReachAnswer::Kind::kSilent, "what answers there is no mail server"});
  }
  void OnEof() override {
    if (!ended_) End({ReachAnswer::Kind::kSilent, "the connection is closed without a greeting"});
  }
  void OnClosed(const io::CloseInfo& info) override {
    timer_.Cancel();
    if (!ended_)
      answer_ = connected_ ? ReachAnswer{ReachAnswer::Kind::kSilent, info.detail}
                           : ReachAnswer{ReachAnswer::Kind::kNobody, info.detail};
    stream_ = nullptr;
    CHECK(probe_.open_ > 0);
    if (--probe_.open_ > 0) return;
    std::vector<ReachAnswer> answers;
    for (const auto& call : probe_.calls_) answers.push_back(std::move(call->answer_));
    std::exchange(probe_.done_, nullptr)(std::move(answers));
  }

 private:
  void OnGreeting(const smtp::Reply& reply) {
    const std::string text = smtp::CleanReplyText(reply.text, kShownMax);
    if (!reply.positive())
      return End({ReachAnswer::Kind::kBusy, std::to_string(reply.code) + " " + text});
    stream_->Write("QUIT\r\n");
    End({ReachAnswer::Kind::kGreeting, text});
  }
  void OnTimer() {
    if (!connected_)
      End({ReachAnswer::Kind::kNobody, "no answer"});
    else
      End({ReachAnswer::Kind::kSilent, "a connection, and no greeting"});
  }
  void End(ReachAnswer answer) {
    CHECK(!ended_);
    ended_ = true;
    answer_ = std::move(answer);
    timer_.Cancel();
    if (connected_)
      stream_->Close();
    else
      stream_->Abort();
  }

  ReachProbe& probe_;
  Timer timer_;
  io::Stream* stream_ = nullptr;
  smtp::ReplyParser parser_;
  size_t seen_ = 0;
  bool connected_ = false;
  bool ended_ = false;
  ReachAnswer answer_;
};

ReachProbe::ReachProbe(io::Net& net, TimerQueue& timers, const Clock& clock)
    : net_(net), timers_(timers), clock_(clock) {}

ReachProbe::~ReachProbe() = default;

void ReachProbe::Start(const std::vector<ReachTarget>& targets,
                       std::function<void(std::vector<ReachAnswer>)> done) {
  CHECK(calls_.empty());
  CHECK(!targets.empty());
  done_ = std::move(done);
  open_ = std::min(targets.size(), kTargetsMax);
  for (size_t i = 0; i < std::min(targets.size(), kTargetsMax); ++i)
    calls_.push_back(std::make_unique<Call>(*this, targets[i].at));
}

// ---- what it means ----

namespace {

// Of one target; right when our engine greets there.
void JudgeAnswer(const ReachTarget& target, const ReachAnswer& answer, const HostPlan& host,
                 bool is_local, Finding& out) {
  const std::string check_listener =
      "see that the engine runs, that a [[listener]] with role \"inbound\" is bound there, and "
      "that "
      "firewalls let port " +
      std::to_string(target.at.port) + " in";
  switch (answer.kind) {
    case ReachAnswer::Kind::kGreeting:
      if (EqualsNoCase(GreetingName(answer.text), host.hostname)) {
        out.what = "this engine answers at " + Where(target);
        return;
      }
      out.judgement = Judgement::kWrong;
      out.what = "somebody else answers at " + Where(target) + ": " +
                 std::string(GreetingName(answer.text));
      out.advice = "lead port " + std::to_string(target.at.port) +
                   " of that address to this engine, or put an MX record in place whose host leads "
                   "here";
      return;
    case ReachAnswer::Kind::kBusy:
      out.judgement = Judgement::kWarning;
      out.what = "the mail server at " + Where(target) + " takes no connection now: " + answer.text;
      out.advice = "try again later";
      return;
    case ReachAnswer::Kind::kNobody:
      out.judgement = is_local ? Judgement::kWrong : Judgement::kWarning;
      out.what = "nothing listens at " + Where(target) + ": " + answer.text;
      out.advice = check_listener;
      if (!is_local)
        out.advice +=
            "; behind address translation this machine may not reach its own public address, and "
            "others may: then try from elsewhere";
      return;
    case ReachAnswer::Kind::kSilent:
      out.judgement = Judgement::kWrong;
      out.what = "no mail server answers at " + Where(target) + ": " + answer.text;
      out.advice = check_listener;
      return;
  }
}

}  // namespace

Finding JudgeReach(const DomainPlan& domain, const HostPlan& host,
                   const config::Surroundings& surroundings,
                   const std::vector<ReachTarget>& targets,
                   const std::vector<ReachAnswer>& answers) {
  CHECK(!answers.empty());
  CHECK(answers.size() <= targets.size());
  const auto local = surroundings.LocalAddresses().value_or(std::vector<IpAddress>());
  Finding worst;
  for (size_t i = 0; i < answers.size(); ++i) {
    const IpAddress& address = targets[i].at.address;
    const bool is_local = address.IsLoopback() || std::ranges::find(local, address) != local.end();
    Finding finding{Role::kReturnReach, Judgement::kRight, {}, domain.return_path, {}, {}, {}};
    JudgeAnswer(targets[i], answers[i], host, is_local, finding);
    const auto rank = [](const Finding& f) {
      return f.judgement == Judgement::kRight ? 0 : f.judgement == Judgement::kWarning ? 1 : 2;
    };
    if (i == 0 || rank(finding) > rank(worst)) worst = std::move(finding);
  }
  return worst;
}

}  // namespace sluice::engine
