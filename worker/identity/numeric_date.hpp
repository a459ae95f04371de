// Times in tokens (RFC 7519, section 2).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/json/json_tree.hpp"

namespace fsubs {

// The last second that RFC 3339 can write, which stands for any later time.
inline constexpr int64_t kLatestUs = 253'402'300'799'000'000;

// Microseconds since 1970 of a JSON number of seconds, which may have a fraction. Nothing if a
// double cannot hold it. REQUIRES: it is a number as JSON writes it.
std::optional<int64_t> MicrosecondsOf(std::string_view seconds);

// The time of a claim; `*time` stays as it is without one. False if it is no time.
bool ReadTime(const JsonValue& claims, std::string_view name, std::optional<int64_t>* time);

}  // namespace fsubs
