// The clocks as the product counts them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

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

// Append it as RFC 3339 has it, in UTC with microseconds. What lies beyond the year 9999 is cut to
// its end.
void AppendUtcTime(int64_t us_since_1970, std::string* out);

}  // namespace fsubs
