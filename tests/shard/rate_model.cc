#include "tests/shard/rate_model.h"

#include <algorithm>
#include <array>
#include <deque>
#include <queue>

#include "engine/base/check.h"
#include "engine/base/random.h"

namespace sluice::engine {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Duration kConnect{150'000};
constexpr Duration kSample = seconds(10);
constexpr std::array<Duration, 4> kGaps = {minutes(5), minutes(10), minutes(20), minutes(40)};
constexpr Duration kGiveUp = hours(24 * 10);

double Seconds(Duration d) { return double(d.count()) / 1e6; }
Duration Micros(double seconds_in) { return Duration(int64_t(seconds_in * 1e6)); }

// Who says how fast the sender may be.
class Governor {
 public:
  virtual ~Governor() = default;
  virtual double rate(Instant now) const = 0;
  virtual uint32_t connections(Instant now) const = 0;
  virtual Instant not_before() const { return {}; }
  virtual void OnAnswered(Instant, Instant) {}
  virtual void OnRefused(Instant, Instant) {}
  virtual void OnConnectionRefused(uint32_t, Instant, Instant) {}
  virtual void OnConnected(uint32_t) {}
};

class Adaptive final : public Governor {
 public:
  explicit Adaptive(const ModelCampaign& campaign)
      : rate_({.rate = campaign.rate, .connections = campaign.connections}, {}) {}
  double rate(Instant now) const override { return rate_.rate(now); }
  uint32_t connections(Instant now) const override { return rate_.connections(now); }
  Instant not_before() const override { return rate_.not_before(); }
  void OnAnswered(Instant began, Instant now) override { rate_.OnAnswered(began, now); }
  void OnRefused(Instant began, Instant now) override { rate_.OnRateRefused(began, now); }
  void OnConnectionRefused(uint32_t open, Instant began, Instant now) override {
    rate_.OnConnectionRefused(open, began, now);
  }
  void OnConnected(uint32_t open) override { rate_.OnConnected(open); }

 private:
  AdaptiveRate rate_;
};

class Oracle final : public Governor {
 public:
  Oracle(const ModelReceiver& receiver, const ModelCampaign& campaign)
      : receiver_(receiver),
        connections_(receiver.connections == 0
                         ? campaign.connections
                         : std::min(campaign.connections, receiver.connections)) {}
  double rate(Instant now) const override {
    return receiver_.rate ? receiver_.rate(now - Instant()) : AdaptiveRate::kNoRate;
  }
  uint32_t connections(Instant) const override { return connections_; }
  Instant not_before() const override { return calm_; }
  void OnRefused(Instant, Instant now) override { calm_ = std::max(calm_, now + receiver_.box); }

 private:
  const ModelReceiver& receiver_;
  Instant calm_{};
  const uint32_t connections_;
};

class Run {
 public:
  Run(const ModelReceiver& receiver, const ModelCampaign& campaign, Governor& governor)
      : receiver_(receiver),
        campaign_(campaign),
        governor_(governor),
        random_(campaign.seed),
        tokens_(receiver.burst) {
    for (uint64_t i = 0; i < campaign.messages; ++i) ready_.push_back({});
  }

  ModelOutcome Go() {
    while (done_ < campaign_.messages) {
      Sample();
      Send();
      CHECK(!events_.empty());
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      CHECK(now_ - Instant() < kGiveUp);
      Handle(event);
    }
    out_.took = now_ - Instant();
    return std::move(out_);
  }

 private:
  struct Message {
    uint8_t attempts = 0;
    Instant first{};  // attempt; 0: none
  };
  enum class Kind : uint8_t { kWake, kConnected, kAnswer, kDue };
  struct Event {
    Instant at;
    Kind kind{};
    Message message{};
    Instant began{};
    bool operator<(const Event& other) const { return at > other.at; }
  };

  void Send() {
    // Connections are made when those that stand do not suffice.
    while (!ready_.empty()) {
      if (idle_ == 0) {
        if (opening_ > 0 || open_ >= governor_.connections(now_) || WaitsForGate()) return;
        ++opening_;
        events_.push({.at = now_ + kConnect, .kind = Kind::kConnected, .began = now_});
        return;
      }
      if (WaitsForGate()) return;
      last_send_ = now_;
      --idle_;
      const Duration took =
          receiver_.reply_min + Duration(int64_t(random_.Below(uint64_t(
                                    (receiver_.reply_max - receiver_.reply_min).count() + 1))));
      events_.push({now_ + took, Kind::kAnswer, ready_.front(), now_});
      ready_.pop_front();
    }
  }

  bool WaitsForGate() {
    // Another rate than the last message was sent at holds at once.
    const double rate = governor_.rate(now_);
    const Instant next = rate == AdaptiveRate::kNoRate ? now_ : last_send_ + Micros(1 / rate);
    const Instant gate = std::max(next, governor_.not_before());
    if (gate <= now_) return false;
    if (wake_ <= now_ || gate < wake_) {
      wake_ = gate;
      events_.push({.at = gate, .kind = Kind::kWake});
    }
    return true;
  }

