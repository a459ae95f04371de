// WebSocket frames of a byte stream, for the floor server and the load generator. Only what the two
// send each other: final frames, at most 64 KiB from clients.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace bench {

// Takes bytes as they arrive and calls `on_payload(opcode, payload)` for each whole frame. Payloads
// of masked frames are unmasked in place.
class FrameStream {
 public:
  template <typename OnPayload>
  void Feed(char* bytes, size_t length, OnPayload on_payload) {
    if (!rest_.empty()) {
      rest_.append(bytes, length);
      const size_t used = Consume(rest_.data(), rest_.size(), on_payload);
      rest_.erase(0, used);
      return;
    }
    const size_t used = Consume(bytes, length, on_payload);
    if (used < length) rest_.assign(bytes + used, length - used);
  }

 private:
  template <typename OnPayload>
  static size_t Consume(char* bytes, size_t length, OnPayload& on_payload) {
    size_t at = 0;
    for (;;) {
      size_t left = length - at;
      if (left < 2) return at;
      auto* head = reinterpret_cast<unsigned char*>(bytes + at);
      const bool masked = (head[1] & 0x80) != 0;
      uint64_t payload = head[1] & 0x7F;
      size_t header = 2;
      if (payload == 126) {
        header = 4;
        if (left < header) return at;
        payload = static_cast<uint64_t>(head[2]) << 8 | head[3];
      } else if (payload == 127) {
        header = 10;
        if (left < header) return at;
        payload = 0;
        for (int i = 2; i < 10; ++i) payload = payload << 8 | head[i];
      }
      const size_t mask_at = header;
      if (masked) header += 4;
      if (left < header + payload) return at;
      char* const data = bytes + at + header;
      if (masked) {
        for (uint64_t i = 0; i < payload; ++i) data[i] ^= bytes[at + mask_at + i % 4];
      }
      on_payload(head[0] & 0x0F, std::string_view(data, payload));
      at += header + payload;
    }
  }

  std::string rest_;
};

inline std::string Frame(std::string_view payload, bool masked) {
  std::string frame = "\x81";
  const char mask_bit = masked ? '\x80' : '\0';
  if (payload.size() < 126) {
    frame += static_cast<char>(mask_bit | static_cast<char>(payload.size()));
  } else {
    frame += static_cast<char>(mask_bit | 126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size());
  }
  if (masked) frame.append(4, '\0');  // a mask of zeros changes nothing
  return frame.append(payload);
}

// The text between `head` and the next quote, or an empty view.
inline std::string_view Between(std::string_view text, std::string_view head) {
  const size_t start = text.find(head);
  if (start == std::string_view::npos) return {};
  const size_t end = text.find('"', start + head.size());
  return text.substr(start + head.size(), end - start - head.size());
}

}  // namespace bench
