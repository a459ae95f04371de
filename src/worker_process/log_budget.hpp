// How much a process that is not trusted may add to the server log.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace fsubs {

// A store of bytes that fills up again at a steady rate.
class LogBudget {
 public:
  using Clock = std::chrono::steady_clock;

  // Full at first.
  constexpr LogBudget(size_t capacity, size_t bytes_per_second)
      : capacity_(capacity), bytes_per_second_(bytes_per_second), left_(capacity) {}

  // Whether `bytes` may be logged at `now`; then they are taken. REQUIRES: `now` never goes back.
  bool Take(size_t bytes, Clock::time_point now) {
    Refill(now);
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

 private:
  void Refill(Clock::time_point now) {
    using std::chrono::milliseconds;
    const auto passed = std::chrono::duration_cast<milliseconds>(now - refilled_).count();
    const size_t until_full = capacity_ * 1000 / bytes_per_second_ + 1;
    const size_t refill = std::min<size_t>(passed, until_full) * bytes_per_second_ / 1000;
    if (refill == 0) return;
    left_ = std::min(capacity_, left_ + refill);
    refilled_ = now;
  }

  const size_t capacity_;
  const size_t bytes_per_second_;
  size_t left_;
  Clock::time_point refilled_{};
};

}  // namespace fsubs
