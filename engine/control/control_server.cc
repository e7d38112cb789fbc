#include "engine/control/control_server.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

// Null: it is no request.
std::shared_ptr<Json> ParseRequest(const std::string& line) {
  auto json = std::make_shared<Json>(Json::parse(line, nullptr, false));
  const bool request =
      json->is_object() && json->contains("command") && (*json)["command"].is_string();
  return request ? json : nullptr;
}

}  // namespace

SocketRules SocketRules::ForEverybody(const std::string& path, uint64_t message_max) {
  // Base64, and as much envelope as the largest message has.
  constexpr size_t kEnvelopeMax = size_t(4) << 20;
  return {.path = path,
          .mode = 0666,
          .request_max = size_t(message_max) / 3 * 4 + kEnvelopeMax,
          .connections_max = 512,
          .connections_per_uid = 128,
          .at_once = 8,
          .at_once_per_uid = 2,
          .one_request = true};
}

class ControlServer::Session final : public io::StreamEvents {
 public:
  Session(ControlServer& server, io::Stream* stream, std::optional<uid_t> uid)
      : server_(server), stream_(stream), uid_(uid), idle_(server.timers_, [this] { OnIdle(); }) {
    idle_.Set(server_.clock_.Now() + kIdleMax);
  }

  void SetHandle(sluice::Handle<Session> self) { self_ = self; }
  std::optional<uid_t> uid() const { return uid_; }
  bool has_turn() const { return turn_; }
  bool waits() const { return !turn_ && !eof_; }

  void TakeTurn() {
    turn_ = true;
    idle_.Set(server_.clock_.Now() + kIdleMax);
    stream_->ResumeReading();
  }
  void WaitForTurn() {
    turn_ = false;
    stream_->PauseReading();
  }

  void OnRead(std::string_view bytes) override {
    in_.append(bytes);
    if (in_.size() > server_.rules_.request_max)
      return Refuse(ControlError("the request is too long"));
    Next();
  }
  void OnWritable() override {
    Flush();
    Next();
  }
  void OnEof() override {
    eof_ = true;
    Flush();
  }
  void OnClosed(const io::CloseInfo&) override {
    ControlServer& server = server_;
    server.sessions_->Erase(self_);  // the end of this object
    server.NextTurns();
  }

  void Respond(const std::string& response) {
    CHECK(busy_);
    busy_ = false;
    idle_.Set(server_.clock_.Now() + kIdleMax);
    out_ += response + "\n";
    if (server_.rules_.one_request) GiveUpTurn();
    Flush();
    Next();
    if (!turn_) server_.NextTurns();
  }

  // The last word.
  void Refuse(const std::string& response) {
    in_.clear();
    stream_->PauseReading();
    out_ += response + "\n";
    idle_.Set(server_.clock_.Now() + kIdleMax);
    GiveUpTurn();
    Flush();
  }

 private:
  // One request after the other, each once the response before it has left. A loop, not a
  // recursion: a handler may answer inside its call, and a peer may send any number of lines at
  // once.
  void Next() {
    if (in_next_) return;
    in_next_ = true;
    while (!busy_ && !closed_ && out_.empty()) {
      const size_t end = in_.find('\n', looked_);
      if (end == std::string::npos) {
        looked_ = in_.size();
        break;
      }
      std::string line = TakeLine(end);
      busy_ = true;
      idle_.Cancel();
      server_.Dispatch(self_, std::move(line));
    }
    in_next_ = false;
  }

  // Without a copy where nothing follows: it may be as large as a message.
  std::string TakeLine(size_t end) {
    looked_ = 0;
    std::string rest = in_.substr(end + 1);
    std::string line = std::exchange(in_, std::move(rest));
    line.resize(end);
    return line;
  }

  void Flush() {
    if (!out_.empty()) out_.erase(0, stream_->Write(out_));
    if (out_.empty() && eof_ && !busy_ && !closed_) {
      closed_ = true;
      stream_->Close();
    }
  }

  // Nothing more is heard from it.
  void GiveUpTurn() {
    turn_ = false;
    eof_ = true;
  }

  void OnIdle() {
    if (!waits()) return stream_->Abort();
    Refuse(ControlBusy("too much mail is being handed in, try again later"));
  }

  ControlServer& server_;
  io::Stream* const stream_;
  sluice::Handle<Session> self_;
  const std::optional<uid_t> uid_;
  Timer idle_;
  std::string in_;
  size_t looked_ = 0;  // octets of in_ that hold no line end
  std::string out_;
  bool in_next_ = false;
  bool turn_ = true;   // it is read; else it waits
  bool busy_ = false;  // a request is with its handler
  bool closed_ = false;
  bool eof_ = false;
};

