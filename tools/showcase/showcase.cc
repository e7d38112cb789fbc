// tools/showcase/showcase.cc — see showcase.h.

#include "tools/showcase/showcase.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/io/system_clock.h"
#include "tools/showcase/child.h"
#include "tools/showcase/tally.h"
#include "tools/showcase/world.h"

namespace sluice::tools {
namespace {

constexpr Duration kStartBound = std::chrono::seconds(20);
constexpr Duration kEngineStopBound = std::chrono::seconds(12);  // it ends within 10 s of SIGTERM
constexpr Duration kSinkStopBound = std::chrono::seconds(5);
// For the engine's own reports about bounces, once all recipients have their final event.
constexpr Duration kReportBound = std::chrono::seconds(15);
constexpr int64_t kRecipientsMax = 100'000'000;
constexpr size_t kReadBytes = size_t(256) << 10;

long long Long(int64_t value) { return static_cast<long long>(value); }

// A port that was free a moment ago. The engine's configuration needs a number.
int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* const address = reinterpret_cast<sockaddr*>(&at);
  const bool found = bind(fd, address, size) == 0 && getsockname(fd, address, &size) == 0;
  close(fd);
  return found ? ntohs(at.sin_port) : 0;
}

bool Answers(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  at.sin_port = htons(uint16_t(port));
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  close(fd);
  return connected;
}

// The addresses in {"listening":["…","…"]}.
std::vector<std::string> ListeningAt(std::string_view line) {
  std::vector<std::string> out;
  size_t at = line.find('[');
  while (at != std::string_view::npos && (at = line.find('"', at)) != std::string_view::npos) {
    const size_t end = line.find('"', at + 1);
    if (end == std::string_view::npos) break;
    out.emplace_back(line.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return out;
}

class Demo {
 public:
  explicit Demo(const DemoOptions& options)
      : options_(options),
        domains_(MakeDemoDomains()),
        messages_((options.recipients + options.recipients_per_message - 1) /
                  std::max(options.recipients_per_message, 1)),
        recipients_(messages_ * options.recipients_per_message),
        tally_(domains_, recipients_) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals_, &signals_before_);
  }
  ~Demo() { sigprocmask(SIG_SETMASK, &signals_before_, nullptr); }
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;

  Status Run();
  int Report();
  void CleanUp(bool good);

 private:
  std::string In(const std::string& name) const { return folder_ + "/" + name; }
  Duration Elapsed() const { return clock_.Now() - started_; }
  Status Wait(Duration time);
  Status MakeFolder();
  Status StartSinks();
  Status StartEngine();
  Status StartSource();
  Status Follow();
  void ReadEvents();
  void StopAll();
  void ShowProgress(bool last);
  void PrintTable() const;
  int64_t SinkCount(const std::string& domain) const;

  const DemoOptions options_;
  const std::vector<DemoDomain> domains_;
  const int64_t messages_;
  const int64_t recipients_;
  const io::SystemClock clock_;
  Tally tally_;
  sigset_t signals_{};
  sigset_t signals_before_{};
  std::string folder_;
  bool own_folder_ = false;
  bool interrupted_ = false;
  Instant started_{};
  Duration took_{0};  // first message to last final event
  std::array<Child, kSinkKinds> sinks_;
  std::array<std::string, kSinkKinds> summaries_;
  Child engine_;
  Child source_;
  std::vector<DemoRoute> routes_;
  int port_ = 0;
  int events_fd_ = -1;
  std::string source_summary_;
};

// Sleeps, and ends early with an error when somebody wants the demo to end or its time is over.
Status Demo::Wait(Duration time) {
  const timespec wait{.tv_sec = time.count() / 1'000'000,
                      .tv_nsec = time.count() % 1'000'000 * 1000};
  if (sigtimedwait(&signals_, nullptr, &wait) > 0) {
    interrupted_ = true;
    return Fail(ErrorCode::kClosed, "interrupted");
  }
  if (Elapsed() > Duration(std::llround(options_.timeout_s * 1e6)))
    return Fail(ErrorCode::kTimeout, "not done within --timeout");
  return {};
}

Status Demo::MakeFolder() {
  std::error_code error;
  folder_ = options_.folder;
  if (!folder_.empty()) {
    std::filesystem::create_directories(folder_, error);
    if (error) return Fail(ErrorCode::kIo, folder_ + ": " + error.message());
    return {};
  }
  folder_ = std::filesystem::temp_directory_path(error).string() + "/sluice-demo-XXXXXX";
  if (error || mkdtemp(folder_.data()) == nullptr)
    return Fail(ErrorCode::kIo, "cannot make a temporary folder");
  own_folder_ = true;
  return {};
}

Status Demo::StartSinks() {
  for (int i = 0; i < kSinkKinds; ++i) {
    const auto kind = SinkKind(i);
    const std::string output = In("sink" + std::to_string(i) + ".out");
    auto started = sinks_[size_t(i)].Start(SinkArguments(kind, domains_), output,
                                           In("sink" + std::to_string(i) + ".log"));
    if (!started) return started;
    std::string ready;
    while ((ready = ReadWhole(output)).find('\n') == std::string::npos) {
      if (!sinks_[size_t(i)].running() || Elapsed() > kStartBound)
        return Fail(ErrorCode::kIo, "a sink did not start");
      if (auto waited = Wait(std::chrono::milliseconds(5)); !waited) return waited;
    }
    const std::vector<std::string> at = ListeningAt(ready);
    size_t next = 0;
    for (const DemoDomain& domain : domains_) {
      if (SinkOf(domain.temper) != kind) continue;
      if (next >= at.size()) return Fail(ErrorCode::kIo, "a sink listens on too few ports");
      routes_.push_back({domain.name, at[next++]});
    }
    if (next < at.size()) routes_.push_back({kReportDomain, at[next]});
  }
  return {};
}

Status Demo::StartEngine() {
  port_ = FreePort();
  std::ofstream(In("sluice.toml")) << EngineConfig(folder_, port_, routes_);
  std::ofstream(In("replies.toml")) << EngineReplies();
  auto started =
      engine_.Start({"run", "-c", In("sluice.toml")}, In("engine.out"), In("engine.log"));
  if (!started) return started;
  while (!Answers(port_)) {
    if (!engine_.running() || Elapsed() > kStartBound * 2)
      return Fail(ErrorCode::kIo, "the engine did not start: " + ReadWhole(In("engine.log")));
    if (auto waited = Wait(std::chrono::milliseconds(10)); !waited) return waited;
  }
  return {};
}

Status Demo::StartSource() {
  return source_.Start(
      {"blast", "--to", "127.0.0.1:" + std::to_string(port_), "--connections",
       std::to_string(options_.connections), "--messages", std::to_string(messages_),
       "--recipients-per-message", std::to_string(options_.recipients_per_message), "--size",
       std::to_string(options_.size), "--domains", DomainWeights(domains_), "--from",
       std::string("demo@") + kReportDomain, "--campaign", "demo", "--json", "--quiet"},
      In("source.out"), In("source.log"));
}

void Demo::ReadEvents() {
  if (events_fd_ < 0) events_fd_ = open(In("events.jsonl").c_str(), O_RDONLY | O_CLOEXEC);
  if (events_fd_ < 0) return;
  std::vector<char> buffer(kReadBytes);
  while (true) {
    const ssize_t n = read(events_fd_, buffer.data(), buffer.size());
    if (n <= 0) return;
    tally_.Feed({buffer.data(), size_t(n)});
  }
}

// Until every recipient has its final event and the reports about them are through.
Status Demo::Follow() {
  const Instant begun = clock_.Now();
  Instant done = kNever;
  while (true) {
    ReadEvents();
    ShowProgress(false);
    if (!engine_.running()) return Fail(ErrorCode::kIo, "the engine has ended");
    const bool source_done = source_.Poll().has_value();
    if (source_done && *source_.Poll() != 0 && tally_.finals() >= tally_.accepted())
      return Fail(ErrorCode::kIo, "the source failed: " + ReadWhole(In("source.out")));
    if (done == kNever && source_done && tally_.finals() >= recipients_) {
      done = clock_.Now();
      took_ = done - begun;
    }
    if (done != kNever &&
        (tally_.reports() >= tally_.bounced() || clock_.Now() - done > kReportBound))
      return {};
    if (auto waited = Wait(std::chrono::milliseconds(50)); !waited) return waited;
  }
}

void Demo::ShowProgress(bool last) {
  if (isatty(STDERR_FILENO) == 0) return;
  const double share = double(tally_.finals()) / double(std::max<int64_t>(recipients_, 1));
  constexpr int kWidth = 30;
  std::string bar(size_t(std::lround(std::min(share, 1.0) * kWidth)), '#');
  bar.resize(kWidth, '.');
  std::fprintf(stderr, "\r[%s] accepted %lld  delivered %lld  waiting %lld  bounced %lld  ",
               bar.c_str(), Long(tally_.accepted()), Long(tally_.delivered()),
               Long(tally_.waiting()), Long(tally_.bounced()));
  if (last) std::fputc('\n', stderr);
  std::fflush(stderr);
}

Status Demo::Run() {
  started_ = clock_.Now();
  if (auto made = MakeFolder(); !made) return made;
  std::printf("demo: working in %s\n", folder_.c_str());
  if (auto started = StartSinks(); !started) return started;
  if (auto started = StartEngine(); !started) return started;
  std::printf("demo: %lld recipients of %zu domains, %lld octets a message, %d connections\n",
              Long(recipients_), domains_.size(), Long(options_.size), options_.connections);
  std::fflush(stdout);
  if (auto started = StartSource(); !started) return started;
  Status followed = Follow();
  ShowProgress(true);
  return followed;
}

// Engine first, so that nobody it talks to vanishes; then what it wrote last is read.
void Demo::StopAll() {
  if (source_.running()) source_.Stop(kSinkStopBound);
  if (engine_.running()) engine_.Stop(kEngineStopBound);
  for (size_t i = 0; i < sinks_.size(); ++i) {
    if (sinks_[i].running()) sinks_[i].Stop(kSinkStopBound);
    summaries_[i] = ReadWhole(In("sink" + std::to_string(i) + ".out"));
  }
  source_summary_ = ReadWhole(In("source.out"));
  ReadEvents();
}

int64_t Demo::SinkCount(const std::string& domain) const {
  const std::string key = "\"" + domain + "\":{";
  for (const std::string& summary : summaries_) {
    const size_t at = summary.find(key);
    if (at == std::string::npos) continue;
    return JsonNumber(std::string_view(summary).substr(at + key.size() - 1), "recipients");
  }
  return 0;
}

void Demo::PrintTable() const {
  std::printf("\n%-16s %-16s %10s %10s %10s %9s %9s %9s %9s\n", "domain", "receiver", "recipients",
              "at once", "deferred", "bounced", "per s", "p50 ms", "p99 ms");
  std::printf("%-16s %-16s %10s %10s %10s\n", "", "", "", "", "then sent");
  for (size_t i = 0; i < domains_.size(); ++i) {
    const DomainTally& tally = tally_.domains()[i];
    std::printf("%-16s %-16s %10lld %10lld %10lld %9lld %9.0f %9.0f %9.0f\n",
                domains_[i].name.c_str(), NameOf(domains_[i].temper), Long(tally.recipients),
                Long(tally.at_once), Long(tally.later), Long(tally.bounced), tally.rate(),
                tally.latency.PercentileMs(0.5), tally.latency.PercentileMs(0.99));
  }
  std::printf("%-16s %-16s %10lld %10lld %10lld %9lld\n\n", "all", "", Long(tally_.accepted()),
              Long(tally_.delivered() - tally_.delivered_later()), Long(tally_.delivered_later()),
              Long(tally_.bounced()));
}

int Demo::Report() {
  StopAll();
  if (tally_.accepted() > 0) PrintTable();
  int disagree = 0;
  for (size_t i = 0; i < domains_.size(); ++i) {
    const int64_t count = SinkCount(domains_[i].name);
    if (count == tally_.domains()[i].delivered()) continue;
    ++disagree;
    std::printf("demo: %s: the sink took %lld, the events say %lld\n", domains_[i].name.c_str(),
                Long(count), Long(tally_.domains()[i].delivered()));
  }
  const int64_t taken = JsonNumber(source_summary_, "recipients_accepted");
  const int64_t unaccounted = tally_.Unaccounted();
  const int64_t repeated = tally_.Repeated();
  std::printf("demo: the source: %lld accepted at %lld messages/s; reports about bounces: %lld\n",
              Long(taken), Long(JsonNumber(source_summary_, "rate")), Long(tally_.reports()));
  const bool good = taken == recipients_ && unaccounted == 0 && repeated == 0 && disagree == 0;
  CleanUp(good);
  const double seconds = std::max(double(took_.count()) / 1e6, 0.001);
  std::printf(
      "demo: %lld recipients: %lld delivered (%lld after a deferral), %lld bounced, %lld "
      "unaccounted, %lld twice; %.0f/s; sinks agree: %s; %s\n",
      Long(recipients_), Long(tally_.delivered()), Long(tally_.delivered_later()),
      Long(tally_.bounced()), Long(unaccounted), Long(repeated),
      took_ > Duration(0) ? double(tally_.finals()) / seconds : 0, disagree == 0 ? "yes" : "no",
      good ? "good" : "FAILED");
  std::fflush(stdout);
  return good ? 0 : 1;
}

// After a failure the folder stays: it holds the logs that tell why.
void Demo::CleanUp(bool good) {
  if (events_fd_ >= 0) close(std::exchange(events_fd_, -1));
  if (!own_folder_) return;
  if ((!good && !interrupted_) || options_.keep) {
    std::printf("demo: logs are in %s\n", folder_.c_str());
    return;
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace

int RunDemo(const DemoOptions& options) {
  if (options.recipients < 1 || options.recipients > kRecipientsMax ||
      options.recipients_per_message < 1 || options.connections < 1) {
    std::fprintf(stderr, "sluice demo: recipients and connections are at least 1\n");
    return 2;
  }
  Demo demo(options);
  if (auto ran = demo.Run(); !ran)
    std::fprintf(stderr, "sluice demo: %s\n", ran.error().what.c_str());
  return demo.Report();
}

}  // namespace sluice::tools
