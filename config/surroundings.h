// config/surroundings.h — what the checks ask of the machine: files and local addresses.
//
// PURPOSE   A seam, so that tests and the fuzzer check configurations without a file system.

#ifndef SLUICE_CONFIG_SURROUNDINGS_H_
#define SLUICE_CONFIG_SURROUNDINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/ip_address.h"

namespace sluice::config {

// What lies at a path; symbolic links are followed.
enum class PathKind : uint8_t { kNothing, kFile, kFolder, kSocket, kOther };

class Surroundings {
 public:
  virtual ~Surroundings() = default;
  // Why this file cannot be read ("No such file or directory"); empty: it can.
  virtual std::string WhyUnreadable(const std::string& path) const = 0;
  // May others than the owner and the group read it? (Private keys should not be.)
  virtual bool WorldReadable(const std::string& path) const = 0;
  // Why mail cannot be signed with the private key in this file, which can be read; the file is
  // named in it. Empty: it can, or nobody here knows.
  virtual std::string WhyNoSigningKey(const std::string&) const { return {}; }
  // kNothing also where nobody may look.
  virtual PathKind KindOf(const std::string&) const { return PathKind::kNothing; }
  // Addresses of this host's interfaces; none: not known, and then nothing is said about them.
  virtual std::optional<std::vector<IpAddress>> LocalAddresses() const = 0;
  // The uid of a user of this machine; none: there is no such user.
  virtual std::optional<uint32_t> UidOf(const std::string& name) const = 0;
};

// The real machine; of keys it knows nothing (engine/signing/machine.h does).
class SystemSurroundings : public Surroundings {
 public:
  std::string WhyUnreadable(const std::string& path) const override;
  bool WorldReadable(const std::string& path) const override;
  PathKind KindOf(const std::string& path) const override;
  std::optional<std::vector<IpAddress>> LocalAddresses() const override;
  std::optional<uint32_t> UidOf(const std::string& name) const override;
};

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_SURROUNDINGS_H_
