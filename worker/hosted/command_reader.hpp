// Takes commands of a host (contract/session_records.hpp) apart. What it is handed may be anything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "contract/session_records.hpp"

namespace fsubs {

struct SessionCommand {
  session::CommandKind kind;
  uint32_t session;
  std::string_view payload;  // of kResume and kClose what stands behind the number
  uint64_t position = 0;     // of kResume
  uint16_t code = 0;         // of kClose
};

class CommandReader {
 public:
  // `bytes` outlive the reader and what it reads.
  explicit CommandReader(std::string_view bytes) : rest_(bytes) {}

  // Read the next command. Returns false at the end, and if what follows is none.
  bool Next(SessionCommand* command);

  // What is wrong with what follows; empty: nothing was found yet.
  const std::string& problem() const { return problem_; }
  // Bytes that were not read.
  size_t rest() const { return rest_.size(); }

 private:
  bool Fail(std::string problem);

  std::string_view rest_;
  std::string problem_;
};

// Returns what is wrong with commands, or an empty string.
std::string CheckCommands(std::string_view bytes);

}  // namespace fsubs
