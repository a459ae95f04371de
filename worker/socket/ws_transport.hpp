// What carries the messages of a client that speaks a subprotocol of WebSocket: a socket, or a
// process that has accepted the socket itself.
//
// Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/socket/outbox.hpp"
#include "worker/socket/stream.hpp"

namespace fsubs {

// Something for the peer, not framed yet.
struct WsMessage {
  enum class Kind : uint8_t {
    kMessage,   // belongs to no operation
    kResponse,  // of an operation; `head` starts with what HeadOf gave for it
    kEnd,       // of an operation, the last one
    kPing,
    kPong,
    kClose,    // `body` is the reason
    kStarted,  // no message, but an operation that has started
  };
  Kind kind;
  // Its text is these joined.
  std::string_view head = {};
  std::string_view body = {};
  std::string_view tail = {};
  std::string_view id = {};  // of the operation of kEnd and kStarted
  // Of the event of kResponse, of the last one before kStarted, of the last one up to which the
  // peer was given all at kPing. 0: of none.
  uint64_t sequence = 0;
  uint16_t code = 0;  // of kClose
};

class WsTransport {
 public:
  virtual ~WsTransport() = default;

  // Append a message to what waits, framed.
  virtual Outbox::Result Append(const WsMessage& message, size_t room_bytes, Outbox* outbox) = 0;
  // What stands in front of the responses to an operation.
  virtual std::string HeadOf(std::string_view id) const = 0;
  // Whether the peer is told of kStarted.
  virtual bool is_hosted() const = 0;

  // Send what was framed, in one piece.
  virtual WriteResult Write(std::string_view frames) = 0;
  // Bytes of earlier writes that wait for the peer to read. Write more after OnWritable.
  virtual size_t pending() const = 0;
  // Bytes of earlier writes that the peer's machine has not acknowledged, pending ones included.
  virtual size_t unacknowledged() const = 0;

  // Whether messages are read. What was read already is still delivered.
  virtual void SetReading(bool reading) = 0;

  // Call after a close frame was framed: no more messages are delivered, and a peer that does not
  // answer is cut off after a few seconds.
  virtual void ExpectClose() = 0;

  // Cut the connection off, with whatever was not sent yet.
  virtual void Abort() = 0;

  // "address:port" of the peer.
  virtual std::string Peer() const = 0;
};

}  // namespace fsubs