  void Handle(const Event& event) {
    switch (event.kind) {
      case Kind::kWake:
        return;
      case Kind::kDue:
        ready_.push_back(event.message);
        return;
      case Kind::kConnected:
        --opening_;
        return OnConnected(event);
      case Kind::kAnswer:
        return OnAnswer(event);
    }
  }

  void OnConnected(const Event& event) {
    if (receiver_.connections != 0 && open_ >= receiver_.connections) {
      ++out_.attempts;
      ++out_.refused;
      governor_.OnConnectionRefused(open_, event.began, now_);
      if (!ready_.empty()) {
        Postpone(ready_.front());
        ready_.pop_front();
      }
      return;
    }
    ++open_;
    ++idle_;
    out_.most_connections = std::max(out_.most_connections, open_);
    governor_.OnConnected(open_);
  }

  void OnAnswer(const Event& event) {
    ++out_.attempts;
    Message message = event.message;
    if (OverRate()) {
      ++out_.refused;
      governor_.OnRefused(event.began, now_);
      --open_;  // 421
      return Postpone(message);
    }
    ++idle_;
    governor_.OnAnswered(event.began, now_);
    if (message.first == Instant()) message.first = now_;
    if (now_ - message.first < receiver_.greylist) return Postpone(message);
    ++done_;
    ++taken_;
  }

  void Postpone(Message message) {
    const Duration gap = kGaps[std::min<size_t>(message.attempts, kGaps.size() - 1)];
    if (message.attempts < UINT8_MAX) ++message.attempts;
    const Duration jitter(int64_t(random_.Below(uint64_t(gap.count() / 5))));
    events_.push({now_ + gap + jitter, Kind::kDue, message, {}});
  }

  bool OverRate() {
    if (receiver_.moody > 0 && random_.Unit() < receiver_.moody) return true;
    if (!receiver_.rate) return false;
    if (now_ < boxed_until_) {
      boxed_until_ = std::min(boxed_until_ + receiver_.push, now_ + hours(1));
      return true;
    }
    const double rate = receiver_.rate(now_ - Instant());
    if (receiver_.window != Duration(0)) {
      if (now_ - counted_ >= receiver_.window) {
        counted_ = now_ - (now_ - Instant()) % receiver_.window;
        tokens_ = rate * Seconds(receiver_.window);
      }
    } else {
      tokens_ = std::min(receiver_.burst, tokens_ + Seconds(now_ - counted_) * rate);
      counted_ = now_;
    }
    if (tokens_ >= 1) {
      --tokens_;
      return false;
    }
    boxed_until_ = now_ + receiver_.box;
    return true;
  }

  void Sample() {
    if (now_ - sampled_ < kSample) return;
    const double limit = receiver_.rate ? receiver_.rate(now_ - Instant()) : 0;
    out_.samples.push_back(
        {now_ - Instant(), limit, governor_.rate(now_), double(taken_) / Seconds(now_ - sampled_)});
    sampled_ = now_;
    taken_ = 0;
  }

  const ModelReceiver& receiver_;
  const ModelCampaign& campaign_;
  Governor& governor_;
  Random random_;
  Instant now_{};
  std::priority_queue<Event> events_;
  std::deque<Message> ready_;
  uint32_t open_ = 0;
  uint32_t idle_ = 0;
  uint32_t opening_ = 0;
  Instant last_send_ = Instant(-hours(24));
  Instant wake_{};
  uint64_t done_ = 0;
  // The receiver's.
  double tokens_;
  Instant counted_{};
  Instant boxed_until_{};

  Instant sampled_{};
  uint64_t taken_ = 0;
  ModelOutcome out_;
};

auto Always(double rate) {
  return [rate](Duration) { return rate; };
}
// The limit of the campaign's first 50 minutes, then another.
auto Then(double rate, double later) {
  return [rate, later](Duration since) { return since < minutes(50) ? rate : later; };
}

}  // namespace

ModelOutcome RunAdaptive(const ModelReceiver& receiver, const ModelCampaign& campaign) {
  Adaptive governor(campaign);
  return Run(receiver, campaign, governor).Go();
}

ModelOutcome RunOracle(const ModelReceiver& receiver, const ModelCampaign& campaign) {
  Oracle governor(receiver, campaign);
  return Run(receiver, campaign, governor).Go();
}

std::vector<ModelReceiver> ModelReceivers() {
  return {
      {.name = "rate", .rate = Always(60)},
      {.name = "rate-by-minute", .rate = Always(60), .window = minutes(1)},
      {.name = "low-rate", .rate = Always(2), .messages = 50'000},
      {.name = "connections", .connections = 7},
      {.name = "rate-and-connections", .rate = Always(40), .connections = 5},
      {.name = "penalty-box", .rate = Always(60), .box = minutes(1), .push = seconds(20)},
      {.name = "greylist", .rate = Always(120), .greylist = minutes(4)},
      {.name = "tarpit",
       .connections = 15,
       .reply_min = seconds(2),
       .reply_max = seconds(6),
       .messages = 50'000},
      {.name = "raised-at-noon", .rate = Then(40, 120)},
      {.name = "lowered-at-noon", .rate = Then(120, 40)},
  };
}

}  // namespace sluice::engine
