// The worker's settings, in a file that it can only read.
#pragma once

#include "src/base/memory_file.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

class WorkerConfig {
 public:
  // Have a new file hold `text`, for a worker that starts: whatever an earlier one did to its file
  // went with it.
  void Make(std::string_view text);

  // Have the file hold `text` for the worker that runs. Returns false, and leaves the file alone,
  // if the text is longer than the file, whose size is fixed. REQUIRES: Make.
  [[nodiscard]] bool TryReplace(std::string_view text);

  int fd() const { return file_.fd; }

 private:
  void Fill(std::string_view text);

  MemoryFile file_;
};

}  // namespace fsubs
