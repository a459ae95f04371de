// Finds out whether one subscriber's events are complete, single and in order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fsubs::bench {

class SequenceCheck {
 public:
  enum class [[nodiscard]] Verdict{
      kInOrder,
      kReordered,   // came after a later one
      kDuplicated,  // came before
      kForeign,     // belongs to another subscriber
  };

  // The subscriber is to receive `first`, `first + stride`, `first + 2 * stride` and so on.
  SequenceCheck(int64_t first, int64_t stride) : first_(first), next_(first), stride_(stride) {}

  Verdict Receive(int64_t sequence) {
    if (sequence == next_) {
      next_ += stride_;
      return Verdict::kInOrder;
    }
    if (sequence < first_ || (sequence - first_) % stride_ != 0) return Verdict::kForeign;
    if (sequence > next_) {
      for (; next_ < sequence; next_ += stride_) missing_.push_back(next_);
      next_ += stride_;
      return Verdict::kInOrder;
    }
    const auto late = std::find(missing_.begin(), missing_.end(), sequence);
    if (late == missing_.end()) return Verdict::kDuplicated;
    missing_.erase(late);
    return Verdict::kReordered;
  }

 private:
  int64_t first_;
  int64_t next_;
  int64_t stride_;
  std::vector<int64_t> missing_;  // skipped and not seen since, ascending
};

}  // namespace fsubs::bench
