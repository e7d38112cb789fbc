// Campaigns against receivers whose limits nobody has told us, the whole engine in virtual time:
// adaptation_sim [--messages N] [--only NAME] [FOLDER].
//
// What must hold: each ends within 1.25 times the time that an oracle needs, and under 2% of the
// attempts are answered by rate refusals. The oracle: for rates the time that the limit leaves; for
// the others the same engine with the limit in its shaping file. With a folder: a plot of what was
// taken against the limit that changes at noon (noon.png).

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/png.h"
#include "config/shaping_parser.h"
#include "tests/sim/receivers.h"
#include "tests/sim/sim_engine.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr double kSlower = 1.25;
constexpr double kRefused = 0.02;
constexpr Duration kSample = 10s;

double SecondsOf(Duration span) { return double(span.count()) / 1e6; }

struct Sample {
  double taken = 0;  // a second
  double limit = 0;
};

struct Run {
  double seconds = 0;
  uint64_t throttled = 0;
  uint64_t attempts = 0;
  bool ended = false;
  std::vector<Sample> samples;
};

struct Scenario {
  std::string name;
  Manners manners;
  std::string oracle;     // what its shaping file says; empty: by `rate`
  double later_rate = 0;  // from the middle of its time on; 0: no change
};

std::shared_ptr<const config::Config> ConfigOf(const std::string& shaping) {
  auto config = std::make_shared<config::Config>();
  config->hostname = "mta.sender.test";
  config->sources.push_back({.name = "default", .address = {}, .public_address = {}, .ehlo = ""});
  config->pools.push_back({.name = "default", .members = {{"default", 1}}});
  config->delivery.recipients_per_transaction = 1;
  if (!shaping.empty()) {
    auto loaded = config::ParseShaping(shaping, "shaping.toml", *config);
    if (!loaded) std::abort();
    config->shaping = std::make_shared<const config::Shaping>(std::move(loaded->shaping));
  }
  return config;
}

Run Work(const Scenario& scenario, size_t messages, const std::string& shaping) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("sluice_adaptation_" + std::to_string(getpid()));
  std::filesystem::remove_all(folder);
  SimWorld world(1);
  SimFabric fabric(world);
  Mailroom mailroom(world);
  EventRecord record(world);
  const auto config = ConfigOf(shaping);
  const auto address = *IpAddress::Parse("9.0.0.1");
  Receiver receiver(fabric, mailroom, "mx.capped.test", address, scenario.manners);
  SimEngineOptions options;
  options.config = config;
  options.queue_path = folder.string();
  options.busy_disk = false;
  options.address = *IpAddress::Parse("192.0.2.1");
  options.fill_zone = [address](dns::FakeDns& dns) {
    dns.AddMx("capped.test", {{10, "mx.capped.test"}});
    dns.AddA("mx.capped.test", address.ToString());
  };
  SimEngine engine(world, fabric, std::move(options), record);
  engine.Start();
  const Instant begin = world.now();
  for (size_t sent = 0; sent < messages;) {
    SimMail mail{.sender = "news@sender.test", .recipients = {}, .campaign = "spring"};
    for (; mail.recipients.size() < 1'000 && sent < messages; ++sent)
      mail.recipients.push_back("r" + std::to_string(sent) + "@capped.test");
    engine.Submit(std::move(mail), [](MessageId) {});
    world.RunFor(10ms);
  }
  Run run;
  Manners manners = scenario.manners;
  size_t before = 0;
  for (size_t i = 0; i < 100'000 && mailroom.pairs() < messages; ++i) {
    if (scenario.later_rate > 0 && mailroom.pairs() > messages / 4) {
      manners.rate = scenario.later_rate;
      receiver.SetManners(manners);
    }
    world.RunFor(kSample);
    run.samples.push_back({double(mailroom.pairs() - before) / SecondsOf(kSample), manners.rate});
    before = mailroom.pairs();
  }
  run.ended = mailroom.pairs() == messages;
  if (!mailroom.all().empty()) run.seconds = SecondsOf(mailroom.all().back().at - begin);
  run.throttled = receiver.throttled();
  run.attempts = receiver.transactions() + receiver.throttled();
  std::filesystem::remove_all(folder);
  return run;
}

double OracleOf(const Scenario& scenario, size_t messages) {
  if (!scenario.oracle.empty())
    return Work(scenario, messages, "[default]\nadaptive = \"off\"\n" + scenario.oracle).seconds;
  const double n = double(messages);
  if (scenario.later_rate == 0) return n / scenario.manners.rate;
  return n / 4 / scenario.manners.rate + n * 3 / 4 / scenario.later_rate;
}

void Draw(const std::vector<Sample>& samples, const std::string& file) {
  bench::Picture picture(1'000, 400);
  double most = 1;
  for (const Sample& sample : samples) most = std::max({most, sample.taken, sample.limit});
  const auto up = [&](double rate) { return 390 - int(380 * rate / most); };
  for (size_t i = 1; i < samples.size(); ++i) {
    const int x0 = int((i - 1) * 1'000 / samples.size());
    const int x1 = int(i * 1'000 / samples.size());
    picture.Line(x0, up(samples[i - 1].taken), x1, up(samples[i].taken), {0, 90, 180});
    picture.Line(x0, up(samples[i - 1].limit), x1, up(samples[i].limit), {200, 30, 30});
  }
  if (!picture.Write(file)) std::fprintf(stderr, "%s cannot be written\n", file.c_str());
}

int Main(int argc, char** argv) {
  size_t messages = 30'000;
  std::string folder;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--messages" && i + 1 < argc) {
      messages = size_t(std::strtoull(argv[++i], nullptr, 10));
    } else if (std::string(argv[i]) == "--only" && i + 1 < argc) {
      only = argv[++i];
    } else {
      folder = argv[i];
    }
  }
  const Scenario scenarios[] = {
      {"rate cap", {.rate = 10}, {}, 0},
      {"penalty box", {.rate = 10, .penalty = 20s}, {}, 0},
      {"noon: faster", {.rate = 5}, {}, 20},
      {"noon: slower", {.rate = 20}, {}, 5},
      {"connection cap",
       {.connections = 3, .reply_min = 50ms, .reply_max = 80ms},
       "connections = 3\n",
       0},
      {"greylisting", {.greylist = 4min}, "connections = 10\n", 0},
      {"tarpit", {.reply_min = 1s, .reply_max = 3s}, "connections = 10\n", 0},
  };
  bool good = true;
  std::printf("%-16s %10s %10s %7s %9s\n", "receiver", "oracle s", "sluice s", "ratio", "refused");
  for (const Scenario& scenario : scenarios) {
    if (!only.empty() && scenario.name != only) continue;
    const double oracle = OracleOf(scenario, messages);
    const Run run = Work(scenario, messages, {});
    const double ratio = run.seconds / oracle;
    const double refused = double(run.throttled) / double(std::max<uint64_t>(1, run.attempts));
    const bool holds = run.ended && ratio <= kSlower && refused < kRefused;
    std::printf("%-16s %10.0f %10.0f %7.3f %8.2f%% %s\n", scenario.name.c_str(), oracle,
                run.seconds, ratio, 100 * refused, holds ? "ok" : "FAILED");
    std::fflush(stdout);
    good &= holds;
    if (!folder.empty() && scenario.later_rate > scenario.manners.rate)
      Draw(run.samples, folder + "/noon.png");
  }
  return good ? 0 : 1;
}

}  // namespace
}  // namespace sluice::sim

int main(int argc, char** argv) { return sluice::sim::Main(argc, argv); }
