// engine/log/log.h — the one diagnostic log: to standard error, never blocking a shard.
//
// PURPOSE   What an operator should know about the program itself; what became of mail is an event
//           (engine/events). Lines are written by a thread of the log's own; when they come faster
//           than standard error takes them, the oldest waiting ones are dropped.
// RULES     No passwords, no message content, no addresses above debug level.
// THREADS   The Log functions: any. StartLog and StopLog: main, while no other thread runs.

#ifndef SLUICE_ENGINE_LOG_LOG_H_
#define SLUICE_ENGINE_LOG_LOG_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::engine {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };

// "debug", "info", "warn" or "error"; anything else is kInfo.
LogLevel LogLevelOf(std::string_view name);

// Before StartLog (tests, the simulator) nothing is written.
void StartLog(LogLevel level);
void SetLogLevel(LogLevel level);
// Writes what waits and ends the log's thread.
void StopLog();

// "2026-11-21T07:51:00.123Z info  component: message". Line ends in `message` begin a new line of
// the log; other control characters are replaced; what is over kLogMessageMax octets is cut.
inline constexpr size_t kLogMessageMax = 8192;
void LogDebug(std::string_view component, std::string_view message);
void LogInfo(std::string_view component, std::string_view message);
void LogWarn(std::string_view component, std::string_view message);
void LogError(std::string_view component, std::string_view message);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_LOG_LOG_H_
