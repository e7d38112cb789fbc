#include "config/surroundings.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sluice::config {

std::string SystemSurroundings::WhyUnreadable(const std::string& path) const {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::strerror(errno);
  struct stat info{};
  const bool is_file = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  ::close(fd);
  return is_file ? "" : "it is not a regular file";
}

bool SystemSurroundings::WorldReadable(const std::string& path) const {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0;
}

PathKind SystemSurroundings::KindOf(const std::string& path) const {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return PathKind::kNothing;
  if (S_ISREG(info.st_mode)) return PathKind::kFile;
  if (S_ISDIR(info.st_mode)) return PathKind::kFolder;
  return S_ISSOCK(info.st_mode) ? PathKind::kSocket : PathKind::kOther;
}

std::optional<std::vector<IpAddress>> SystemSurroundings::LocalAddresses() const {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return std::nullopt;
  std::vector<IpAddress> out;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, entry->ifa_addr, sizeof(v4));
      out.push_back(IpAddress::V4(ntohl(v4.sin_addr.s_addr)));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, entry->ifa_addr, sizeof(v6));
      std::array<uint8_t, 16> bytes;
      std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
      out.push_back(IpAddress::V6(bytes));
    }
  }
  ::freeifaddrs(list);
  return out;
}

std::optional<uint32_t> SystemSurroundings::UidOf(const std::string& name) const {
  std::array<char, 16384> room;
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found) != 0) return {};
  return found == nullptr ? std::nullopt : std::optional<uint32_t>(found->pw_uid);
}

}  // namespace sluice::config
