#include "worker/socket/ws_frame.hpp"

namespace fsubs {

void AppendFrameHeader(Opcode opcode, size_t payload_length, std::string* out) {
  constexpr unsigned char kFinal = 0x80;
  *out += static_cast<char>(kFinal | static_cast<unsigned char>(opcode));
  size_t length_bytes = 0;
  if (payload_length < 126) {
    *out += static_cast<char>(payload_length);
  } else if (payload_length <= 0xFFFF) {
    *out += static_cast<char>(126);
    length_bytes = 2;
  } else {
    *out += static_cast<char>(127);
    length_bytes = 8;
  }
  while (length_bytes > 0) {
    --length_bytes;
    *out += static_cast<char>(payload_length >> (8 * length_bytes) & 0xFF);
  }
}

std::string CloseCodeBytes(uint16_t code) {
  return {static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)};
}

std::string_view LimitCloseReason(std::string_view reason) {
  if (reason.size() <= kMaxCloseReason) return reason;
  size_t end = kMaxCloseReason;
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0) == 0x80) --end;
  return reason.substr(0, end);
}

}  // namespace fsubs
