#include "worker/identity/base64url.hpp"

#include <cstdint>

namespace fsubs {
namespace {

// 64 for what is no digit.
uint32_t ValueOf(char digit) {
  if (digit >= 'A' && digit <= 'Z') return static_cast<uint32_t>(digit - 'A');
  if (digit >= 'a' && digit <= 'z') return static_cast<uint32_t>(digit - 'a' + 26);
  if (digit >= '0' && digit <= '9') return static_cast<uint32_t>(digit - '0' + 52);
  if (digit == '-') return 62;
  return digit == '_' ? 63 : 64;
}

}  // namespace

std::optional<std::string> DecodeBase64Url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  uint32_t pending = 0;
  int bits = 0;
  for (const char digit : text) {
    const uint32_t value = ValueOf(digit);
    if (value == 64) return std::nullopt;
    pending = pending << 6 | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(pending >> bits & 0xff);
      pending &= (1U << bits) - 1;
    }
  }
  if (pending != 0) return std::nullopt;
  return bytes;
}

}  // namespace fsubs
