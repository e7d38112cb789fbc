// engine/submission/listener_tls.h — what the configuration says of a listener's TLS, as the net
// wants it.

#ifndef SLUICE_ENGINE_SUBMISSION_LISTENER_TLS_H_
#define SLUICE_ENGINE_SUBMISSION_LISTENER_TLS_H_

#include "config/config.h"
#include "engine/io/net.h"

namespace sluice::engine {

inline io::TlsServerSettings TlsSettingsOf(const config::Listener& listener) {
  using ClientCertificates = config::Listener::ClientCertificates;
  io::TlsServerSettings settings;
  settings.certificates.push_back({listener.cert, listener.key});
  for (const config::CertificateFiles& files : listener.certificates)
    settings.certificates.push_back({files.cert, files.key});
  settings.ask_clients = listener.client_certificates != ClientCertificates::kOff;
  if (settings.ask_clients) settings.client_ca = listener.client_ca;
  return settings;
}

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_LISTENER_TLS_H_
