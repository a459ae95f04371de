// The wall clock as the product counts it.
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

}  // namespace fsubs
