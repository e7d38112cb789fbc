// Shares of one slow site in virtual time: fairness_sim [--full] [--seed N].
//
// Three tenants have 10,000, 100 and 10 recipients there (with --full 1,000,000, 10,000 and 10), in
// 20 domains of one site that takes one message at a time. What must hold, at its rate of r
// messages a second: the ten have left within 30/r + 1 s of acceptance; 99 of 100 transactional
// messages wait less than the time of 3; tenants of weights 1, 2 and 5 get their shares within 2%.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/message_id.h"
#include "tests/sim/one_site.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kDomains = 20;

class Fairness : private OneSite {
 public:
  Fairness(uint64_t seed, bool full) : OneSite(seed, OptionsOf(full)), full_(full) {}

  bool Run() {
    Send("huge", "news", full_ ? 1'000'000 : 10'000);
    Send("large", "news", full_ ? 10'000 : 100);
    world_.RunFor(20s);
    MeasureRate();
    LetTenGo();
    SendTransactional();
    CompareWeights();
    Expect(record_.faults().empty(), "no fault in the events");
    return good_;
  }

 private:
  static OneSiteOptions OptionsOf(bool full) {
    OneSiteOptions options{.config = std::make_shared<config::Config>(), .large = full};
    options.config->delivery.connections_per_path = 1;
    options.config->delivery.recipients_per_transaction = 1;
    for (const auto& [tenant, weight] : std::map<std::string, uint32_t>{{"b", 2}, {"c", 5}}) {
      options.config->tenants.emplace_back();
      options.config->tenants.back().name = tenant;
      options.config->tenants.back().weight = weight;
    }
    options.manners.reply_min = options.manners.reply_max = 40ms;
    return options;
  }

  void Send(const std::string& tenant, const std::string& campaign, size_t recipients) {
    SendMany({.sender = tenant + "@sender.test",
              .recipients = {},
              .tenant = tenant,
              .campaign = campaign},
             recipients, [this](SimMail mail) { Submit(std::move(mail)); });
  }
  void Submit(SimMail mail) {
    const bool up = engine_->Submit(std::move(mail), [this](MessageId id) {
      durable_.emplace(FormatMessageId(id), world_.now());
    });
    if (!up) Expect(false, "the engine takes mail");
    world_.ScheduleIn(Duration(0), [] {});
  }

  // What was taken from `tenant` since `from` (a place in the mailroom).
  size_t CountOf(const std::string& tenant, size_t from) const {
    size_t count = 0;
    for (size_t i = from; i < mailroom_.all().size(); ++i)
      count += mailroom_.all()[i].sender == tenant + "@sender.test";
    return count;
  }
  // How long each message of `tenant` took from its acceptance, in seconds, ascending.
  std::vector<double> TimesOf(const std::string& tenant) const {
    std::vector<double> out;
    for (const Taken& taken : mailroom_.all())
      if (taken.sender == tenant + "@sender.test")
        out.push_back(SecondsOf(taken.at - durable_.at(taken.message)));
    std::ranges::sort(out);
    return out;
  }

  void MeasureRate() {
    const size_t before = mailroom_.all().size();
    world_.RunFor(30s);
    rate_ = double(mailroom_.all().size() - before) / 30;
    std::printf("the site takes %.2f messages a second\n", rate_);
  }

  void LetTenGo() {
    for (int i = 0; i < 10; ++i)
      Submit({.sender = "small@sender.test",
              .recipients = {"r@" + DomainName(i)},
              .tenant = "small",
              .campaign = "news"});
    world_.RunUntil([this] { return CountOf("small", 0) == 10; }, 1h);
    const std::vector<double> times = TimesOf("small");
    const double bound = 30 / rate_ + 1;
    char line[200];
    std::snprintf(line, sizeof line, "ten recipients have left after %.2f s (30/r + 1 s = %.2f s)",
                  times.empty() ? 0 : times.back(), bound);
    Expect(times.size() == 10 && times.back() <= bound, line);
  }

  void SendTransactional() {
    const size_t count = full_ ? 1'000 : 200;
    for (size_t i = 0; i < count; ++i) {
      Submit({.sender = "shop@sender.test",
              .recipients = {"r@" + DomainName(int(i % kDomains))},
              .tenant = "shop"});
      const double gap = (3 + 6 * world_.random().Unit()) / rate_;
      world_.RunFor(Duration(int64_t(gap * 1e6)));
    }
    world_.RunFor(10s);
    std::vector<double> waits = TimesOf("shop");
    // The quickest has found the connection free: what it took is its own transaction.
    const double own = waits.empty() ? 0 : waits.front();
    for (double& wait : waits) wait -= own;
    const double p99 =
        waits.empty() ? 0 : waits[size_t(std::ceil(double(waits.size()) * 0.99)) - 1];
    char line[200];
    std::snprintf(line, sizeof line,
                  "transactional mail waits %.2f s at the median, %.2f s at p99 (3/r = %.2f s), "
                  "besides the %.2f s of its own transaction",
                  waits.empty() ? 0 : waits[waits.size() / 2], p99, 3 / rate_, own);
    Expect(waits.size() == count && p99 < 3 / rate_, line);
  }

  void CompareWeights() {
    const size_t each = full_ ? 10'000 : 1'500;
    for (const char* tenant : {"a", "b", "c"}) Send(tenant, "news", each);
    world_.RunFor(10s);
    const size_t from = mailroom_.all().size();
    const size_t taken = each * 9 / 8;  // while all of them still wait
    world_.RunUntil([&] { return mailroom_.all().size() - from >= taken; }, 24h);
    const double a = double(CountOf("a", from));
    const double b = double(CountOf("b", from));
    const double c = double(CountOf("c", from));
    char line[200];
    std::snprintf(line, sizeof line, "weights 1, 2, 5 gave %.0f, %.0f, %.0f", a, b, c);
    const auto near = [](double is, double should) { return std::abs(is / should - 1) <= 0.02; };
    Expect(near(b, 2 * a) && near(c, 5 * a), line);
  }

  const bool full_;
  std::map<std::string, Instant> durable_;
  double rate_ = 0;
};

}  // namespace
}  // namespace sluice::sim

int main(int argc, char** argv) {
  bool full = false;
  uint64_t seed = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--full") {
      full = true;
    } else if (flag == "--seed" && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: fairness_sim [--full] [--seed N]\n");
      return 2;
    }
  }
  return sluice::sim::Fairness(seed, full).Run() ? 0 : 1;
}
