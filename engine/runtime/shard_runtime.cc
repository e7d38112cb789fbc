#include "engine/runtime/shard_runtime.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/check.h"
#include "engine/log/log.h"
#include "engine/submission/listener_tls.h"

namespace sluice::engine {

namespace {

constexpr std::string_view kStays =
    "changed certificates are not used, those in force stay and the files are tried every minute: ";

}  // namespace

Result<MadeTlsContexts> MakeTlsContexts(io::Net& net, const config::Config& config,
                                        const TlsContexts& before, const TlsContexts& kept) {
  CHECK(before.empty() || before.size() == config.listeners.size());
  CHECK(kept.empty() || kept.size() == config.listeners.size());
  TlsContexts contexts;
  contexts.reserve(config.listeners.size());
  std::set<std::string> failures;  // listeners may share files
  std::set<std::string> warnings;
  for (const config::Listener& listener : config.listeners) {
    auto& context = contexts.emplace_back();
    if (listener.tls == config::TlsMode::kNone) continue;
    if (!kept.empty() && kept[contexts.size() - 1] != nullptr) {
      context = kept[contexts.size() - 1];
      continue;
    }
    io::TlsServerSettings settings = TlsSettingsOf(listener);
    if (!before.empty()) settings.before = before[contexts.size() - 1];
    auto made = net.MakeTlsServerOf(settings);
    if (!made && settings.before == nullptr) return std::unexpected(made.error());
    if (!made) {
      failures.insert(made.error().what);
      context = settings.before;
      continue;
    }
    context = std::move(made->context);
    failures.insert(made->failures.begin(), made->failures.end());
    warnings.insert(made->warnings.begin(), made->warnings.end());
  }
  for (const std::string& text : failures) LogError("tls", std::string(kStays) + text);
  for (const std::string& text : warnings) LogWarn("tls", text);
  return MadeTlsContexts{std::move(contexts), !failures.empty()};
}

Result<TlsClients> MakeTlsClients(io::Net& net, const config::Config& config, uint32_t count) {
  const config::Tls& tls = config.tls;
  const io::TlsClientSettings settings{.min_version = tls.min_version == config::Tls::Version::k13
                                                          ? io::TlsVersion::k13
                                                          : io::TlsVersion::k12,
                                       .ca_file = tls.ca_file,
                                       .cert_file = tls.cert,
                                       .key_file = tls.key};
  TlsClients clients;
  for (uint32_t i = 0; i < count; ++i) {
    auto client = net.MakeVerifyingTlsClient(settings);
    if (!client) return std::unexpected(client.error());
    clients.push_back(std::move(*client));
  }
  return clients;
}

Mailboxes MakeMailboxes(uint32_t shards) {
  Mailboxes out;
  for (uint32_t i = 0; i < shards; ++i) out.push_back(std::make_unique<Mailbox>());
  return out;
}

std::vector<Mailbox*> Pointers(const Mailboxes& mailboxes) {
  std::vector<Mailbox*> out;
  for (const auto& mailbox : mailboxes) out.push_back(mailbox.get());
  return out;
}

Result<std::unique_ptr<ShardRuntime>> ShardRuntime::Make(uint32_t index, const Settings& settings,
                                                         const ShardCommon& common,
                                                         BodyBudget& bodies, SignerPool& signers,
                                                         uint64_t seed) {
  const auto& config = settings.config;
  std::unique_ptr<ShardRuntime> self(
      new ShardRuntime(index, seed, signers, *common.mailboxes[index]));
  io::UvLoop& loop = self->loop_;
  auto transport = dns::MakeCaresTransport({.servers = config->dns.servers}, loop.watcher(),
                                           loop.timers(), loop.clock());
  if (!transport) return std::unexpected(transport.error());
  self->transport_ = std::move(*transport);
  auto tls = MakeTlsClients(loop.net(), *config, 1);
  if (!tls) return std::unexpected(tls.error());
  ShardContext context{index,  loop.clock(), loop.timers(), loop.net(),       self->random_,
                       bodies, config,       tls->front(),  settings.keyring, &self->signing_};
  context.tokens = settings.tokens;
  self->shard_ = std::make_unique<Shard>(std::move(context), common, *self->transport_);
  common.mailboxes[index]->SetWake([&loop] { loop.Wake(); });
  loop.SetOnWake([runtime = self.get()] { runtime->shard_->OnWake(); });
  loop.SetBeforePoll([runtime = self.get()] { runtime->BeforePoll(); });
  return self;
}

void ShardRuntime::BeforePoll() {
  shard_->BeforePoll();
  uint32_t open = 0;
  for (const auto& listener : listeners_) open += uint32_t(listener->sessions());
  connections_.store(open, std::memory_order_relaxed);
}

ShardRuntime::~ShardRuntime() = default;

Status ShardRuntime::Open(Authenticator& authenticator, ConnectionGate& gate, Workers& disk,
                          const TlsContexts& tls, std::span<ShardRuntime* const> peers) {
  peers_.assign(peers.begin(), peers.end());
  const config::Config& config = *shard_->context().config;
  CHECK(tls.size() == config.listeners.size());
  spools_.emplace(*shard_, disk);
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const config::Listener& settings = config.listeners[i];
    const SubmissionParts parts{shard_->context(), *shard_, authenticator, gate, *spools_};
    listeners_.push_back(std::make_unique<SubmissionListener>(parts, settings, tls[i]));
    for (const Endpoint& at : settings.bind)
      if (Status status = Listen(i, at); !status) return status;
  }
  return {};
}

