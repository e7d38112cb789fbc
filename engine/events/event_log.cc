#include "engine/events/event_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/base/text.h"

namespace sluice::engine {
namespace {

namespace fs = std::filesystem;

// A line is at most a few KiB (queue/records.h bounds its fields); a torn one lies within this.
constexpr size_t kLineMax = 65'536;
constexpr mode_t kFileMode = 0640;

// "20261121T075100"
std::string Stamp(WallTime time) {
  std::string out;
  for (char c : FormatRfc3339(time).substr(0, 19))
    if (IsDigit(c) || c == 'T') out += c;
  return out;
}

// Splits "<stem>-YYYYMMDDTHHMMSS-N<ext>" into its stamp and N. False: another file.
bool ParseRotatedName(std::string_view name, std::string_view stem, std::string_view extension,
                      std::pair<std::string, uint64_t>& out) {
  constexpr size_t kStamp = 15;
  if (!name.starts_with(stem) || !name.ends_with(extension)) return false;
  if (name.size() < stem.size() + extension.size() + kStamp + 3) return false;
  name.remove_prefix(stem.size());
  name.remove_suffix(extension.size());
  if (name[0] != '-' || name[kStamp + 1] != '-') return false;
  const std::string_view stamp = name.substr(1, kStamp);
  for (size_t i = 0; i < kStamp; ++i)
    if (i == 8 ? stamp[i] != 'T' : !IsDigit(stamp[i])) return false;
  uint64_t number = 0;
  const std::string_view digits = name.substr(kStamp + 2);
  if (digits.size() > 9) return false;
  for (char c : digits) {
    if (!IsDigit(c)) return false;
    number = number * 10 + uint64_t(c - '0');
  }
  out = {std::string(stamp), number};
  return true;
}

// The whole seconds of the first event in a log; none when that is not what stands there.
std::optional<WallTime> TimeOfFirstLine(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kField = R"("time":")";
  const size_t at = text.find(kField);
  if (at == std::string_view::npos || text.size() < at + kField.size() + 19) return std::nullopt;
  const std::string time(text.substr(at + kField.size(), 19));
  int y = 0;
  unsigned mo = 0;
  unsigned d = 0;
  unsigned h = 0;
  unsigned mi = 0;
  unsigned s = 0;
  if (std::sscanf(time.c_str(), "%4d-%2u-%2uT%2u:%2u:%2u", &y, &mo, &d, &h, &mi, &s) != 6)
    return std::nullopt;
  const year_month_day date{year(y), month(mo), day(d)};
  if (!date.ok()) return std::nullopt;
  const auto since = sys_days(date).time_since_epoch() + hours(h) + minutes(mi) + seconds(s);
  return WallTime(duration_cast<Duration>(since));
}

}  // namespace

Result<std::unique_ptr<EventLog>> EventLog::Open(const config::Events& options,
                                                 const Clock& clock) {
  std::unique_ptr<EventLog> log(new EventLog(options, clock));
  std::error_code error;
  const fs::path folder = fs::path(options.log).parent_path();
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error)
    return Fail(ErrorCode::kIo,
                "cannot make the folder of the event log " + options.log + ": " + error.message());
  if (Status status = log->OpenFile(); !status) return std::unexpected(status.error());
  return log;
}

EventLog::~EventLog() { CloseFile(); }

std::unexpected<Error> EventLog::Failed(const char* what) const {
  const int number = errno;
  return Fail(number == ENOSPC || number == EDQUOT ? ErrorCode::kFull : ErrorCode::kIo,
              std::string("cannot ") + what + " the event log " + options_.log + ": " +
                  std::strerror(number));
}

void EventLog::CloseFile() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status EventLog::OpenFile() {
  fd_ = ::open(options_.log.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, kFileMode);
  if (fd_ < 0) return Failed("open");
  struct stat info{};
  if (::fstat(fd_, &info) != 0) return Failed("look at");
  if (!S_ISREG(info.st_mode)) {
    CloseFile();
    return Fail(ErrorCode::kInvalid, "the event log " + options_.log + " is not a regular file");
  }
  // Two writers would rotate, and delete, each other's files.
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    CloseFile();
    return Fail(ErrorCode::kBusy, "another process writes the event log " + options_.log +
                                      ": give each engine an events.log of its own");
  }
  size_ = uint64_t(info.st_size);
  torn_ = false;
  if (Status status = TrimTornLine(); !status) return status;
  std::array<char, 128> first{};
  const ssize_t n = ::pread(fd_, first.data(), first.size(), 0);
  begun_ = TimeOfFirstLine({first.data(), size_t(std::max<ssize_t>(n, 0))}).value_or(clock_.Wall());
  return SyncFolder();
}

