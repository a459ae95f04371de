// The clocks as the product counts them.
#pragma once

#include <chrono>
#include <cstdint>

namespace fsubs {

// Microseconds since 1970-01-01 UTC.
inline int64_t NowUs() {
  using std::chrono::microseconds;
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<microseconds>(since).count();
}

// Microseconds of a clock that nobody sets, the same for all threads.
inline uint64_t MonotonicUs() {
  using std::chrono::microseconds;
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<microseconds>(since).count());
}

}  // namespace fsubs
