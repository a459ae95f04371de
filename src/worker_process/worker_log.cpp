#include "src/worker_process/worker_log.hpp"

#include <sys/socket.h>

namespace fsubs {
namespace {

constexpr size_t kReadChunk = 8192;
constexpr int kMaxChunksPerTurn = 8;
constexpr std::chrono::seconds kTellInterval{10};

struct Level {
  const char* name;
  int elevel;
};

constexpr Level kLevels[] = {
    {"DEBUG\t", DEBUG1},
    {"LOG\t", LOG},
    {"WARNING\t", WARNING},
    {"ERROR\t", ERROR},
};

// The server log has no encoding of its own for this process, which has no database: keep it UTF-8.
void MakePrintable(char* line) {
  for (char* at = line; *at != '\0';) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(at);
    const int length = pg_utf_mblen(bytes);
    const bool whole = strnlen(at, length) == static_cast<size_t>(length);
    if (!whole || !pg_utf8_islegal(bytes, length) || *bytes < ' ' || *bytes == 0x7f) {
      *at++ = '?';
    } else {
      at += length;
    }
  }
}

void Report(int elevel, const char* message, bool cut) {
  ereport(elevel, (errmsg_internal("fraiseql_subs worker: %s%s", message, cut ? "..." : ""),
                   errhidestmt(true)));
}

// ereport(ERROR) would end the caller; this only prints it.
void ReportError(const char* message, bool cut) {
  const MemoryContext context = CurrentMemoryContext;
  PG_TRY();
  { Report(ERROR, message, cut); }
  PG_CATCH();
  {
    MemoryContextSwitchTo(context);
    EmitErrorReport();
    FlushErrorState();
  }
  PG_END_TRY();
}

void LogLine(char* line, bool cut) {
  char* message = line;
  int elevel = LOG;
  for (const Level& level : kLevels) {
    const size_t length = strlen(level.name);
    if (strncmp(line, level.name, length) != 0) continue;
    message = line + length;
    elevel = level.elevel;
    break;
  }
  MakePrintable(message);
  if (elevel == ERROR) {
    ReportError(message, cut);
  } else {
    Report(elevel, message, cut);
  }
}

}  // namespace

WorkerLog::Result WorkerLog::Read(int fd) {
  for (int chunk = 0; chunk < kMaxChunksPerTurn; ++chunk) {
    char bytes[kReadChunk];
    const ssize_t length = recv(fd, bytes, sizeof(bytes), 0);
    if (length == 0) return Result::kClosed;
    if (length < 0) {
      return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? Result::kOpen
                                                                       : Result::kClosed;
    }
    Take(bytes, static_cast<size_t>(length));
  }
  return Result::kOpen;
}

void WorkerLog::Finish() {
  if (length_ > 0) {
    line_[length_] = '\0';
    const Clock::time_point now = Clock::now();
    flooded_ = !budget_.Take(kLinePrefix + length_, now);
    if (!flooded_) {
      LogLine(line_, cut_);
    } else if (left_out_++ == 0) {
      tell_due_ = now + kTellInterval;
    }
  }
  length_ = 0;
  cut_ = false;
}

WorkerLog::Duration WorkerLog::TellLeftOut() {
  if (left_out_ == 0) return Duration::max();
  const Clock::time_point now = Clock::now();
  if (now < tell_due_) return std::chrono::ceil<Duration>(tell_due_ - now);
  ereport(WARNING, (errmsg("fraiseql_subs: " UINT64_FORMAT " log lines of the worker were left out",
                           left_out_),
                    errdetail("It logged more than %zu kB per second.", kBytesPerSecond / 1024)));
  left_out_ = 0;
  return Duration::max();
}

void WorkerLog::Take(const char* bytes, size_t length) {
  for (size_t i = 0; i < length; ++i) {
    if (bytes[i] == '\n') {
      Finish();
    } else if (length_ < kMaxLine) {
      line_[length_++] = bytes[i] != '\0' ? bytes[i] : '?';
    } else {
      cut_ = true;
    }
  }
}

}  // namespace fsubs
