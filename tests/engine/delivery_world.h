// Everything around a Delivery: loop, hosts, DNS, owner. What it tells is one log of short lines.

#ifndef SLUICE_TESTS_ENGINE_DELIVERY_WORLD_H_
#define SLUICE_TESTS_ENGINE_DELIVERY_WORLD_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/delivery/delivery.h"
#include "tests/engine/fake_net.h"

namespace sluice::testing {

inline constexpr char kA[] = "192.0.2.1:25";
inline constexpr char kB[] = "192.0.2.2:25";
inline constexpr char kC[] = "192.0.2.3:25";

class FakeRouter final : public dns::MxRouter {
 public:
  explicit FakeRouter(FakeLoop& loop) : loop_(loop) {}
  void Find(std::string_view, RouteFn) override { CHECK(false); }
  void Addresses(std::string_view host, AddressFn done) override {
    asked.emplace_back(host);
    const auto at = answers.find(std::string(host));
    dns::HostAddresses answer;
    if (at == answers.end()) {
      answer.fault = dns::RouteFault::kTemporary;
      answer.detail = "SERVFAIL for " + std::string(host);
    } else {
      answer.addresses = at->second;
    }
    if (at_once) return done(answer);
    loop_.Post([done = std::move(done), answer] { done(answer); });
  }
  void ConfiguredAddresses(std::string_view host, AddressFn done) override {
    configured = true;
    Addresses(host, std::move(done));
  }
  void SetOptions(const dns::RouterOptions&) override {}

  std::map<std::string, std::vector<IpAddress>> answers;
  std::vector<std::string> asked;
  bool at_once = false;
  bool configured = false;

 private:
  FakeLoop& loop_;
};

// Lines such as "1/0 dot 250 2.0.0 mx1 [192.0.2.1]:25", "1/0 rcpt lost", "1 returned 0,1",
// "1 returned 0 connect refused after 2", "closed".
class FakeOwner final : public engine::DeliveryOwner {
 public:
  explicit FakeOwner(FakeLoop& loop) : loop_(loop) {}

  std::optional<engine::Job> NextJob(engine::Delivery& delivery) override {
    if (on_next) on_next(delivery);
    if (jobs.empty()) return std::nullopt;
    engine::Job job = std::move(jobs.front());
    jobs.pop_front();
    return job;
  }
  void OnResult(engine::Delivery&, engine::Job& job, size_t recipient,
                const engine::AttemptResult& result) override {
    results.push_back(result);
    log.push_back(std::to_string(job.id) + "/" + std::to_string(recipient) + " " + Text(result));
  }
  void OnJobReturned(engine::Delivery&, engine::Job job, std::vector<size_t> untried,
                     const engine::RoundFailure* failure) override {
    std::string line = std::to_string(job.id) + " returned ";
    for (const size_t i : untried) line += std::to_string(i) + (i == untried.back() ? "" : ",");
    if (failure != nullptr) failures.push_back(*failure);
    if (failure != nullptr)
      line += " " + Text(failure->last) + " after " + std::to_string(failure->hosts_tried);
    log.push_back(line);
  }
  void OnClosed(engine::Delivery&) override {
    log.push_back("closed");
    closed = true;
  }
  void LoadWindow(const engine::Job&, uint32_t offset, uint32_t length,
                  std::function<void(Result<std::string>)> done) override {
    windows.emplace_back(offset, length);
    Result<std::string> window = Fail(ErrorCode::kIo, "broken disk");
    if (offset + length <= stored.size()) window = stored.substr(offset, length);
    if (at_once) return done(std::move(window));
    if (hold) return held.push_back([done = std::move(done), window] { done(window); });
    loop_.Post([done = std::move(done), window] { done(window); });
  }
  // The oldest answer that is held back.
  void Answer() {
    const std::function<void()> answer = std::move(held.front());
    held.pop_front();
    answer();
    loop_.Run();
  }

