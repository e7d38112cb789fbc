// config/certificate_checks.h — what must hold of listeners' further certificates, of client
// certificates, and of the users who log in by them.
//
// NOT HERE  What is in the files: engine/io/tls_context.h, asked by `sluice check` and at the
//           start.

#ifndef SLUICE_CONFIG_CERTIFICATE_CHECKS_H_
#define SLUICE_CONFIG_CERTIFICATE_CHECKS_H_

#include "config/config.h"
#include "config/document.h"
#include "config/reader.h"
#include "config/surroundings.h"

namespace sluice::config {

// Tells `reader` what is wrong. A part of CheckConfig.
void CheckCertificateKeys(Reader& reader, const Value& root, const Surroundings& surroundings,
                          const Config& config);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_CERTIFICATE_CHECKS_H_
