// A client of the worker's Unix socket: frames of JSON between PostgreSQL's processes and the
// worker. docs/side-door.md lists the messages.
//
// The worker faces the network, so whatever it sends is taken for hostile: lengths are capped,
// bytes are checked before they are believed, and no wait is without end or deaf to interrupts.
#pragma once

#include <chrono>

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Longest frame taken or sent, in bytes.
inline constexpr uint32_t kMaxSideDoorFrame = 64u << 20;

using Deadline = std::chrono::steady_clock::time_point;

enum class [[nodiscard]] SideDoorResult{
    kDone,
    kNotYet,    // nothing (more) can be done now, or until the deadline
    kClosed,    // the worker has gone away
    kOversize,  // the frame is longer than kMaxSideDoorFrame
};

// One connection. Lives in a memory context and is closed with it.
class SideDoor {
 public:
  // Connect, in the current memory context. Returns null, with errno set, if no worker answers.
  // Never waits.
  static SideDoor* TryOpen();

  // Send one message, JSON text in UTF-8. After anything but kDone the connection is
  // of no more use. Raises what an interrupt asks for.
  SideDoorResult Send(const char* json, Deadline deadline);

  // Take in what has arrived. kDone: a whole message is there for TakeMessage. Never waits.
  SideDoorResult TryReceive();

  // The message that TryReceive found, in the current memory context. Raises an error if it is not
  // a JSON object. Characters that the server's encoding lacks become question marks.
  Jsonb* TakeMessage();

  // Wait until the socket can be read from, the process latch is set, or the deadline. May return
  // early. The caller checks for interrupts.
  void WaitReadable(Deadline deadline) const;

 private:
  explicit SideDoor(int fd) : fd_(fd) {}
  static void Close(void* door);
  void Wait(uint32_t socket_event, Deadline deadline) const;
  SideDoorResult ReadUpTo(size_t size);

  const int fd_;
  MemoryContextCallback close_{};
  StringInfoData input_{};
};

}  // namespace fsubs
