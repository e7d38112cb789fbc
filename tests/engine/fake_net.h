// A network of scripted SMTP hosts in virtual time, for tests of Delivery.
//
// FakeLoop runs what is posted and lets time pass; FakeHost says how a host behaves; FakeNet
// connects to hosts by endpoint. No callback runs inside a call, as net.h demands.

#ifndef SLUICE_TESTS_ENGINE_FAKE_NET_H_
#define SLUICE_TESTS_ENGINE_FAKE_NET_H_

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/timer_queue.h"
#include "engine/io/net.h"

namespace sluice::testing {

class FakeLoop final : public Clock {
 public:
  Instant Now() const override { return now_; }
  WallTime Wall() const override { return WallTime(now_.time_since_epoch()); }

  void Post(std::function<void()> task) { tasks_.push_back(std::move(task)); }

  // Everything that can happen without time passing.
  void Run() {
    for (int turns = 0; turns < 10'000; ++turns) {
      if (!tasks_.empty()) {
        const std::function<void()> task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
      } else if (timers.next() <= now_) {
        timers.Run(now_);
      } else {
        return;
      }
    }
    CHECK(false);  // never comes to rest
  }

  void Advance(Duration time) {
    const Instant until = now_ + time;
    Run();
    while (timers.next() <= until) {
      now_ = timers.next();
      Run();
    }
    now_ = until;
  }

  TimerQueue timers;

 private:
  Instant now_{std::chrono::hours(1)};
  std::deque<std::function<void()>> tasks_;
};

struct FakeHost {
  enum class Connect : uint8_t { kAccept, kRefuse, kSilent } connect = Connect::kAccept;
  enum class Tls : uint8_t { kGood, kBroken, kStalls } tls = Tls::kGood;
  std::string greeting = "220 mx ESMTP\r\n";
  std::string extensions = "PIPELINING,8BITMIME,SIZE,DSN,CHUNKING";
  // By verb ("MAIL", "RCPT", ".", "BDAT", ...): replies to give, first to last, before the usual
  // ones. "drop" closes instead, "silence" says nothing.
  std::map<std::string, std::deque<std::string>> replies;
  size_t room = SIZE_MAX;  // octets that one Write takes
  bool closes_after_quit = true;
  // Its certificate: names that a known CA vouches for, and the data of a TLSA record that matches.
  std::vector<std::string> certified;
  std::string tlsa;
  std::string trouble = "certificate has expired";  // why a check fails
  io::TlsFault fault = io::TlsFault::kExpired;

  // What happened.
  int connections = 0;
  int writes = 0;
  std::vector<std::string> commands;
  std::vector<std::string> messages;      // accepted ones, as sent
  std::vector<std::string> server_names;  // SNI of each handshake
};

class FakeStream final : public io::Stream {
 public:
  FakeStream(FakeLoop& loop, FakeHost& host, const io::ConnectParams& params,
             io::StreamEvents* events)
      : loop_(loop), host_(host), params_(params), events_(events) {}

  void Begin() {
    if (host_.connect == FakeHost::Connect::kSilent) return;
    if (host_.connect == FakeHost::Connect::kRefuse)
      return PostClosed(io::CloseReason::kRefused, "connection refused");
    ++host_.connections;
    Post([this] { events_->OnConnected(); });
    Say(Scripted("greeting", host_.greeting));
  }

