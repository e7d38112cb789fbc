#include "tools/commands/engine_call.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "config/parser.h"
#include "tools/commands/control_client.h"
#include "tools/commands/table.h"

namespace sluice::tools {
namespace {

// Far above any configuration.
constexpr size_t kConfigMax = size_t(16) << 20;

// A machine on which every file can be read and every address is local: only the text counts.
class TextOnly final : public config::Surroundings {
 public:
  std::string WhyUnreadable(const std::string&) const override { return {}; }
  bool WorldReadable(const std::string&) const override { return false; }
  std::optional<std::vector<IpAddress>> LocalAddresses() const override { return std::nullopt; }
  std::optional<uint32_t> UidOf(const std::string&) const override { return 0; }
};

Result<std::string> ReadFile(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr)
    return Fail(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                path + ": " + std::strerror(errno));
  std::string text;
  char piece[16384];
  size_t got = 0;
  while ((got = std::fread(piece, 1, sizeof piece, file)) > 0 && text.size() <= kConfigMax)
    text.append(piece, got);
  const bool failed = std::ferror(file) != 0 || text.size() > kConfigMax;
  std::fclose(file);
  if (failed) return Fail(ErrorCode::kIo, path + ": cannot be read");
  return text;
}

Result<EngineFacts> ReadFacts(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text) return std::unexpected(text.error());
  const auto loaded = config::ParseConfig(*text, path, TextOnly());
  if (!loaded) {
    std::string problems = config::FormatProblems(loaded.error());
    while (problems.ends_with('\n')) problems.pop_back();
    return Fail(ErrorCode::kInvalid, std::move(problems));
  }
  return EngineFacts{loaded->config.control.socket, loaded->config.hostname,
                     loaded->config.submission.local_socket};
}

// An error of several lines, such as all that is wrong with a configuration.
std::string PrintableLines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out += (out.empty() ? "" : "\n") + Printable(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

Result<EngineFacts> FindEngine(const EngineAddress& address) {
  const bool named = !address.config.empty();
  auto facts = ReadFacts(named ? address.config : kDefaultConfig);
  if (!facts && named && address.socket.empty()) return std::unexpected(facts.error());
  if (!facts) facts = EngineFacts{kDefaultSocket, "", kDefaultLocalSocket};
  if (!address.socket.empty()) {
    facts->socket = address.socket;
    facts->local_socket.clear();
  }
  return facts;
}

std::expected<Response, int> CallEngine(const EngineAddress& address, const std::string& request,
                                        Duration within) {
  const auto facts = FindEngine(address);
  if (!facts) {
    Complain(facts.error().what +
             "\nthe running engine keeps its configuration; ask it with --socket PATH");
    return std::unexpected(2);
  }
  auto line = AskEngine(facts->socket, request, within);
  if (!line) {
    Complain(line.error().what);
    return std::unexpected(1);
  }
  auto response = ReadResponse(*std::move(line));
  if (!response) {
    Complain(facts->socket + ": " + response.error().what);
    return std::unexpected(1);
  }
  if (!response->ok) {
    Complain(PrintableLines(response->error));
    return std::unexpected(1);
  }
  return *std::move(response);
}

void Complain(const std::string& what) { std::fprintf(stderr, "sluice: %s\n", what.c_str()); }

bool Print(std::string_view text) {
  const bool whole =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!whole) Complain(std::string("cannot write to standard output: ") + std::strerror(errno));
  return whole;
}

}  // namespace sluice::tools
