// engine/io/self_signed.h — a throw-away certificate for tests and demonstrations.

#ifndef SLUICE_ENGINE_IO_SELF_SIGNED_H_
#define SLUICE_ENGINE_IO_SELF_SIGNED_H_

#include <string>

#include "engine/base/error.h"

namespace sluice::io {

// Writes a self-signed ECDSA P-256 certificate for `hostname`, good for ten years, and its key
// (mode 0600), both PEM.
Status WriteSelfSigned(const std::string& cert_path, const std::string& key_path,
                       const std::string& hostname);

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SELF_SIGNED_H_
