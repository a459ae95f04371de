#include "src/worker_process/worker_config.hpp"

namespace fsubs {
namespace {

constexpr size_t kPage = 4096;

}  // namespace

void WorkerConfig::Make(std::string_view text) {
  CloseMemoryFile(&file_);
  // With room for what a reload may add.
  file_ =
      MakeMemoryFile("fraiseql_subs settings", TYPEALIGN(kPage, 2 * text.size()), Others::kRead);
  Fill(text);
}

bool WorkerConfig::TryReplace(std::string_view text) {
  if (text.size() > file_.bytes) return false;
  Fill(text);
  return true;
}

// Empty lines behind the text mean nothing to the worker.
void WorkerConfig::Fill(std::string_view text) {
  char* const to = static_cast<char*>(file_.memory);
  memcpy(to, text.data(), text.size());
  memset(to + text.size(), '\n', file_.bytes - text.size());
}

}  // namespace fsubs
