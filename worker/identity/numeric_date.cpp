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

bool ReadTime(const JsonValue& claims, std::string_view name, std::optional<int64_t>* time) {
  const auto value = claims.Find(name);
  if (!value) return true;
  if (value->type() != JsonType::kNumber) return false;
  *time = MicrosecondsOf(value->raw());
  return time->has_value();
}

}  // namespace fsubs
