// For how long an answer may be kept (RFC 9111, section 5.2.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fsubs {

// Seconds that the header Cache-Control allows, 0 if it allows none. Nothing if it does not say, or
// cannot be read.
std::optional<uint64_t> FreshSeconds(std::string_view cache_control);

}  // namespace fsubs
