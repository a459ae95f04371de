// Makes lines of bytes that come in pieces. What is longer than a line may be is passed over, so
// that no peer fills the memory.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fsubs {

class LineBuffer {
 public:
  struct Line {
    std::string_view text;  // without its end; empty if it is too long
    bool is_too_long = false;
  };

  explicit LineBuffer(size_t longest) : longest_(longest) {}

  // What follows. REQUIRES: Next has returned nothing since the last call.
  void Add(std::string_view bytes);
  // Nothing more follows: what is there without an end is a line.
  void End() { is_ended_ = true; }

  // The next line that is whole; its text is valid until Next or Add is called again.
  std::optional<Line> Next();

  // Lines that Next has returned so far.
  size_t lines() const { return lines_; }

 private:
  const size_t longest_;
  std::string bytes_;
  size_t begin_ = 0;     // of the next line
  size_t searched_ = 0;  // there is no end of a line before
  bool is_too_long_ = false;
  bool is_ended_ = false;
  size_t lines_ = 0;
};

}  // namespace fsubs
