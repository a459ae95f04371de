// The wall clock as the product counts it.
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

// Append it as RFC 3339 has it, in UTC with microseconds. What lies beyond the year 9999 is cut to
// its end.
void AppendUtcTime(int64_t us_since_1970, std::string* out);

}  // namespace fsubs
