// What a WebSocket client sends, out of the bytes of its connection (RFC 6455, section 5).
// WebSocket++ reads the frames and joins the fragments.
//
// No sockets, no clocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace fsubs {

class WsReceiver {
 public:
  enum class Event : uint8_t {
    kNothing,  // wants more bytes
    kText,     // a message; its owner has to check that it is UTF-8
    kBinary,
    kPing,
    kPong,
    kClose,   // with code()
    kTooBig,  // a message passed the limit
    kFailed,  // the client broke the protocol: close with code()
  };

  WsReceiver();
  ~WsReceiver();

  // Read from the front of `*bytes` up to the end of a message, and take what was read off it. The
  // bytes are changed in place. A message is left in `*payload`. After kClose, kTooBig and kFailed
  // nothing more can be read.
  Event Next(std::span<unsigned char>* bytes, size_t max_message, std::string* payload);

  // Of the last event.
  uint16_t code() const { return code_; }

 private:
  struct Library;

  Event OnMessage(std::string* payload);
  Event OnClose(const std::string& payload);
  Event Fail(uint16_t code);

  const std::unique_ptr<Library> library_;
  uint16_t code_ = 0;
};

}  // namespace fsubs
