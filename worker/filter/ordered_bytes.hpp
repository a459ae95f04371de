// Integers as bytes that order as they do (memcmp).
#pragma once

#include <cstdint>
#include <string>

namespace fsubs {

// Big-endian.
template <typename Unsigned>
void AppendUnsigned(Unsigned value, std::string* out) {
  for (int shift = (sizeof(value) - 1) * 8; shift >= 0; shift -= 8) {
    *out += static_cast<char>(value >> shift & 0xFF);
  }
}

// With the sign bit inverted, negative numbers order below positive ones.
inline void AppendSigned(int64_t value, std::string* out) {
  AppendUnsigned(static_cast<uint64_t>(value) ^ (uint64_t{1} << 63), out);
}

}  // namespace fsubs
