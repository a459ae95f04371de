#include "src/worker_process/worker_file.hpp"

#include <algorithm>

namespace fsubs {
namespace {

constexpr size_t kPage = 4096;

}  // namespace

void WorkerFile::Make(std::string_view text) {
  CloseMemoryFile(&file_);
  // With room for what a reload may add.
  const size_t bytes = std::max(2 * text.size(), least_bytes_);
  file_ = MakeMemoryFile(name_, TYPEALIGN(kPage, bytes), Others::kRead);
  Fill(text);
}

bool WorkerFile::TryReplace(std::string_view text) {
  if (text.size() > file_.bytes) return false;
  Fill(text);
  return true;
}

// Empty lines behind the text mean nothing to the worker.
void WorkerFile::Fill(std::string_view text) {
  char* const to = static_cast<char*>(file_.memory);
  memcpy(to, text.data(), text.size());
  memset(to + text.size(), '\n', file_.bytes - text.size());
}

}  // namespace fsubs
