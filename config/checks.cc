#include "config/checks.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "config/certificate_checks.h"
#include "config/check_tools.h"
#include "config/domain_checks.h"
#include "config/path_checks.h"
#include "config/source_checks.h"
#include "config/syntax.h"
#include "config/tls_report_checks.h"
#include "config/units.h"
#include "engine/base/saslprep.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

// One round of checks over one configuration.
class Checker : private CheckTools {
 public:
  using CheckTools::CheckTools;

  void Run() {
    Sockets();
    Listeners();
    Users();
    Routes();
    ReceiverTls();
    Times();
  }

 private:
  void Sockets() {
    if (config_.submission.local_socket != config_.control.socket) return;
    const Member* section = root_.Find("submission");
    const Member* key = section == nullptr ? nullptr : section->value.Find("local_socket");
    reader_.Fail(key == nullptr ? Position{1, 1} : key->value.at, "submission.local_socket",
                 "is the control socket: who may hand in mail must not control the engine");
  }

  void Listeners() {
    if (root_.Find("listener") == nullptr || config_.listeners.empty())
      reader_.Fail({1, 1}, "listener", "there is none: add a [[listener]], or nobody can connect");
    std::map<Endpoint, size_t> seen;
    bool anyone_submits = false;
    for (size_t i = 0; i < config_.listeners.size(); ++i) {
      const Listener& listener = config_.listeners[i];
      for (const Endpoint& at : listener.bind)
        if (at.port != 0 && !seen.try_emplace(at, i).second)
          Fail("listener", i, "bind", Quote(at.ToString()) + " is bound twice");
      ListenerTls(i, listener);
      Trusted(i, listener);
      anyone_submits |= listener.role == Role::kSubmission && !listener.trusted.empty();
      if (listener.role != Role::kInbound) continue;
      Warn("listener", i, "role",
           "\"inbound\" refuses every recipient in this version: returning mail is not read yet");
      if (config_.inbound.forward.empty())
        Warn("listener", i, "role",
             "mail to postmaster and abuse has nowhere to go: set [inbound] forward");
    }
    if (!config_.listeners.empty() && !anyone_submits && config_.users.empty())
      reader_.Warn(PositionOf("listener", 0, "bind"), "listener[0]",
                   "nobody can submit mail: there is no [[user]], and no listener has `trusted`");
  }

  // Whoever is trusted relays without a login: an open relay is listed within hours.
  void Trusted(size_t i, const Listener& listener) {
    constexpr int kV4Bits = 96;  // of the 128-bit form
    for (const IpNetwork& network : listener.trusted) {
      const bool is_v4 = network.address.is_v4();
      const int prefix = network.prefix - (is_v4 ? kV4Bits : 0);
      const std::string text = Quote(network.address.ToString() + "/" + std::to_string(prefix));
      if (prefix < (is_v4 ? 8 : 16))
        Fail("listener", i, "trusted",
             text + " lets half the internet relay without a login: name your own networks");
      else if (!network.address.IsSpecial())
        Warn("listener", i, "trusted",
             text + " is a public network: whoever has an address there relays without a login");
    }
  }

  // False when `tls` says something else than what was read: told already.
  bool TlsUnderstood(size_t i) const {
    const Value* element = ElementOf("listener", i);
    const Member* tls = element == nullptr ? nullptr : element->Find("tls");
    return tls == nullptr || tls->value.text == "starttls" || tls->value.text == "implicit";
  }

  void ListenerTls(size_t i, const Listener& listener) {
    if (listener.tls == TlsMode::kNone) {
      const bool loopback = std::ranges::all_of(
          listener.bind, [](const Endpoint& at) { return at.address.IsLoopback(); });
      if (!loopback)
        Fail("listener", i, "tls",
             "\"none\" is for loopback addresses only: use \"starttls\" with cert and key");
      return;
    }
    if (!TlsUnderstood(i)) return;
    for (const auto& [key, file] :
         {std::pair<std::string_view, const std::string&>("cert", listener.cert),
          std::pair<std::string_view, const std::string&>("key", listener.key)}) {
      if (!Written("listener", i, key))
        Fail("listener", i, key,
             "is missing: TLS needs cert and key (\"none\" is possible on loopback only)");
      else if (file.empty())
        continue;  // told already
      else if (key == "key")
        SecretFile("listener", i, key, file);
      else
        NeedsFile("listener", i, key, file);
    }
  }