  static std::string Text(const engine::AttemptResult& result) {
    static constexpr std::string_view kStages[] = {"connect", "greeting", "ehlo", "starttls",
                                                   "mail",    "rcpt",     "data", "content",
                                                   "dot",     "local"};
    static constexpr std::string_view kFaults[] = {"",
                                                   " refused",
                                                   " timeout",
                                                   " lost",
                                                   " tls",
                                                   " protocol",
                                                   " no-address",
                                                   " too-large",
                                                   " no-utf8",
                                                   " no-8bit",
                                                   " unreadable",
                                                   " shutdown",
                                                   " tls-policy",
                                                   " source",
                                                   " proxy"};
    std::string out(kStages[size_t(result.stage)]);
    out += kFaults[size_t(result.fault)];
    if (result.code != 0) out += " " + std::to_string(result.code);
    if (!result.enhanced.empty()) out += " " + result.enhanced;
    if (result.after_dot) out += " after-dot";
    return out;
  }

  std::deque<engine::Job> jobs;
  std::function<void(engine::Delivery&)> on_next;
  std::vector<std::string> log;
  std::vector<engine::AttemptResult> results;
  std::vector<engine::RoundFailure> failures;
  std::string stored;  // what windows are cut from
  std::vector<std::pair<uint32_t, uint32_t>> windows;
  bool at_once = false;
  bool hold = false;  // windows wait for Answer
  std::deque<std::function<void()>> held;
  bool closed = false;

 private:
  FakeLoop& loop_;
};

// Policies by domain and host; a host that nothing was said of has none.
class FakePolicies final : public engine::TlsPolicies {
 public:
  explicit FakePolicies(FakeLoop& loop) : loop_(loop) {}

  void ForDomain(std::string_view domain,
                 std::function<void(const engine::DomainTls&)> done) override {
    engine::DomainTls wanted{.domain = std::string(domain)};
    if (const auto at = domains.find(std::string(domain)); at != domains.end()) {
      wanted.route = at->second.route;
      wanted.sts = at->second.sts;
    }
    Answer([done = std::move(done), wanted] { done(wanted); });
  }
  void ForHost(std::string_view host, uint16_t,
               std::function<void(const dns::HostDane&)> done) override {
    const auto at = hosts.find(std::string(host));
    Answer([done = std::move(done), dane = at == hosts.end() ? dns::HostDane{} : at->second] {
      done(dane);
    });
  }
  bool Alike(std::string_view domain, std::string_view other) override { return domain == other; }
  void OnMismatch(std::string_view domain) override { mismatches.emplace_back(domain); }
  void OnSession(engine::TlsSession session) override { sessions.push_back(std::move(session)); }

  std::map<std::string, engine::DomainTls> domains;
  std::map<std::string, dns::HostDane> hosts;
  std::vector<std::string> mismatches;
  std::vector<engine::TlsSession> sessions;
  bool later = false;

 private:
  void Answer(std::function<void()> answer) {
    if (!later) return answer();
    loop_.Post(std::move(answer));
  }
  FakeLoop& loop_;
};

class DeliveryWorld {
 public:
  explicit DeliveryWorld(bool with_tls = false)
      : net(loop), router(loop), owner(loop), policies(loop), random_(1), bodies_(1 << 20) {
    auto config = std::make_shared<config::Config>();
    config->hostname = "me.example";
    config_ = config.get();
    shard_ = std::make_unique<engine::ShardContext>(
        engine::ShardContext{0, loop, loop.timers, net, random_, bodies_, config});
    shared_ = std::make_unique<engine::DeliveryShared>(
        engine::DeliveryShared{.shard = *shard_,
                               .router = router,
                               .broken_tls = memory,
                               .rules = rules_,
                               .tls = with_tls ? net.MakeTlsClient() : nullptr,
                               .policies = with_tls ? &policies : nullptr});
    path.site = "example.net";
    path.ehlo = "out.example";
  }
  // Whatever is still open is aborted; nothing may be left behind.
  ~DeliveryWorld() {
    if (delivery && !owner.closed) {
      delivery->Abort();
      loop.Run();
    }
    CHECK(!delivery || owner.closed);
  }

