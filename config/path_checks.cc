#include "config/path_checks.h"

#include <string>
#include <string_view>

#include "config/check_tools.h"

namespace sluice::config {
namespace {

// Of sockaddr_un.sun_path on Linux, its ending zero apart.
constexpr size_t kSocketPathMax = 107;

class PathChecker : private CheckTools {
 public:
  using CheckTools::CheckTools;

  void Run() {
    const PathKind queue = surroundings_.KindOf(config_.queue.path);
    if (queue != PathKind::kNothing && queue != PathKind::kFolder)
      Wrong("queue", "path",
            Quote(config_.queue.path) + " is no folder: the queue needs one of its own");
    const PathKind log = surroundings_.KindOf(config_.events.log);
    if (log == PathKind::kFolder)
      Wrong("events", "log",
            Quote(config_.events.log) + " is a folder: name a file in it, such as " +
                Quote(config_.events.log + "/events.jsonl"));
    else if (log != PathKind::kNothing && log != PathKind::kFile)
      Wrong("events", "log", Quote(config_.events.log) + " is not a regular file");
    Socket("control", "socket", config_.control.socket);
    Socket("submission", "local_socket", config_.submission.local_socket);
  }

 private:
  void Socket(std::string_view section, std::string_view key, const std::string& path) {
    const PathKind kind = surroundings_.KindOf(path);
    if (path.size() > kSocketPathMax)
      Wrong(section, key,
            "has " + std::to_string(path.size()) + " octets as an absolute path, and a socket's " +
                "has at most " + std::to_string(kSocketPathMax) + ": name a shorter one");
    else if (!path.empty() && kind != PathKind::kNothing && kind != PathKind::kSocket)
      Wrong(section, key,
            Quote(path) + " is there already and is no socket: name another path, or remove it");
  }

  void Wrong(std::string_view section, std::string_view key, std::string what) {
    const Member* table = root_.Find(section);
    const Member* member = table == nullptr ? nullptr : table->value.Find(key);
    reader_.Fail(member == nullptr ? Position{1, 1} : member->value.at,
                 std::string(section) + "." + std::string(key), std::move(what));
  }
};

}  // namespace

void CheckPaths(Reader& reader, const Value& root, const Surroundings& surroundings,
                const Config& config) {
  PathChecker(reader, root, surroundings, config).Run();
}

}  // namespace sluice::config
