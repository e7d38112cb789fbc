#include "config/edit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "config/document.h"
#include "config/surroundings.h"

namespace sluice::config {
namespace {

std::unexpected<Error> FailErrno(const std::string& path) {
  return Fail(ErrorCode::kIo, path + ": " + std::strerror(errno));
}

// A file descriptor that closes itself.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

struct Snapshot {
  std::string text;
  struct stat info{};
};

Result<Snapshot> Read(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Snapshot out;
  if (fd.get() < 0 || ::fstat(fd.get(), &out.info) != 0) return FailErrno(path);
  char piece[16384];
  while (true) {
    const ssize_t got = ::read(fd.get(), piece, sizeof piece);
    if (got < 0) return FailErrno(path);
    if (got == 0) return out;
    out.text.append(piece, size_t(got));
    if (out.text.size() > kMaxFileBytes)
      return Fail(ErrorCode::kInvalid, path + ": is over 32 MiB: is it the right file?");
  }
}

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    text.remove_prefix(size_t(put));
  }
  return true;
}

// A new file beside `path` with the mode and, where permitted, the owner of the old one.
Status WriteBeside(const std::string& fresh, const std::string& text, const struct stat& old) {
  const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd.get() < 0) return FailErrno(fresh);
  const bool owned = ::fchown(fd.get(), old.st_uid, old.st_gid) == 0 ||
                     (old.st_uid == ::geteuid() && ::fchown(fd.get(), uid_t(-1), old.st_gid) == 0);
  if (!owned && (old.st_uid != ::geteuid() || old.st_gid != ::getegid()))
    return Fail(ErrorCode::kIo,
                "the configuration belongs to another user, who must add the domain (or root)");
  if (!WriteAll(fd.get(), text) || ::fchmod(fd.get(), old.st_mode & 07777) != 0 ||
      ::fsync(fd.get()) != 0)
    return FailErrno(fresh);
  return {};
}

Status SyncFolder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return FailErrno(folder);
  return {};
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string DomainBlock(const Domain& domain) {
  std::string out = "[[domain]]\nname = " + Quoted(domain.name) + "\n";
  if (!domain.tenant.empty()) out += "tenant = " + Quoted(domain.tenant) + "\n";
  out += "dkim = [";
  for (const DkimKey& key : domain.dkim) {
    if (out.back() != '[') out += ", ";
    out += "{ selector = " + Quoted(key.selector) + ", key = " + Quoted(key.key) + " }";
  }
  out += "]\n";
  if (!domain.return_path.empty()) out += "return_path = " + Quoted(domain.return_path) + "\n";
  return out;
}

std::string AppendBlock(std::string_view text, std::string_view block) {
  const size_t newline = text.find('\n');
  const bool crlf = newline != std::string_view::npos && newline > 0 && text[newline - 1] == '\r';
  const std::string_view end = crlf ? "\r\n" : "\n";
  std::string out(text);
  if (!out.empty() && !out.ends_with('\n')) out += end;
  if (!out.empty()) out += end;
  for (const char c : block) {
    if (c == '\n')
      out += end;
    else
      out += c;
  }
  return out;
}

Result<Loaded> AppendToFile(const std::string& file, std::string_view block,
                            const std::function<Problems(const Config&)>& check) {
  std::error_code error;
  const std::string target = std::filesystem::canonical(file, error).string();
  if (error) return Fail(ErrorCode::kNotFound, file + ": " + error.message());
  const auto before = Read(target);
  if (!before) return std::unexpected(before.error());
  const std::string text = AppendBlock(before->text, block);
  auto loaded = ParseConfig(text, file, SystemSurroundings());
  const Problems problems = loaded ? check(loaded->config) : loaded.error();
  if (!problems.empty())
    return Fail(ErrorCode::kInvalid,
                "with the new block the configuration would be wrong, so it was left as it is:\n" +
                    FormatProblems(problems));

  const std::string fresh = target + ".new-" + std::to_string(::getpid());
  Status status = WriteBeside(fresh, text, before->info);
  if (status) {
    const auto now = Read(target);
    if (!now || now->text != before->text)
      status = Fail(ErrorCode::kBusy, file + ": somebody else is changing it: try again");
    else if (::rename(fresh.c_str(), target.c_str()) != 0)
      status = FailErrno(target);
  }
  if (!status) {
    ::unlink(fresh.c_str());
    return std::unexpected(status.error());
  }
  if (Status synced = SyncFolder(target); !synced) return std::unexpected(synced.error());
  return loaded.value();
}

}  // namespace sluice::config
