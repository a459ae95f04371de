#include "worker/base/log.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace fsubs {
namespace {

// The launcher's socket takes this much at once, so that lines of several threads do not mix.
constexpr size_t kMaxLine = 4000;

std::atomic<LogFormat> log_format{LogFormat::kTerminal};
std::atomic<LogLevel> log_level{LogLevel::kLog};

const char* Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kLog:
      return "LOG";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      break;
  }
  return "ERROR";
}

size_t WritePrefix(LogLevel level, char* line) {
  if (log_format.load(std::memory_order_relaxed) == LogFormat::kLauncher) {
    return static_cast<size_t>(std::snprintf(line, kMaxLine, "%s\t", Name(level)));
  }
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  const size_t date = std::strftime(line, kMaxLine, "%Y-%m-%d %H:%M:%S", &utc);
  return date +
         static_cast<size_t>(std::snprintf(line + date, kMaxLine - date,
                                           ".%03ld UTC %s:  ", now.tv_nsec / 1000000, Name(level)));
}

// A reader of the log, or its terminal, must not take what is in a message for more than text. The
// second half of the controls, U+0080 to U+009F, has two bytes in UTF-8.
void BlankControls(char* begin, char* end) {
  for (char* at = begin; at < end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte < ' ' || byte == 0x7F) {
      *at = ' ';
    } else if (byte == 0xC2 && at + 1 < end && static_cast<unsigned char>(at[1]) <= 0x9F &&
               static_cast<unsigned char>(at[1]) >= 0x80) {
      *at++ = ' ';
      *at = ' ';
    }
  }
}

}  // namespace

void SetLogFormat(LogFormat format) {
  log_format.store(format);
}

void SetLogLevel(LogLevel level) {
  log_level.store(level);
}

void Log(LogLevel level, const char* format, ...) {
  if (level < log_level.load(std::memory_order_relaxed)) return;
  char line[kMaxLine + 1];
  const size_t prefix = WritePrefix(level, line);
  va_list arguments;
  va_start(arguments, format);
  const int wanted = std::vsnprintf(line + prefix, kMaxLine - prefix, format, arguments);
  va_end(arguments);
  if (wanted < 0) return;
  size_t end = std::min(prefix + static_cast<size_t>(wanted), kMaxLine - 1);
  BlankControls(line + prefix, line + end);
  line[end++] = '\n';
  // Nothing is left to tell a failure to.
  if (write(STDERR_FILENO, line, end) < 0) return;
}

}  // namespace fsubs