  void Users() {
    Unique("user", "name", config_.users, &User::name);
    LoginNames();
    std::map<uint32_t, size_t> seen;
    for (size_t i = 0; i < config_.users.size(); ++i) {
      for (const LocalUser& local : config_.users[i].local_users) {
        if (!local.uid) {
          Fail("user", i, "local_users", "this machine has no user " + Quote(local.name));
          continue;
        }
        const auto [first, is_new] = seen.try_emplace(*local.uid, i);
        if (!is_new)
          Fail("user", i, "local_users",
               Quote(local.name) + " belongs to " + Quote(config_.users[first->second].name) +
                   " already: its mail can be one user's only");
      }
    }
  }

  // As clients send them: two spellings of one name would be one user.
  void LoginNames() {
    std::map<std::string, size_t> seen;
    for (size_t i = 0; i < config_.users.size(); ++i) {
      const std::string& name = config_.users[i].name;
      if (name.empty()) continue;  // told already
      const auto prepared = SaslPrep(name, SaslUse::kStored);
      if (!prepared) {
        Fail("user", i, "name", Quote(name) + " " + prepared.error().what);
        continue;
      }
      const auto [first, is_new] = seen.try_emplace(*prepared, i);
      if (is_new || config_.users[first->second].name == name) continue;
      Fail("user", i, "name",
           Quote(name) + " is the same as " + Quote(config_.users[first->second].name) +
               " in line " + std::to_string(PositionOf("user", first->second, "name").line) +
               " to a client that logs in (RFC 4013)");
    }
  }

  void Routes() {
    Unique("route", "match", config_.routes, &Route::match);
    for (size_t i = 0; i < config_.routes.size(); ++i)
      if (!Written("route", i, "hosts") && !Written("route", i, "tls"))
        Fail("route", i, "hosts", "is missing: a route without hosts needs at least tls");
  }

  // Of the section [tls].
  void ReceiverTls() {
    const Member* section = root_.Find("tls");
    if (section == nullptr) return;
    const auto check = [&](std::string_view key, const std::string& file) {
      const Member* member = section->value.Find(key);
      if (member == nullptr || file.empty()) return;
      const std::string path = "tls." + std::string(key);
      const std::string wrong = surroundings_.WhyUnreadable(file);
      if (!wrong.empty())
        reader_.Fail(member->value.at, path, "cannot read " + Quote(file) + ": " + wrong);
      else if (key == "key" && surroundings_.WorldReadable(file))
        reader_.Warn(member->value.at, path,
                     Quote(file) + " can be read by everybody on this machine: chmod o-r");
    };
    check("ca_file", config_.tls.ca_file);
    check("cert", config_.tls.cert);
    check("key", config_.tls.key);
    const Member* cert = section->value.Find("cert");
    const Member* key = section->value.Find("key");
    if ((cert == nullptr) == (key == nullptr)) return;
    reader_.Fail(
        (cert != nullptr ? cert : key)->value.at, cert != nullptr ? "tls.cert" : "tls.key",
        cert != nullptr ? "needs its key: set tls.key" : "needs its certificate: set tls.cert");
  }

  void Times() {
    const Retry& retry = config_.retry;
    const auto at = [&](std::string_view key) {
      const Member* section = root_.Find("retry");
      const Member* member = section == nullptr ? nullptr : section->value.Find(key);
      return member == nullptr ? Position{1, 1} : member->value.at;
    };
    if (retry.gaps.front() > retry.max_age)
      reader_.Warn(at("gaps"), "retry.gaps",
                   "the first gap is longer than max_age: no recipient is tried twice");
    if (retry.delay_notice && *retry.delay_notice >= retry.max_age)
      reader_.Warn(at("delay_notice"), "retry.delay_notice",
                   "is not before max_age, so it is never sent");
  }
};

}  // namespace

bool StaysPrivate(const Config& config) {
  if (config.dns.allow_special) return true;
  bool catches_all = false;
  for (const Route& route : config.routes) {
    if (route.hosts.empty()) return false;
    catches_all |= route.match == "*";
    for (const RouteHost& host : route.hosts) {
      const auto address = IpAddress::Parse(host.host);
      if (!address || !address->IsSpecial()) return false;
    }
  }
  return catches_all;
}

void CheckConfig(Reader& reader, const Value& root, const Surroundings& surroundings,
                 const Config& config) {
  Checker(reader, root, surroundings, config).Run();
  CheckPaths(reader, root, surroundings, config);
  CheckSources(reader, root, surroundings, config);
  CheckDomains(reader, root, surroundings, config);
  CheckCertificateKeys(reader, root, surroundings, config);
  CheckTlsReport(reader, root, surroundings, config);
}

}  // namespace sluice::config
