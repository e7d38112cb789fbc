#include "engine/runtime/certificate_watch.h"

#include <sys/stat.h>

#include <utility>

namespace sluice::engine {
namespace {

std::string ToText(const timespec& time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

// Which file that is, and which state of it; a file that is not there is a state too.
std::string StateOf(const std::string& file) {
  struct stat info{};
  if (file.empty() || stat(file.c_str(), &info) != 0) return "-;";
  return std::to_string(info.st_dev) + " " + std::to_string(info.st_ino) + " " +
         std::to_string(info.st_size) + " " + ToText(info.st_mtim) + " " + ToText(info.st_ctim) +
         ";";
}

std::string StateOf(const config::Config& config) {
  std::string out;
  for (const config::Listener& listener : config.listeners) {
    out += StateOf(listener.cert) + StateOf(listener.key) + StateOf(listener.client_ca);
    for (const config::CertificateFiles& files : listener.certificates)
      out += StateOf(files.cert) + StateOf(files.key);
  }
  out += StateOf(config.tls.cert) + StateOf(config.tls.key) + StateOf(config.tls.ca_file);
  return out;
}

}  // namespace

void CertificateWatch::Read(const config::Config& config) {
  read_ = seen_ = StateOf(config);
  again_at_ = kNever;
}

bool CertificateWatch::Changed(const config::Config& config, Instant now) {
  std::string state = StateOf(config);
  const bool settled = state == seen_;
  seen_ = std::move(state);
  if (!settled || (seen_ == read_ && now < again_at_)) return false;
  read_ = seen_;
  again_at_ = kNever;
  return true;
}

}  // namespace sluice::engine
