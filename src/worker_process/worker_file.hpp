// What the worker is told at its start and when settings are reloaded, in a file that it can only
// read.
#pragma once

#include <cstddef>
#include <string_view>

#include "src/base/memory_file.hpp"
#include "src/base/pg_compat.hpp"

namespace fsubs {

class WorkerFile {
 public:
  // `name` is for who looks at descriptors. The file has room for so many bytes at least.
  constexpr WorkerFile(const char* name, size_t least_bytes)
      : name_(name), least_bytes_(least_bytes) {}

  // Have a new file hold `text`, for a worker that starts: whatever an earlier one did to its file
  // went with it.
  void Make(std::string_view text);

  // Have the file hold `text` for the worker that runs. Returns false, and leaves the file alone,
  // if the text is longer than the file, whose size is fixed. REQUIRES: Make.
  [[nodiscard]] bool TryReplace(std::string_view text);

  int fd() const { return file_.fd; }

 private:
  void Fill(std::string_view text);

  const char* const name_;
  const size_t least_bytes_;
  MemoryFile file_;
};

}  // namespace fsubs
