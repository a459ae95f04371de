// Log lines of the worker: one write() each, so that lines of different threads never mix.
#pragma once

#include "contract/settings.hpp"

namespace fsubs {

enum class LogFormat {
  kTerminal,  // "2026-01-31 12:00:00.000 UTC LOG:  message"
  kLauncher,  // "LOG<TAB>message", which the launcher turns into PostgreSQL's own log lines
};

// Call before the first thread starts.
void SetLogFormat(LogFormat format);

// Thread-safe. Lines below `level` are dropped.
void SetLogLevel(LogLevel level);

// Thread-safe, never throws. Control characters in the message, line breaks among them, become
// spaces, and a line longer than 4,000 bytes is cut.
[[gnu::format(printf, 2, 3)]] void Log(LogLevel level, const char* format, ...);

}  // namespace fsubs
