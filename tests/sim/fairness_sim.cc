// Shares of one slow site in virtual time: fairness_sim [--full] [--seed N].
//
// Three tenants have 10,000, 100 and 10 recipients there (with --full 1,000,000, 10,000 and 10), in
// 20 domains of one site that takes one message at a time. What must hold, at its rate of r
// messages a second: the ten have left within 30/r + 1 s of acceptance; 99 of 100 transactional
// messages wait less than the time of 3; tenants of weights 1, 2 and 5 get their shares within 2%.

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/message_id.h"
#include "tests/sim/receivers.h"
#include "tests/sim/sim_engine.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr int kDomains = 20;
constexpr uint32_t kPerMessage = 1'000;

double SecondsOf(Duration span) { return double(span.count()) / 1e6; }

class Fairness {
 public:
  Fairness(uint64_t seed, bool full)
      : full_(full),
        folder_(std::filesystem::temp_directory_path() /
                ("sluice_fairness_" + std::to_string(getpid()))),
        world_(seed),
        fabric_(world_),
        mailroom_(world_),
        record_(world_) {
    std::filesystem::remove_all(folder_);
    auto config = std::make_shared<config::Config>();
    config->hostname = "mta.sender.test";
    config->sources.push_back({.name = "default", .address = {}, .public_address = {}, .ehlo = ""});
    config->pools.push_back({.name = "default", .members = {{"default", 1}}});
    config->delivery.connections_per_path = 1;
    config->delivery.recipients_per_transaction = 1;
    for (const auto& [tenant, weight] : std::map<std::string, uint32_t>{{"b", 2}, {"c", 5}}) {
      config->tenants.emplace_back();
      config->tenants.back().name = tenant;
      config->tenants.back().weight = weight;
    }
    Manners slow;
    slow.reply_min = slow.reply_max = 40ms;
    const auto address = *IpAddress::Parse("9.0.0.1");
    receiver_ = std::make_unique<Receiver>(fabric_, mailroom_, "mx.slow.test", address, slow);
    SimEngineOptions options;
    options.config = config;
    options.shards = 1;
    options.queue_path = folder_.string();
    if (full) options.queue_mib = 4'096;
    options.address = *IpAddress::Parse("192.0.2.1");
    options.fill_zone = [address](dns::FakeDns& dns) {
      for (int i = 0; i < kDomains; ++i) dns.AddMx(DomainName(i), {{10, "mx.slow.test"}});
      dns.AddA("mx.slow.test", address.ToString());
    };
    engine_ = std::make_unique<SimEngine>(world_, fabric_, std::move(options), record_);
    engine_->Start();
  }
  ~Fairness() {
    engine_.reset();
    receiver_.reset();
    std::filesystem::remove_all(folder_);
  }

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
  static std::string DomainName(int i) { return "d" + std::to_string(i) + ".test"; }

  void Expect(bool holds, const std::string& what) {
    std::printf("%s: %s\n", holds ? "ok" : "FAILED", what.c_str());
    good_ &= holds;
  }

  void Send(const std::string& tenant, const std::string& campaign, size_t recipients) {
    for (size_t sent = 0; sent < recipients;) {
      SimMail mail{.sender = tenant + "@sender.test",
                   .recipients = {},
                   .tenant = tenant,
                   .campaign = campaign};
      for (; mail.recipients.size() < kPerMessage && sent < recipients; ++sent)
        mail.recipients.push_back("r" + std::to_string(sent) + "@" +
                                  DomainName(int(sent % kDomains)));
      Submit(std::move(mail));
      world_.RunFor(10ms);
    }
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
  const std::filesystem::path folder_;
  SimWorld world_;
  SimFabric fabric_;
  Mailroom mailroom_;
  EventRecord record_;
  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<SimEngine> engine_;
  std::map<std::string, Instant> durable_;
  double rate_ = 0;
  bool good_ = true;
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