Result<std::unique_ptr<ControlServer>> ControlServer::Open(io::UvNet& net, TimerQueue& timers,
                                                           const Clock& clock, Workers& worker,
                                                           SocketRules rules) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(rules.path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error)
    return Fail(ErrorCode::kIo,
                "cannot make the folder of the socket " + rules.path + ": " + error.message());
  std::unique_ptr<ControlServer> self(
      new ControlServer(net, timers, clock, worker, std::move(rules)));
  auto listener =
      net.ListenUnix(self->rules_.path, self->rules_.mode,
                     [server = self.get()](io::Stream* stream) { return server->Accept(stream); });
  if (!listener) return std::unexpected(listener.error());
  self->listener_ = std::move(*listener);
  return self;
}

ControlServer::ControlServer(io::UvNet& net, TimerQueue& timers, const Clock& clock,
                             Workers& worker, SocketRules rules)
    : net_(net),
      timers_(timers),
      clock_(clock),
      worker_(worker),
      rules_(std::move(rules)),
      sessions_(std::make_unique<Slab<Session>>()) {}

ControlServer::~ControlServer() = default;

void ControlServer::On(const std::string& command, ControlHandler handler) {
  CHECK(handlers_.emplace(command, std::move(handler)).second);
}

io::StreamEvents* ControlServer::Accept(io::Stream* stream) {
  // Those over a limit are told so; a flood beyond that is not worth a word.
  constexpr size_t kToldAtOnce = 64;
  if (sessions_->size() >= rules_.connections_max + kToldAtOnce) return nullptr;
  const std::optional<uid_t> uid = net_.PeerUid(stream);
  size_t of_uid = 0;
  sessions_->ForEach([&](auto, const Session& other) { of_uid += other.uid() == uid ? 1 : 0; });
  const bool full =
      sessions_->size() >= rules_.connections_max || of_uid >= rules_.connections_per_uid;
  Turns turns = TurnsTaken();
  const bool room = HasRoom(turns, uid);
  const auto handle = sessions_->Emplace(*this, stream, uid);
  Session* session = sessions_->Get(handle);
  session->SetHandle(handle);
  if (full) {
    session->Refuse(ControlBusy("too many connections to this socket, try again later"));
  } else if (!room) {
    session->WaitForTurn();
    waiting_.push_back(handle);
  }
  return session;
}

ControlServer::Turns ControlServer::TurnsTaken() const {
  Turns turns;
  sessions_->ForEach([&](auto, const Session& session) {
    if (!session.has_turn()) return;
    ++turns.all;
    ++turns.by_uid[session.uid()];
  });
  return turns;
}

bool ControlServer::HasRoom(Turns& turns, std::optional<uid_t> uid) const {
  return turns.all < rules_.at_once && turns.by_uid[uid] < rules_.at_once_per_uid;
}

void ControlServer::NextTurns() {
  if (waiting_.empty()) return;
  Turns turns = TurnsTaken();
  for (auto next = waiting_.begin(); next != waiting_.end() && turns.all < rules_.at_once;) {
    Session* session = sessions_->Get(*next);
    const bool waits = session != nullptr && session->waits();
    if (waits && !HasRoom(turns, session->uid())) {
      ++next;
      continue;
    }
    next = waiting_.erase(next);
    if (!waits) continue;
    ++turns.all;
    ++turns.by_uid[session->uid()];
    session->TakeTurn();
  }
}

void ControlServer::Dispatch(sluice::Handle<Session> handle, std::string line) {
  if (line.size() <= kParsedHere) return Serve(handle, ParseRequest(line));
  const auto json = std::make_shared<std::shared_ptr<Json>>();
  worker_.Run(
      [json, line = std::move(line)]() mutable {
        *json = ParseRequest(line);
        std::string().swap(line);  // its memory is free before the request is worked on
      },
      [this, handle, json] { Serve(handle, std::move(*json)); });
}

void ControlServer::Serve(sluice::Handle<Session> handle, std::shared_ptr<Json> json) {
  Session* session = sessions_->Get(handle);
  if (session == nullptr) return;
  if (json == nullptr)
    return session->Respond(ControlError("a request is an object with a \"command\""));
  const ControlRequest request{(*json)["command"], std::move(json), session->uid()};
  const auto handler = handlers_.find(request.command);
  if (handler == handlers_.end())
    return session->Respond(ControlError("unknown command \"" + request.command + "\""));
  handler->second(request, [this, handle](const std::string& response) {
    if (Session* still = sessions_->Get(handle)) still->Respond(response);
  });
}

}  // namespace sluice::engine
