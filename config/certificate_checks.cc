#include "config/certificate_checks.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/check_tools.h"
#include "config/units.h"

namespace sluice::config {
namespace {

using ClientCertificates = Listener::ClientCertificates;

class CertificateChecker : private CheckTools {
 public:
  using CheckTools::CheckTools;

  void Run() {
    for (size_t i = 0; i < config_.listeners.size(); ++i) {
      Files(i, config_.listeners[i]);
      Clients(i, config_.listeners[i]);
    }
    Users();
    for (const auto& [key, member] :
         {std::pair("certificate_fingerprints", &User::certificate_fingerprints),
          std::pair("certificate_names", &User::certificate_names)})
      OneUserEach(key, member);
  }

 private:
  void Files(size_t i, const Listener& listener) {
    if (listener.certificates.empty()) return;
    if (listener.tls == TlsMode::kNone) {
      Fail("listener", i, "certificates", "have no use with tls = \"none\"");
      return;
    }
    for (size_t j = 0; j < listener.certificates.size(); ++j) {
      const std::string path =
          PathOf("listener", i, "certificates") + "[" + std::to_string(j) + "]";
      const Position at = PositionOf("listener", i, "certificates");
      File(at, path + ".cert", listener.certificates[j].cert, false);
      File(at, path + ".key", listener.certificates[j].key, true);
    }
  }

  void File(Position at, const std::string& path, const std::string& file, bool secret) {
    if (file.empty()) return;  // told already
    const std::string wrong = surroundings_.WhyUnreadable(file);
    if (!wrong.empty())
      reader_.Fail(at, path, "cannot read " + Quote(file) + ": " + wrong);
    else if (secret && surroundings_.WorldReadable(file))
      reader_.Warn(at, path, Quote(file) + " can be read by everybody on this machine: chmod o-r");
  }

  void Clients(size_t i, const Listener& listener) {
    if (!listener.client_ca.empty()) NeedsFile("listener", i, "client_ca", listener.client_ca);
    if (listener.client_certificates == ClientCertificates::kOff) {
      if (!listener.client_ca.empty())
        Warn("listener", i, "client_ca", "has no effect while client_certificates is \"off\"");
      return;
    }
    if (listener.tls == TlsMode::kNone)
      Fail("listener", i, "client_certificates", "needs TLS: tls is \"none\"");
    if (listener.role == Role::kInbound)
      Fail("listener", i, "client_certificates",
           "is for logins: a listener with role \"inbound\" has none");
    const bool known = std::ranges::any_of(
        config_.users, [](const User& user) { return !user.certificate_fingerprints.empty(); });
    if (listener.client_ca.empty() && !known)
      Warn("listener", i, "client_certificates",
           "no certificate can be good: there is no client_ca, and no [[user]] has "
           "certificate_fingerprints");
  }

  void Users() {
    const bool asked = std::ranges::any_of(config_.listeners, [](const Listener& listener) {
      return listener.client_certificates != ClientCertificates::kOff;
    });
    const bool verified = std::ranges::any_of(config_.listeners, [](const Listener& listener) {
      return listener.client_certificates != ClientCertificates::kOff &&
             !listener.client_ca.empty();
    });
    for (size_t i = 0; i < config_.users.size(); ++i) {
      const User& user = config_.users[i];
      const bool named = !user.certificate_names.empty();
      const bool printed = !user.certificate_fingerprints.empty();
      if (!Written("user", i, "password") && !Written("user", i, "certificate_names") &&
          !Written("user", i, "certificate_fingerprints"))
        Fail("user", i, "password",
             "is missing: a user logs in by password, or by certificate_fingerprints or "
             "certificate_names");
      if (printed && !asked)
        Warn("user", i, "certificate_fingerprints",
             "have no effect: no [[listener]] has client_certificates");
      if (named && !verified)
        Warn("user", i, "certificate_names",
             "have no effect: no [[listener]] has client_certificates and a client_ca");
    }
  }

  // A certificate must say who its bearer is.
  void OneUserEach(std::string_view key, std::vector<std::string> User::* member) {
    std::map<std::string_view, size_t> seen;
    for (size_t i = 0; i < config_.users.size(); ++i) {
      for (const std::string& text : config_.users[i].*member) {
        const auto [first, is_new] = seen.try_emplace(text, i);
        if (!is_new)
          Fail(
              "user", i, key,
              Quote(text) + " belongs to " + Quote(config_.users[first->second].name) + " already");
      }
    }
  }
};

}  // namespace

void CheckCertificateKeys(Reader& reader, const Value& root, const Surroundings& surroundings,
                          const Config& config) {
  CertificateChecker(reader, root, surroundings, config).Run();
}

}  // namespace sluice::config