  config::Config& config() { return *config_; }
  engine::ShardContext& shard() { return *shard_; }

  // Literal addresses with a port, in the order to try.
  void Hosts(const std::vector<std::string>& hosts) {
    for (const std::string& host : hosts) {
      const Endpoint endpoint = *Endpoint::Parse(host);
      path.hosts.push_back({endpoint.address.ToString(), 0, endpoint.port});
    }
  }

  // mx1.example.net at 192.0.2.1, and so on; by name, as DNS gives them.
  void NamedHosts(size_t count) {
    for (size_t i = 1; i <= count; ++i) {
      const std::string name = "mx" + std::to_string(i) + ".example.net";
      router.answers[name] = {*IpAddress::Parse("192.0.2." + std::to_string(i))};
      path.hosts.push_back({name, uint16_t(i), 25});
    }
  }
  FakeHost& Named(size_t number) { return net.At("192.0.2." + std::to_string(number) + ":25"); }
  // A message to the same count of recipients in another domain.
  static engine::Job JobFor(uint64_t id, const std::string& domain, size_t recipients = 1) {
    engine::Job job = MakeJob(id, recipients);
    for (queue::Recipient& recipient : job.recipients)
      recipient.address = "r" + std::to_string(recipient.id.index) + "@" + domain;
    return job;
  }

  static engine::Job MakeJob(uint64_t id, size_t recipients,
                             const std::string& text = "Subject: x\r\n\r\nhello\r\n",
                             uint16_t flags = 0) {
    queue::Message message;
    message.id = id;
    message.sender = "a@b.example";
    message.flags = flags;
    message.header_length = uint32_t(text.find("\r\n\r\n") + 4);
    message.body.length = uint32_t(text.size());
    return WithMessage(id, recipients, std::move(message), text);
  }
  static engine::Job WithMessage(uint64_t id, size_t recipients, queue::Message message,
                                 const std::string& text) {
    engine::Job job;
    job.id = id;
    job.message = Ref<const engine::SharedMessage>(new engine::SharedMessage(std::move(message)));
    for (uint32_t i = 0; i < recipients; ++i) {
      queue::Recipient recipient;
      recipient.id = {id, i};
      recipient.address = "r" + std::to_string(i) + "@example.net";
      job.recipients.push_back(std::move(recipient));
    }
    Ref<Body> body(new Body(nullptr));
    body->Append(text);
    job.content = body;
    return job;
  }

  engine::Delivery& Start(engine::Job job) {
    delivery = std::make_unique<engine::Delivery>(*shared_, owner, path);
    delivery->Start(std::move(job));
    return *delivery;
  }
  // Runs to the end, time included, and gives the log in one line.
  std::string Finish(engine::Job job) {
    Start(std::move(job));
    loop.Advance(std::chrono::minutes(50));
    return Log();
  }
  std::string Log() {
    std::string out;
    for (const std::string& line : owner.log) out += (out.empty() ? "" : "; ") + line;
    owner.log.clear();
    return out;
  }

  FakeLoop loop;
  FakeNet net;
  FakeRouter router;
  FakeOwner owner;
  FakePolicies policies;
  engine::HostMemory memory;
  engine::DeliveryPath path;
  std::unique_ptr<engine::Delivery> delivery;

 private:
  Random random_;
  BodyBudget bodies_;
  config::Config* config_;
  engine::ReplyRules rules_;
  std::unique_ptr<engine::ShardContext> shard_;
  std::unique_ptr<engine::DeliveryShared> shared_;
};

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_ENGINE_DELIVERY_WORLD_H_
