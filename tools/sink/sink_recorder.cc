// tools/sink/sink_recorder.cc — see sink_recorder.h.

#include "tools/sink/sink_recorder.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/hex.h"
#include "engine/base/text.h"
#include "tools/base/json_text.h"

namespace sluice::tools {
namespace {

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(size_t(n));
  }
  return true;
}

std::string Sha256Hex(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr) != 1) return "";
  return HexOf(digest, size);
}

bool HasEightBit(std::string_view bytes) {
  unsigned char all = 0;
  for (const char c : bytes) all |= static_cast<unsigned char>(c);
  return all >= 0x80;
}

void AppendList(std::string& out, std::string_view key, const std::vector<std::string>& texts,
                size_t count) {
  AppendJsonKey(out, key);
  out += '[';
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    AppendJsonString(out, texts[i]);
  }
  out += ']';
}

class FileRecorder final : public MessageRecorder {
 public:
  FileRecorder(int capture_fd, std::string maildir)
      : capture_fd_(capture_fd), maildir_(std::move(maildir)) {}
  ~FileRecorder() override {
    if (capture_fd_ >= 0) close(capture_fd_);
  }
  FileRecorder(const FileRecorder&) = delete;
  FileRecorder& operator=(const FileRecorder&) = delete;

  bool Record(const ReceivedMessage& message) override {
    if (!maildir_.empty() && !WriteMail(message)) return false;
    return capture_fd_ < 0 || WriteAll(capture_fd_, FormatCapture(message));
  }

 private:
  // Written under tmp and moved, as every reader of a maildir expects.
  bool WriteMail(const ReceivedMessage& message) const {
    const std::string name =
        std::to_string(MicrosOf(message.time)) + "." + std::string(message.id) + ".sink";
    const std::string draft = maildir_ + "/tmp" + "/" + name;
    const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return false;
    std::string envelope = "Return-Path: <" + std::string(message.sender) + ">\r\n";
    for (size_t i = 0; i < message.recipient_count; ++i)
      envelope += "Delivered-To: " + (*message.recipients)[i] + "\r\n";
    const bool written = WriteAll(fd, envelope) && WriteAll(fd, message.content);
    const bool closed = close(fd) == 0;
    if (written && closed && rename(draft.c_str(), (maildir_ + "/new/" + name).c_str()) == 0)
      return true;
    unlink(draft.c_str());
    return false;
  }

  const int capture_fd_;
  const std::string maildir_;
};

Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  return Fail(ErrorCode::kIo, path + ": " + std::strerror(errno));
}

}  // namespace

std::string HeaderField(std::string_view content, std::string_view name) {
  while (!content.empty()) {
    const size_t end = std::min(content.find('\n'), content.size() - 1) + 1;
    const std::string_view line = content.substr(0, end);
    if (line == "\r\n" || line == "\n") return "";
    if (line.size() > name.size() && line[name.size()] == ':' && StartsWithNoCase(line, name)) {
      std::string value;
      content.remove_prefix(name.size() + 1);
      while (true) {
        const size_t cut = std::min(content.find('\n'), content.size());
        std::string_view piece = content.substr(0, cut);
        if (piece.ends_with('\r')) piece.remove_suffix(1);
        value.append(value.empty() ? "" : " ").append(Trim(piece));
        content.remove_prefix(std::min(cut + 1, content.size()));
        if (content.empty() || (content[0] != ' ' && content[0] != '\t')) return value;
      }
    }
    content.remove_prefix(end);
  }
  return "";
}

std::string_view BodyOf(std::string_view content) {
  if (content.starts_with("\r\n")) return content.substr(2);
  const size_t blank = content.find("\r\n\r\n");
  return blank == std::string_view::npos ? std::string_view() : content.substr(blank + 4);
}

std::string_view ReceivedId(std::string_view received) {
  const size_t at = received.find(" id ");
  if (at == std::string_view::npos) return {};
  const std::string_view rest = received.substr(at + 4);
  return rest.substr(0, rest.find_first_of("; \t("));
}

std::string FormatCapture(const ReceivedMessage& message) {
  std::string out = "{";
  AppendJsonField(out, "time", FormatRfc3339(message.time));
  AppendJsonField(out, "outcome", message.outcome);
  AppendJsonField(out, "id", message.id);
  AppendJsonField(out, "peer", message.peer);
  AppendJsonField(out, "local", message.local);
  AppendJsonField(out, "connection", int64_t(message.connection));
  AppendJsonField(out, "transaction", message.transaction);
  AppendJsonField(out, "helo", message.helo);
  AppendJsonField(out, "tls", message.tls);
  AppendJsonField(out, "sender", message.sender);
  AppendJsonField(out, "mail_params", message.mail_params);
  AppendList(out, "recipients", *message.recipients, message.recipient_count);
  AppendList(out, "rcpt_params", *message.rcpt_params, message.recipient_count);
  AppendJsonField(out, "via", message.chunked ? "BDAT" : "DATA");
  AppendJsonField(out, "size", int64_t(message.content.size()));
  AppendJsonField(out, "eight_bit", int64_t(HasEightBit(message.content)));
  AppendJsonField(out, "bare_lf", message.bare_lf);
  AppendJsonField(out, "body_sha256", Sha256Hex(BodyOf(message.content)));
  AppendJsonField(out, "message_id", HeaderField(message.content, "Message-ID"));
  AppendJsonField(out, "x_seq", HeaderField(message.content, "X-Seq"));
  AppendJsonField(out, "subject", HeaderField(message.content, "Subject"));
  const std::string received = HeaderField(message.content, "Received");
  AppendJsonField(out, "received_id", ReceivedId(received));
  out += "}\n";
  return out;
}

Result<std::unique_ptr<MessageRecorder>> MakeRecorder(const std::string& capture,
                                                      const std::string& maildir) {
  if (capture.empty() && maildir.empty()) return nullptr;
  if (!maildir.empty()) {
    for (const char* folder : {"", "/tmp", "/new", "/cur"})
      if (auto made = MakeFolder(maildir + folder); !made) return std::unexpected(made.error());
  }
  int fd = -1;
  if (!capture.empty()) {
    fd = open(capture.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) return Fail(ErrorCode::kIo, capture + ": " + std::strerror(errno));
  }
  return std::make_unique<FileRecorder>(fd, maildir);
}

}  // namespace sluice::tools
