// The little of RFC 6455 that the two ends of a benchmark need.
#pragma once

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fsubs::bench {

inline constexpr uint8_t kText = 0x1;
inline constexpr uint8_t kClose = 0x8;
inline constexpr uint8_t kPing = 0x9;
inline constexpr uint8_t kPong = 0xA;

struct Frame {
  uint8_t opcode;
  const char* mask;  // four bytes, or null
  std::string_view payload;
  size_t total_length;
};

// Returns false while `bytes` do not yet hold a whole frame. REQUIRES: messages are not fragmented.
inline bool ParseFrame(std::string_view bytes, Frame* frame) {
  if (bytes.size() < 2) return false;
  const auto at = [bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  uint64_t length = at(1) & 0x7F;
  size_t header = 2;
  if (length >= 126) {
    const size_t digits = length == 126 ? 2 : 8;
    header += digits;
    if (bytes.size() < header) return false;
    length = 0;
    for (size_t i = 2; i < header; ++i) length = length << 8 | at(i);
  }
  const bool masked = at(1) & 0x80;
  if (masked) header += 4;
  if (bytes.size() < header || bytes.size() - header < length) return false;
  frame->opcode = at(0) & 0x0F;
  frame->mask = masked ? bytes.data() + header - 4 : nullptr;
  frame->payload = bytes.substr(header, length);
  frame->total_length = header + length;
  return true;
}

inline std::string Unmask(const Frame& frame) {
  std::string text(frame.payload);
  if (frame.mask == nullptr) return text;
  for (size_t i = 0; i < text.size(); ++i) text[i] ^= frame.mask[i % 4];
  return text;
}

// A frame as a client sends it. REQUIRES: `payload` is shorter than 64 kB.
inline std::string MaskedFrame(uint8_t opcode, std::string_view payload) {
  constexpr char kMask[] = {0x37, 0x5a, 0x21, 0x4d};
  std::string bytes{static_cast<char>(0x80 | opcode)};
  if (payload.size() < 126) {
    bytes += static_cast<char>(0x80 | payload.size());
  } else {
    bytes += static_cast<char>(0x80 | 126);
    bytes += static_cast<char>(payload.size() >> 8);
    bytes += static_cast<char>(payload.size() & 0xFF);
  }
  bytes.append(kMask, 4);
  for (size_t i = 0; i < payload.size(); ++i) bytes += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return bytes;
}

// What a server answers to a client's Sec-WebSocket-Key (section 4.2.2).
inline std::string AcceptKey(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  unsigned char encoded[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];
  const int length = EVP_EncodeBlock(encoded, digest, SHA_DIGEST_LENGTH);
  return {reinterpret_cast<const char*>(encoded), static_cast<size_t>(length)};
}

}  // namespace fsubs::bench
