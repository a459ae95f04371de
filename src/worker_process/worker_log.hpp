// Writes the worker's log lines to the server log.
#pragma once

#include <chrono>

#include "src/base/pg_compat.hpp"
#include "src/worker_process/log_budget.hpp"

namespace fsubs {

// Takes "LEVEL<TAB>message" lines and logs each at its level; any other line is logged at LOG. The
// writer is not trusted: a line's bytes and length may be anything, and of a flood only so much is
// logged that it does not fill the disk soon. The rest is counted.
class WorkerLog {
 public:
  enum class [[nodiscard]] Result{
      kOpen,    // everything there is has been read, or enough for one turn
      kClosed,  // nobody will write any more
  };

  // Read from the non-blocking `fd` and log each whole line. Never waits, and reads a bounded
  // number of bytes, so that a flood of lines leaves its caller time for other things.
  Result Read(int fd);

  // Log what was read behind the last line break, and be ready for another writer.
  void Finish();

  // Say how many lines were left out, if it is time. Returns after what time to call again;
  // Duration::max() if none is left to tell of.
  using Duration = std::chrono::milliseconds;
  Duration TellLeftOut();

  // Whether the last line was left out: reading on at full speed is of no use.
  bool is_flooded() const { return flooded_; }

 private:
  using Clock = LogBudget::Clock;

  static constexpr size_t kMaxLine = 8192;
  // What stands in front of a line in the server log.
  static constexpr size_t kLinePrefix = 128;
  static constexpr size_t kBurst = size_t{1} << 20;
  static constexpr size_t kBytesPerSecond = size_t{16} << 10;

  void Take(const char* bytes, size_t length);

  char line_[kMaxLine + 1] = {};
  size_t length_ = 0;
  bool cut_ = false;  // the line was longer; the rest of it is dropped
  LogBudget budget_{kBurst, kBytesPerSecond};
  bool flooded_ = false;
  uint64_t left_out_ = 0;         // lines since the last were told of
  Clock::time_point tell_due_{};  // of those
};

}  // namespace fsubs
