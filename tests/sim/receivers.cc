#include "tests/sim/receivers.h"

#include <algorithm>

#include "engine/base/check.h"
#include "tests/sim/receiver_session.h"

namespace sluice::sim {

using namespace std::chrono_literals;

Manners Manners::Greylister() {
  Manners out;
  out.greylist = 300s;
  return out;
}

Manners Manners::TooBusy() {
  Manners out;
  out.messages = 5;
  out.connections = 3;
  out.any_421 = 0.02;
  return out;
}

Manners Manners::Tarpit() {
  Manners out;
  out.reply_min = 2s;
  out.reply_max = 15s;
  return out;
}

Manners Manners::DropsAfterDot() {
  Manners out;
  out.drop_after_dot = 0.3;
  return out;
}

Manners Manners::PipeliningLiar() {
  Manners out;
  out.loses_pipelined = 0.1;
  return out;
}

Manners Manners::GarbageTalker() {
  Manners out;
  out.garbage = 0.05;
  return out;
}

Manners Manners::Moody() {
  Manners out;
  out.greeting_4xx = 0.05;
  out.greeting_5xx = 0.02;
  out.mail_4xx = 0.05;
  out.rcpt_4xx = 0.1;
  out.rcpt_5xx = 0.02;
  out.data_4xx = 0.05;
  out.dot_4xx = 0.1;
  out.dot_5xx = 0.02;
  return out;
}

Manners Manners::FewRecipients() {
  Manners out;
  out.recipients = 3;
  return out;
}

Manners Manners::ClosesBetween() {
  Manners out;
  out.close_after_message = 0.5;
  return out;
}

Manners Manners::OldServer() {
  Manners out;
  out.esmtp = false;
  return out;
}

Manners Manners::Waits() {
  Manners out;
  out.waits_for_close = true;
  out.messages = 7;
  return out;
}

Receiver::Receiver(SimFabric& fabric, Mailroom& mailroom, std::string host,
                   const IpAddress& address, const Manners& manners, uint16_t port)
    : fabric_(fabric),
      world_(fabric.world()),
      mailroom_(mailroom),
      host_(std::move(host)),
      address_(address),
      manners_(manners),
      random_(fabric.world().NewSeed()),
      net_(fabric, host_, {address}) {
  auto tls = net_.MakeTlsServer("simulated", "simulated");
  CHECK(tls.has_value());
  tls_ = std::move(*tls);
  auto listener =
      net_.Listen({address, port}, [this](io::Stream* stream) { return Accept(stream); });
  CHECK(listener.has_value());
  listener_ = std::move(*listener);
}

Receiver::~Receiver() {
  listener_.reset();
  net_.Crash();  // before the sessions: their streams must not speak to them any more
}

io::StreamEvents* Receiver::Accept(io::Stream* stream) {
  const uint64_t id = next_session_++;
  const auto [place, fresh] =
      sessions_.emplace(id, std::make_unique<ReceiverSession>(*this, id, stream));
  CHECK(fresh);
  most_open_ = std::max(most_open_, open());
  place->second->Greet();
  return place->second.get();
}

// From a later event: the session itself is on the stack now.
void Receiver::Retire(uint64_t session) {
  world_.ScheduleIn(Duration(0), [this, session, alive = std::weak_ptr<char>(alive_)] {
    if (alive.lock()) sessions_.erase(session);
  });
}

void Receiver::Later(uint64_t session, Duration in, void (ReceiverSession::*what)()) {
  world_.ScheduleIn(in, [this, session, what, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.lock()) return;
    const auto found = sessions_.find(session);
    if (found != sessions_.end()) (found->second.get()->*what)();
  });
}

bool Receiver::IsOverRate() {
  if (manners_.rate <= 0) return false;
  if (world_.now() < boxed_until_) {
    constexpr Duration kBoxMax{600'000'000};
    boxed_until_ = std::min(boxed_until_ + manners_.penalty, world_.now() + kBoxMax);
    ++throttled_;
    return true;
  }
  const double since = double((world_.now() - counted_).count()) / 1e6;
  counted_ = world_.now();
  tokens_ = std::min(20.0, tokens_ + since * manners_.rate);
  if (tokens_ < 1) {
    ++throttled_;
    boxed_until_ = world_.now() + manners_.penalty;
    return true;
  }
  --tokens_;
  return false;
}

bool Receiver::IsGreylisted(const std::string& sender, const std::string& recipient) {
  if (manners_.greylist <= Duration(0)) return false;
  const auto [place, fresh] = first_seen_.try_emplace({sender, recipient}, world_.now());
  return world_.now() - place->second < manners_.greylist;
}

Duration Receiver::ReplyDelay() {
  CHECK(manners_.reply_min <= manners_.reply_max);
  const auto spread = uint64_t((manners_.reply_max - manners_.reply_min).count());
  return manners_.reply_min + Duration(int64_t(random_.Below(spread + 1)));
}

}  // namespace sluice::sim
