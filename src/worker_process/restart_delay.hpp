// How long to wait before starting a process again that has ended.
#pragma once

#include <algorithm>
#include <chrono>

namespace fsubs {

// A process that keeps ending early is started after ever longer waits.
class RestartDelay {
 public:
  using Duration = std::chrono::milliseconds;

  // The first wait is `first`; each further one doubles, up to `longest`, until the process lives
  // for `healthy`.
  constexpr RestartDelay(Duration first, Duration longest, Duration healthy)
      : first_(first), longest_(longest), healthy_(healthy), next_(first) {}

  // The process has ended after `lived`, or could not be started at all.
  Duration Next(Duration lived) {
    if (lived >= healthy_) next_ = first_;
    const Duration delay = next_;
    next_ = std::min(next_ * 2, longest_);
    return delay;
  }

 private:
  const Duration first_;
  const Duration longest_;
  const Duration healthy_;
  Duration next_;
};

}  // namespace fsubs
