// How long to wait before something is tried again: twice as long each time, and by chance, so that
// those who lost the same server do not come back all at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

namespace fsubs {

class Backoff {
 public:
  Backoff(uint64_t first_ms, uint64_t most_ms, uint32_t seed)
      : first_ms_(first_ms), most_ms_(most_ms), next_ms_(first_ms), random_(seed) {}

  // Between half of the full delay and all of it.
  uint64_t Next() {
    const uint64_t full_ms = next_ms_;
    next_ms_ = std::min(next_ms_ * 2, most_ms_);
    return full_ms - std::uniform_int_distribution<uint64_t>(0, full_ms / 2)(random_);
  }

  // It has succeeded.
  void Reset() { next_ms_ = first_ms_; }

 private:
  const uint64_t first_ms_;
  const uint64_t most_ms_;
  uint64_t next_ms_;
  std::minstd_rand random_;
};

}  // namespace fsubs