  size_t Write(std::span<const std::string_view> slices) override {
    CHECK(!closing_);
    ++host_.writes;
    size_t taken = 0;
    for (const std::string_view slice : slices) {
      const size_t n = std::min(slice.size(), host_.room - taken);
      input_.append(slice.substr(0, n));
      taken += n;
      if (n < slice.size()) {
        Post([this] { events_->OnWritable(); });
        break;
      }
    }
    Post([this] { Serve(); });
    return taken;
  }
  void StartTlsServer(std::shared_ptr<io::TlsServerContext>, std::string_view) override {
    CHECK(false);
  }
  void StartTlsClient(const io::TlsClientParams& params) override {
    host_.server_names.push_back(params.server_name);
    if (host_.tls == FakeHost::Tls::kBroken)
      PostClosed(io::CloseReason::kTlsFailed, "handshake failure");
    if (host_.tls != FakeHost::Tls::kGood) return;
    io::TlsInfo info{"TLSv1.3", "TLS_AES_256_GCM_SHA384", false, Prove(params)};
    if (params.verify != io::TlsVerify::kNone && info.proof == io::TlsProof::kNone) {
      if (!params.note_only)
        return PostClosed(io::CloseReason::kTlsFailed, host_.trouble, host_.fault);
      info.problem = host_.trouble;
      info.fault = host_.fault;
    }
    Post([this, info] { events_->OnTlsReady(info); });
  }
  void PauseReading() override {}
  void ResumeReading() override {}
  void Close() override { PostClosed(io::CloseReason::kLocal, ""); }
  void Abort() override { PostClosed(io::CloseReason::kLocal, ""); }
  Endpoint local() const override { return *Endpoint::Parse("198.51.100.9:40000"); }
  Endpoint peer() const override { return params_.to; }

  // The server ends the connection.
  void Drop() {
    if (closing_) return;
    Post([this] { events_->OnEof(); });
    PostClosed(io::CloseReason::kPeerClosed, "closed by peer");
  }
  void Say(const std::string& reply) {
    if (reply == "drop") return Drop();
    if (reply == "silence") return;
    Post([this, reply] { events_->OnRead(reply); });
  }
  bool gone() const { return gone_; }

 private:
  io::TlsProof Prove(const io::TlsClientParams& params) const {
    const bool named = std::ranges::any_of(params.names, [this](const std::string& name) {
      return std::ranges::find(host_.certified, name) != host_.certified.end();
    });
    if (params.verify == io::TlsVerify::kPkix && named) return io::TlsProof::kPkix;
    if (params.verify != io::TlsVerify::kDane) return io::TlsProof::kNone;
    for (const io::TlsaRecord& record : params.tlsa) {
      if (record.data != host_.tlsa) continue;
      if (record.usage == 3) return io::TlsProof::kDaneEe;
      if (named) return io::TlsProof::kDaneTa;
    }
    return io::TlsProof::kNone;
  }

  // The line of `input_` up to CR LF; false when there is none yet.
  bool TakeLine(std::string& line) {
    const size_t end = input_.find("\r\n");
    if (end == std::string::npos) return false;
    line = input_.substr(0, end);
    input_.erase(0, end + 2);
    return true;
  }

  void Serve() {
    std::string line;
    while (!closing_) {
      if (in_data_) {
        const size_t end = input_.starts_with(".\r\n") ? 0 : input_.find("\r\n.\r\n", searched_);
        searched_ = std::max<size_t>(input_.size(), 4) - 4;
        if (end == std::string::npos) return;
        searched_ = 0;
        const size_t content = end == 0 ? 0 : end + 2;
        in_data_ = false;
        EndMessage(".", input_.substr(0, content));
        input_.erase(0, content + 3);
      } else if (chunk_ > 0) {
        if (input_.size() < chunk_) return;
        const std::string content = input_.substr(0, chunk_);
        input_.erase(0, chunk_);
        chunk_ = 0;
        EndMessage("BDAT", content);
      } else if (TakeLine(line)) {
        Command(line);
      } else {
        return;
      }
    }
  }

  void EndMessage(const std::string& verb, const std::string& content) {
    const std::string reply = Scripted(verb, accepted_ > 0 ? "250 2.0.0 ok\r\n" : "554 none\r\n");
    if (reply.starts_with("250") && accepted_ > 0) host_.messages.push_back(content);
    accepted_ = 0;
    Say(reply);
  }

