#include "worker/bus/memory/line_buffer.hpp"

#include <utility>

namespace fsubs {

void LineBuffer::Add(std::string_view bytes) {
  bytes_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  bytes_.append(bytes);
}

std::optional<LineBuffer::Line> LineBuffer::Next() {
  size_t end = bytes_.find('\n', searched_);
  size_t next = end + 1;
  if (end == std::string::npos) {
    if (bytes_.size() - begin_ > longest_) {
      is_too_long_ = true;
      begin_ = bytes_.size();
    }
    searched_ = bytes_.size();
    if (!is_ended_ || (begin_ == bytes_.size() && !is_too_long_)) return std::nullopt;
    end = next = bytes_.size();
  }
  std::string_view text(bytes_.data() + begin_, end - begin_);
  begin_ = searched_ = next;
  ++lines_;
  if (std::exchange(is_too_long_, false) || text.size() > longest_) return Line{{}, true};
  if (text.ends_with('\r')) text.remove_suffix(1);
  return Line{text};
}

}  // namespace fsubs
