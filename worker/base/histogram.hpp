// How long things took, as Prometheus has it: how many were no longer than each of some bounds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "worker/base/counter.hpp"

namespace fsubs {

// Stored by one thread alone, loaded by any.
class Histogram {
 public:
  static constexpr std::array<uint64_t, 14> kBoundsUs = {
      250,    500,     1'000,   2'500,     5'000,     10'000,    25'000,
      50'000, 100'000, 250'000, 1'000'000, 2'500'000, 5'000'000, 30'000'000};

  // By clocks of two machines it may be less than nothing, which counts as 0.
  void Observe(int64_t us) {
    const uint64_t took_us = us > 0 ? static_cast<uint64_t>(us) : 0;
    size_t at = 0;
    while (at < kBoundsUs.size() && took_us > kBoundsUs[at]) ++at;
    counts_[at].Add();
    sum_us_.Add(took_us);
  }

  uint64_t sum_us() const { return sum_us_.get(); }
  // How many were above the bound before the one of that index, and not above that. The last one
  // is of those above all bounds.
  uint64_t count(size_t index) const { return counts_[index].get(); }

 private:
  std::array<Counter, kBoundsUs.size() + 1> counts_;
  Counter sum_us_;
};

}  // namespace fsubs
