#include "engine/runtime/certificate_watch.h"

#include <sys/stat.h>

#include <utility>

namespace sluice::engine {
namespace {

// Which file that is, and which state of it; a file that is not there is a state too.
std::string StateOf(const std::string& file) {
  struct stat info{};
  if (file.empty() || stat(file.c_str(), &info) != 0) return "-;";
  return std::to_string(info.st_dev) + " " + std::to_string(info.st_ino) + " " +
         std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
         std::to_string(info.st_mtim.tv_nsec) + ";";
}

std::string StateOf(const config::Config& config) {
  std::string out;
  for (const config::Listener& listener : config.listeners) {
    out += StateOf(listener.cert) + StateOf(listener.key) + StateOf(listener.client_ca);
    for (const config::CertificateFiles& files : listener.certificates)
      out += StateOf(files.cert) + StateOf(files.key);
  }
  return out;
}

}  // namespace

Result<TlsContexts> CertificateWatch::Make(io::Net& net, const config::Config& config,
                                           const TlsContexts& before) {
  read_ = seen_ = StateOf(config);  // first: what changes while they are read is a change
  return MakeTlsContexts(net, config, before);
}

bool CertificateWatch::Changed(const config::Config& config) {
  std::string now = StateOf(config);
  const bool settled = now == seen_;
  seen_ = std::move(now);
  if (!settled || seen_ == read_) return false;
  read_ = seen_;
  return true;
}

}  // namespace sluice::engine
