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

// Replaces what is not UTF-8, so that a hostile name cannot stop an answer.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string RequestText(const ControlRequest& request, const char* key) {
  const Json json = Json::parse(request.json, nullptr, false);
  if (!json.is_object()) return {};
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string ControlError(const std::string& what) {
  return Dump(Json{{"ok", false}, {"error", what}});
}

class ControlServer::Session final : public io::StreamEvents {
 public:
  Session(ControlServer& server, io::Stream* stream)
      : server_(server), stream_(stream), idle_(server.timers_, [this] { stream_->Abort(); }) {
    idle_.Set(server_.clock_.Now() + kIdleMax);
  }

  void SetHandle(sluice::Handle<Session> self) { self_ = self; }
  void SetUid(std::optional<uid_t> uid) { uid_ = uid; }
  std::optional<uid_t> uid() const { return uid_; }

  void OnRead(std::string_view bytes) override {
    in_.append(bytes);
    if (in_.size() > kRequestMax) return Refuse("the request is too long");
    Next();
  }
  void OnWritable() override {
    Flush();
    Next();
  }
  void OnEof() override {
    if (!busy_ && out_.empty()) stream_->Close();
    eof_ = true;
  }
  void OnClosed(const io::CloseInfo&) override { server_.sessions_->Erase(self_); }

  void Respond(const std::string& response) {
    CHECK(busy_);
    busy_ = false;
    idle_.Set(server_.clock_.Now() + kIdleMax);
    out_ += response + "\n";
    Flush();
    Next();
  }

  void Refuse(const std::string& why) {
    in_.clear();
    stream_->PauseReading();
    out_ += ControlError(why) + "\n";
    eof_ = true;
    Flush();
  }

 private:
  // One request after the other, each once the response before it has left. A loop, not a
  // recursion: a handler may answer inside its call, and a peer may send any number of lines at
  // once.
  void Next() {
    if (in_next_) return;
    in_next_ = true;
    while (!busy_ && out_.empty()) {
      const size_t end = in_.find('\n', looked_);
      if (end == std::string::npos) {
        looked_ = in_.size();
        break;
      }
      std::string line = in_.substr(0, end);
      in_.erase(0, end + 1);
      looked_ = 0;
      busy_ = true;
      idle_.Cancel();
      server_.Dispatch(*this, self_, std::move(line));
    }
    in_next_ = false;
  }

  void Flush() {
    if (!out_.empty()) out_.erase(0, stream_->Write(out_));
    if (out_.empty() && eof_ && !busy_) stream_->Close();
  }

  ControlServer& server_;
  io::Stream* const stream_;
  sluice::Handle<Session> self_;
  std::optional<uid_t> uid_;
  Timer idle_;
  std::string in_;
  size_t looked_ = 0;  // octets of in_ that hold no line end
  std::string out_;
  bool in_next_ = false;
  bool busy_ = false;  // a request is with its handler
  bool eof_ = false;
};

Result<std::unique_ptr<ControlServer>> ControlServer::Open(io::UvNet& net, TimerQueue& timers,
                                                           const Clock& clock,
                                                           const std::string& path) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (error)
    return Fail(ErrorCode::kIo,
                "cannot make the folder of the control socket " + path + ": " + error.message());
  std::unique_ptr<ControlServer> self(new ControlServer(net, timers, clock));
  auto listener = net.ListenUnix(
      path, 0600, [server = self.get()](io::Stream* stream) { return server->Accept(stream); });
  if (!listener) return std::unexpected(listener.error());
  self->listener_ = std::move(*listener);
  return self;
}

ControlServer::ControlServer(io::UvNet& net, TimerQueue& timers, const Clock& clock)
    : net_(net), timers_(timers), clock_(clock), sessions_(std::make_unique<Slab<Session>>()) {}

ControlServer::~ControlServer() = default;

void ControlServer::On(const std::string& command, ControlHandler handler) {
  CHECK(handlers_.emplace(command, std::move(handler)).second);
}

io::StreamEvents* ControlServer::Accept(io::Stream* stream) {
  if (sessions_->size() >= kConnectionsMax) return nullptr;
  const auto handle = sessions_->Emplace(*this, stream);
  Session* session = sessions_->Get(handle);
  session->SetHandle(handle);
  session->SetUid(net_.PeerUid(stream));
  return session;
}

void ControlServer::Dispatch(Session& session, sluice::Handle<Session> handle, std::string line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("command") || !json["command"].is_string())
    return session.Respond(ControlError("a request is an object with a \"command\""));
  ControlRequest request{json["command"], std::move(line), session.uid()};
  const auto handler = handlers_.find(request.command);
  if (handler == handlers_.end())
    return session.Respond(ControlError("unknown command \"" + request.command + "\""));
  handler->second(request, [this, handle](const std::string& response) {
    if (Session* still = sessions_->Get(handle)) still->Respond(response);
  });
}

}  // namespace sluice::engine
