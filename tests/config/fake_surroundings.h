// A machine without a disk: files exist unless their name says "missing" or "gone". What lies at
// other paths is told by their last word.

#ifndef SLUICE_TESTS_CONFIG_FAKE_SURROUNDINGS_H_
#define SLUICE_TESTS_CONFIG_FAKE_SURROUNDINGS_H_

#include <optional>
#include <string>
#include <vector>

#include "config/surroundings.h"

namespace sluice::config {

class FakeSurroundings final : public Surroundings {
 public:
  std::string WhyUnreadable(const std::string& path) const override {
    const bool lost =
        path.find("missing") != std::string::npos || path.find("gone") != std::string::npos;
    return lost ? "No such file or directory" : "";
  }
  bool WorldReadable(const std::string& path) const override {
    return path.find("open") != std::string::npos;
  }
  std::string WhyNoSigningKey(const std::string& path) const override {
    return path.find("damaged") != std::string::npos ? path + ": the private key is damaged" : "";
  }
  PathKind KindOf(const std::string& path) const override {
    if (path.ends_with("-file")) return PathKind::kFile;
    if (path.ends_with("-folder")) return PathKind::kFolder;
    if (path.ends_with("-socket")) return PathKind::kSocket;
    return path.ends_with("-pipe") ? PathKind::kOther : PathKind::kNothing;
  }
  std::optional<std::vector<IpAddress>> LocalAddresses() const override {
    return std::vector<IpAddress>{*IpAddress::Parse("8.8.4.4"), *IpAddress::Parse("192.0.2.10"),
                                  *IpAddress::Parse("127.0.0.1")};
  }
  std::optional<uint32_t> UidOf(const std::string& name) const override {
    return name.find("nobody") != std::string::npos ? std::nullopt : std::optional<uint32_t>(33);
  }
};

}  // namespace sluice::config

#endif  // SLUICE_TESTS_CONFIG_FAKE_SURROUNDINGS_H_
