#include "worker/identity/numeric_date.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace fsubs {

std::optional<int64_t> MicrosecondsOf(std::string_view seconds) {
  double value = 0;
  if (std::from_chars(seconds.data(), seconds.data() + seconds.size(), value).ec != std::errc()) {
    return std::nullopt;
  }
  constexpr double kLatest = kLatestUs;
  return static_cast<int64_t>(std::clamp(std::floor(value * 1e6), -kLatest, kLatest));
}

}  // namespace fsubs
