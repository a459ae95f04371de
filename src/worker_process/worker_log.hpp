// Writes the worker's log lines to the server log.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Takes "LEVEL<TAB>message" lines and logs each at its level; any other line is logged at LOG. The
// writer is not trusted: a line's bytes and length may be anything.
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

 private:
  static constexpr size_t kMaxLine = 8192;

  void Take(const char* bytes, size_t length);

  char line_[kMaxLine + 1] = {};
  size_t length_ = 0;
  bool cut_ = false;  // the line was longer; the rest of it is dropped
};

}  // namespace fsubs
