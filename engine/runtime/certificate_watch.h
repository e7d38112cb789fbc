// engine/runtime/certificate_watch.h — notices that certificate or key files have changed.
//
// PURPOSE   Renewal tools replace files and tell nobody; a certificate that was renewed and not
//           read is one that expires. Looked at, not watched: renewal is rare, a look is a stat,
//           and folders that are swapped by symbolic links are seen too. A changed owner or mode
//           is a change: it may be what was missing.
// RULES     A change counts when two looks in a row find the same: certificate and key are replaced
//           one after the other, and half of a pair is no pair. What could not be used is tried
//           again every minute: the reason may lie outside the files.
// THREADS   Confined to its owner.
// TESTS     tests/runtime/certificate_watch_test.cc

#ifndef SLUICE_ENGINE_RUNTIME_CERTIFICATE_WATCH_H_
#define SLUICE_ENGINE_RUNTIME_CERTIFICATE_WATCH_H_

#include <string>

#include "config/config.h"
#include "engine/base/time.h"

namespace sluice::engine {

class CertificateWatch {
 public:
  // Between two looks.
  static constexpr Duration kEvery = std::chrono::seconds(5);

  // After a failure.
  static constexpr Duration kAgainAfter = std::chrono::minutes(1);

  // The files are about to be read: what changes meanwhile is a change.
  void Read(const config::Config& config);
  // What was read cannot be used.
  void Failed(Instant now) { again_at_ = now + kAgainAfter; }
  // Are they something else, and have they been since the look before; or is it time to try those
  // that failed again? Tells of each once.
  bool Changed(const config::Config& config, Instant now);

 private:
  std::string read_;  // which files those are, as text
  std::string seen_;  // at the last look
  Instant again_at_ = kNever;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_CERTIFICATE_WATCH_H_