Status EventLog::TrimTornLine() {
  if (size_ == 0) return {};
  const size_t length = size_t(std::min<uint64_t>(size_, kLineMax));
  std::string tail(length, '\0');
  if (::pread(fd_, tail.data(), length, off_t(size_ - length)) != ssize_t(length))
    return Failed("read");
  if (tail.back() == '\n') return {};
  const size_t end = tail.rfind('\n');
  if (end == std::string::npos && length < size_) {
    // Longer than any line of ours: not ours to cut. Its end makes it a line.
    if (::write(fd_, "\n", 1) != 1) return Failed("write");
    size_ += 1;
    return {};
  }
  size_ -= end == std::string::npos ? length : length - end - 1;
  if (::ftruncate(fd_, off_t(size_)) != 0) return Failed("repair");
  return {};
}

Status EventLog::SyncFolder() const {
  const std::string folder = fs::path(options_.log).parent_path().string();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Failed("open the folder of");
  const bool synced = ::fsync(fd) == 0;
  const int number = errno;
  ::close(fd);
  errno = number;
  return synced ? Status() : Failed("sync the folder of");
}

void EventLog::Append(uint64_t id, const queue::Event& event) { json_.Append(id, event, lines_); }

Status EventLog::Flush() {
  const std::string lines = std::move(lines_);
  lines_.clear();
  if (fd_ < 0) {
    if (Status status = OpenFile(); !status) return status;
  }
  if (Status status = FollowMovedFile(); !status) return status;
  if (Status status = TakeBack(); !status) return status;
  if (!lines.empty()) {
    torn_ = true;
    for (size_t done = 0; done < lines.size();) {
      const ssize_t n = ::write(fd_, lines.data() + done, lines.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        auto failed = Failed("write");
        if (Status back = TakeBack(); !back) return back;  // and again at the next Flush
        return failed;
      }
      done += size_t(n);
    }
    if (::fdatasync(fd_) != 0) return Failed("sync");
    torn_ = false;
    if (size_ == 0) begun_ = clock_.Wall();
    size_ += lines.size();
  }
  return RotateIfDue();
}

Status EventLog::TakeBack() {
  if (!torn_) return {};
  if (::ftruncate(fd_, off_t(size_)) != 0) return Failed("repair");
  torn_ = false;
  return {};
}

Status EventLog::FollowMovedFile() {
  struct stat here{};
  struct stat ours{};
  if (::fstat(fd_, &ours) != 0) return Failed("look at");
  if (::stat(options_.log.c_str(), &here) == 0 && here.st_ino == ours.st_ino &&
      here.st_dev == ours.st_dev)
    return {};
  CloseFile();
  return OpenFile();
}

// Those beside the log, oldest first.
std::vector<EventLog::RotatedFile> EventLog::RotatedFiles() const {
  const fs::path log(options_.log);
  const fs::path folder = log.has_parent_path() ? log.parent_path() : fs::path(".");
  std::vector<RotatedFile> out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    RotatedFile file;
    if (!ParseRotatedName(it->path().filename().string(), log.stem().string(),
                          log.extension().string(), file.order))
      continue;
    file.path = it->path().string();
    out.push_back(std::move(file));
  }
  std::ranges::sort(out, {}, &RotatedFile::order);
  return out;
}

// N is one more than the largest of this second, so that names sort by age even when older files of
// the second are gone.
std::string EventLog::NameForRotation() const {
  const std::string stamp = Stamp(clock_.Wall());
  uint64_t number = 1;
  for (const RotatedFile& file : RotatedFiles())
    if (file.order.first == stamp) number = file.order.second + 1;
  const fs::path log(options_.log);
  return (log.parent_path() / log.stem()).string() + "-" + stamp + "-" + std::to_string(number) +
         log.extension().string();
}

Status EventLog::RotateIfDue() {
  const bool due =
      size_ >= options_.rotate_bytes || clock_.Wall() - begun_ >= options_.rotate_after;
  if (size_ == 0 || !due) return {};
  // The events are safe by now: what fails here is tried again at the next Flush, and must not make
  // the exporter write them twice.
  if (::rename(options_.log.c_str(), NameForRotation().c_str()) != 0) return {};
  CloseFile();
  if (!OpenFile()) CloseFile();  // and again at the next Flush
  DropOldFiles();
  return {};
}

void EventLog::DropOldFiles() const {
  if (options_.keep_files == 0) return;
  const std::vector<RotatedFile> files = RotatedFiles();
  for (size_t i = 0; i + options_.keep_files < files.size(); ++i) ::unlink(files[i].path.c_str());
}

}  // namespace sluice::engine