Status ShardRuntime::Listen(size_t listener, const Endpoint& at) {
  auto socket = loop_.net().ListenFd(at, [this, listener](int fd) { TakeSocket(listener, fd); });
  if (!socket) return std::unexpected(socket.error());
  sockets_.push_back(std::move(*socket));
  return {};
}

// The kernel spreads connections over the shards' sockets blindly; two more than another shard has
// is worth the hand-over.
void ShardRuntime::TakeSocket(size_t listener, int fd) {
  ShardRuntime* fewest = this;
  uint32_t least = connections_.load(std::memory_order_relaxed);
  for (ShardRuntime* peer : peers_) {
    const uint32_t open = peer->connections_.load(std::memory_order_relaxed);
    if (open + 1 < least) {
      fewest = peer;
      least = open;
    }
  }
  if (fewest == this) return Adopt(listener, fd);
  fewest->connections_.fetch_add(1, std::memory_order_relaxed);
  shard_->out().Send(fewest->index_, [fewest, listener, fd] { fewest->Adopt(listener, fd); });
}

void ShardRuntime::Adopt(size_t listener, int fd) {
  connections_.fetch_add(1, std::memory_order_relaxed);
  loop_.net().Adopt(
      fd, [this, listener](io::Stream* stream) { return listeners_[listener]->Accept(stream); });
}

void ShardRuntime::Reload(const Settings& settings, const TlsContexts& tls,
                          std::shared_ptr<io::TlsClientContext> tls_client) {
  const config::Config& config = *settings.config;
  CHECK(config.listeners.size() == listeners_.size());  // ForOpenPorts
  if (!tls_client) tls_client = shard_->context().tls_client;
  shard_->Reload(settings.config, std::move(tls_client), settings.keyring, settings.tokens,
                 settings.rules);
  for (size_t i = 0; i < listeners_.size(); ++i) listeners_[i]->Reload(config.listeners[i], tls[i]);
}

void ShardRuntime::StopAccepting() { sockets_.clear(); }

void ShardRuntime::Stop() {
  for (const auto& listener : listeners_) listener->Stop();
  shard_->Stop();
}

void ShardRuntime::Abort() {
  for (const auto& listener : listeners_) listener->Abort();
  shard_->Abort();
}

bool ShardRuntime::Stopped() const {
  for (const auto& listener : listeners_)
    if (listener->sessions() > 0) return false;
  return shard_->Stopped();
}

}  // namespace sluice::engine
