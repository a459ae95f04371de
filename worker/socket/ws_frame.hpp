// Bytes of WebSocket frames as a server sends them (RFC 6455, section 5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fsubs {

enum class Opcode : unsigned char { kText = 0x1, kClose = 0x8, kPing = 0x9, kPong = 0xA };

inline constexpr size_t kMaxFrameHeader = 10;

// Append the header of a final, unmasked frame. REQUIRES: a control frame has at most 125
// bytes.
void AppendFrameHeader(Opcode opcode, size_t payload_length, std::string* out);

// The two bytes of a close frame in front of its reason (section 5.5.1).
std::string CloseCodeBytes(uint16_t code);

// A close frame's reason has room for this many bytes (section 5.5: 125 less the code's two).
inline constexpr size_t kMaxCloseReason = 123;

// `reason` cut to kMaxCloseReason bytes, not inside a UTF-8 character.
std::string_view LimitCloseReason(std::string_view reason);

}  // namespace fsubs
