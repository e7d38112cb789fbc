// engine/runtime/certificate_watch.h — notices that certificate or key files have changed.
//
// PURPOSE   Renewal tools replace files and tell nobody; a certificate that was renewed and not
// read
//           is one that expires. Looked at, not watched: renewal is rare, a look is a stat, and
//           folders that are swapped by symbolic links are seen too.
// RULES     A change counts when two looks in a row find the same: certificate and key are replaced
//           one after the other, and half of a pair is no pair.
// THREADS   Confined to its owner.

#ifndef SLUICE_ENGINE_RUNTIME_CERTIFICATE_WATCH_H_
#define SLUICE_ENGINE_RUNTIME_CERTIFICATE_WATCH_H_

#include <string>

#include "config/config.h"
#include "engine/base/time.h"
#include "engine/io/net.h"
#include "engine/runtime/shard_runtime.h"

namespace sluice::engine {

class CertificateWatch {
 public:
  // Between two looks.
  static constexpr Duration kEvery = std::chrono::seconds(5);

  // Reads the files of these listeners: MakeTlsContexts. What they are now is what was read.
  Result<TlsContexts> Make(io::Net& net, const config::Config& config,
                           const TlsContexts& before = {});
  // Are they something else, and have they been since the look before? Tells of a change once.
  bool Changed(const config::Config& config);

 private:
  std::string read_;  // which files those are, as text
  std::string seen_;  // at the last look
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_CERTIFICATE_WATCH_H_
