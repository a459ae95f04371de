// A peer's bytes, both ways, whatever carries them.
//
// Loop thread only.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace fsubs {

enum class [[nodiscard]] WriteResult{
    kSent,     // all of it is in the kernel
    kPending,  // taken, but the peer reads slowly: OnWritable follows when all of it has left
    kBroken,   // the connection is gone; its owner will be destroyed
};

// Who reads from a stream. None of these is called from inside a function of the stream.
class StreamUser {
 public:
  virtual ~StreamUser() = default;
  // Bytes have come. They may be changed in place and are gone when this returns.
  virtual void OnBytes(std::span<unsigned char> bytes) = 0;
  // The peer sends nothing more.
  virtual void OnEnd() = 0;
  // What was pending has left.
  virtual void OnWritable() = 0;
  // The connection is broken. Nothing else is called after this.
  virtual void OnBroken() = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;

  // Send bytes behind those that are pending.
  virtual WriteResult Write(std::string_view bytes) = 0;
  // Bytes taken that are not in the kernel yet.
  virtual size_t pending() const = 0;

  // Bytes written that the peer's machine has not acknowledged, pending ones included.
  virtual size_t unacknowledged() const = 0;

  // Whether OnBytes may be called. It may when a stream begins.
  virtual void SetReading(bool reading) = 0;

  // Send nothing more: the peer reads an end behind what is pending.
  virtual void ShutDown() = 0;

  // Drop the connection, with what is pending. The user is destroyed before the loop's next turn,
  // and nothing is called until then.
  virtual void Close() = 0;

  // "address:port" of the peer, or "unix:".
  virtual std::string Peer() const = 0;
};

}  // namespace fsubs
