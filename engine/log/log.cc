// The only user of spdlog.

#include "engine/log/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <memory>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

// Lines that may wait for standard error: about two seconds of the busiest log.
constexpr size_t kWaitingLines = 8'192;

struct Running {
  std::shared_ptr<spdlog::async_logger> logger;
  // Ends first, and writes what waits: the logger goes in the thread that stops the log.
  std::shared_ptr<spdlog::details::thread_pool> thread;
};

// The process has one standard error, hence one log. Null: not started.
std::atomic<Running*> running{nullptr};

spdlog::level::level_enum Level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  std::unreachable();
}

void Write(LogLevel level, std::string_view component, std::string_view message) {
  const Running* log = running.load(std::memory_order_acquire);
  if (log == nullptr || !log->logger->should_log(Level(level))) return;
  message = message.substr(0, kLogMessageMax);
  std::string line;
  do {
    const size_t end = std::min(message.find('\n'), message.size());
    line.assign(component);
    line += ": ";
    for (char c : message.substr(0, end)) line += uint8_t(c) < 0x20 || c == 0x7f ? '?' : c;
    log->logger->log(Level(level), spdlog::string_view_t(line));
    message.remove_prefix(std::min(end + 1, message.size()));
  } while (!message.empty());
}

}  // namespace

LogLevel LogLevelOf(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "warn") return LogLevel::kWarn;
  if (name == "error") return LogLevel::kError;
  return LogLevel::kInfo;
}

void StartLog(LogLevel level) {
  CHECK(running.load() == nullptr);
  auto log = std::make_unique<Running>();
  log->thread = std::make_shared<spdlog::details::thread_pool>(kWaitingLines, 1);
  log->logger = std::make_shared<spdlog::async_logger>(
      "sluice", std::make_shared<spdlog::sinks::stderr_sink_mt>(), log->thread,
      spdlog::async_overflow_policy::overrun_oldest);
  log->logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v", spdlog::pattern_time_type::utc));
  log->logger->set_level(Level(level));
  log->logger->flush_on(spdlog::level::warn);
  running.store(log.release(), std::memory_order_release);
}

void SetLogLevel(LogLevel level) {
  if (const Running* log = running.load()) log->logger->set_level(Level(level));
}

void StopLog() {
  const std::unique_ptr<Running> log(running.exchange(nullptr));
  if (log) log->logger->flush();
}

void LogDebug(std::string_view component, std::string_view message) {
  Write(LogLevel::kDebug, component, message);
}
void LogInfo(std::string_view component, std::string_view message) {
  Write(LogLevel::kInfo, component, message);
}
void LogWarn(std::string_view component, std::string_view message) {
  Write(LogLevel::kWarn, component, message);
}
void LogError(std::string_view component, std::string_view message) {
  Write(LogLevel::kError, component, message);
}

}  // namespace sluice::engine