  void Command(const std::string& line) {
    host_.commands.push_back(line);
    const std::string verb = line.substr(0, line.find(' '));
    if (verb == "EHLO") return Say(Scripted(verb, Ehlo()));
    if (verb == "STARTTLS") return Say(Scripted(verb, "220 go\r\n"));
    if (verb == "BDAT") {
      chunk_ = size_t(std::stoul(line.substr(5)));
      return;
    }
    if (verb == "DATA") {
      const std::string reply = Scripted(verb, accepted_ > 0 ? "354 go\r\n" : "554 none\r\n");
      in_data_ = reply.starts_with("354");
      return Say(reply);
    }
    if (verb == "QUIT") {
      Say(Scripted(verb, "221 bye\r\n"));
      if (host_.closes_after_quit) Drop();
      return;
    }
    const std::string reply = Scripted(verb, "250 2.1.0 ok\r\n");
    if (verb == "RCPT" && reply.starts_with("25")) ++accepted_;
    Say(reply);
  }

  std::string Ehlo() const {
    std::string reply = "250-mx\r\n";
    std::string_view rest = host_.extensions;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(','), rest.size());
      reply += "250-" + std::string(rest.substr(0, end)) + "\r\n";
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return reply + "250 HELP\r\n";
  }

  std::string Scripted(const std::string& verb, std::string usual) {
    std::deque<std::string>& script = host_.replies[verb];
    if (script.empty()) return usual;
    std::string reply = script.front();
    script.pop_front();
    if (reply != "drop" && reply != "silence" && !reply.empty()) reply += "\r\n";
    return reply.empty() ? usual : reply;
  }

  void Post(std::function<void()> task) {
    loop_.Post([this, task = std::move(task)] {
      if (!gone_) task();
    });
  }
  void PostClosed(io::CloseReason reason, std::string detail,
                  io::TlsFault fault = io::TlsFault::kNone) {
    if (closing_) return;
    closing_ = true;
    Post([this, reason, detail, fault] {
      gone_ = true;
      events_->OnClosed({reason, detail, fault});
    });
  }

  FakeLoop& loop_;
  FakeHost& host_;
  const io::ConnectParams params_;
  io::StreamEvents* const events_;
  std::string input_;
  int accepted_ = 0;
  bool in_data_ = false;
  size_t searched_ = 0;  // of input_ in vain
  size_t chunk_ = 0;
  bool closing_ = false;
  bool gone_ = false;
};

class FakeNet final : public io::Net {
 public:
  explicit FakeNet(FakeLoop& loop) : loop_(loop) {}

  FakeHost& At(std::string_view endpoint) { return hosts_[*Endpoint::Parse(endpoint)]; }

  io::Stream* Connect(const io::ConnectParams& params, io::StreamEvents* events) override {
    attempts.push_back(params.to.ToString());
    streams_.push_back(std::make_unique<FakeStream>(loop_, hosts_[params.to], params, events));
    streams_.back()->Begin();
    return streams_.back().get();
  }
  Result<std::unique_ptr<io::Listener>> Listen(const Endpoint&, AcceptFn) override {
    return Fail(ErrorCode::kInvalid, "no listening here");
  }
  Result<std::shared_ptr<io::TlsServerContext>> MakeTlsServer(const std::string&,
                                                              const std::string&) override {
    return Fail(ErrorCode::kInvalid, "no listening here");
  }
  std::shared_ptr<io::TlsClientContext> MakeTlsClient() override {
    // Opaque: only its being there counts. The aliasing constructor owns nothing.
    return {std::shared_ptr<void>(), reinterpret_cast<io::TlsClientContext*>(this)};
  }

  // The newest connection.
  FakeStream& last() { return *streams_.back(); }
  bool all_gone() const {
    return std::all_of(streams_.begin(), streams_.end(), [](const auto& s) { return s->gone(); });
  }

  std::vector<std::string> attempts;

 private:
  FakeLoop& loop_;
  std::map<Endpoint, FakeHost> hosts_;
  std::vector<std::unique_ptr<FakeStream>> streams_;
};

}  // namespace sluice::testing

#endif  // SLUICE_TESTS_ENGINE_FAKE_NET_H_
