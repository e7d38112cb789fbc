#include "engine/policy/sts_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "dns/domain.h"
#include "dns/sts_policy.h"
#include "engine/base/check.h"

namespace sluice::engine {
namespace {

constexpr std::string_view kMark = "sluice-mta-sts-1";
constexpr std::string_view kEnding = ".policy";
// The first line: mark, seconds, id.
constexpr size_t kHeadMax = 128;

std::string Head(const StsRecord& record) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(record.fetched.time_since_epoch()).count();
  return std::string(kMark) + " " + std::to_string(seconds) + " " + record.id + "\n";
}

bool Parse(const std::string& content, StsRecord& record) {
  const size_t end = content.find('\n');
  if (end == std::string::npos || !content.starts_with(std::string(kMark) + " ")) return false;
  std::string_view rest(content.data() + kMark.size() + 1, end - kMark.size() - 1);
  int64_t seconds = 0;
  const auto [at, error] = std::from_chars(rest.data(), rest.data() + rest.size(), seconds);
  if (error != std::errc() || at == rest.data() + rest.size() || *at != ' ') return false;
  // Beyond the year 9999 the sum would run over.
  if (seconds < 0 || seconds > 253'402'300'799) return false;
  record.fetched = WallFromMicros(seconds * 1'000'000);
  record.id.assign(at + 1, rest.data() + rest.size());
  record.text = content.substr(end + 1);
  return true;
}

std::string Problem(const std::string& path) { return path + ": " + std::strerror(errno); }

bool WriteAll(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t n = write(fd, octets.data(), octets.size());
    if (n <= 0) return false;
    octets.remove_prefix(size_t(n));
  }
  return true;
}

}  // namespace

std::vector<StsRecord> LoadStsRecords(const std::string& folder) {
  std::vector<StsRecord> records;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    if (records.size() == kStsRecordsMax) break;
    const std::string name = at->path().filename().string();
    if (!name.ends_with(kEnding)) continue;
    StsRecord record;
    record.domain = name.substr(0, name.size() - kEnding.size());
    std::error_code unknown;
    const uintmax_t size = at->file_size(unknown);
    if (unknown || size > dns::kStsPolicyBytesMax + kHeadMax) continue;
    if (!dns::IsHostName(record.domain)) continue;
    std::ifstream in(at->path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (Parse(content, record)) records.push_back(std::move(record));
  }
  return records;
}

Status WriteStsRecord(const std::string& folder, const StsRecord& record) {
  CHECK(dns::IsHostName(record.domain));
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return Fail(ErrorCode::kIo, Problem(folder));
  const std::string path = folder + "/" + record.domain + std::string(kEnding);
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Fail(ErrorCode::kIo, Problem(fresh));
  const bool written = WriteAll(fd, Head(record)) && WriteAll(fd, record.text) && fsync(fd) == 0;
  const bool closed = close(fd) == 0;
  if (!written || !closed || rename(fresh.c_str(), path.c_str()) != 0)
    return Fail(ErrorCode::kIo, Problem(fresh));
  return {};
}

}  // namespace sluice::engine
