// The end of the side door (contract/side_door_protocol.hpp) that backends and executors hold.
//
// The worker faces the network, so whatever it sends is taken for hostile: lengths are capped,
// bytes are checked before they are believed, and no wait is without end or deaf to interrupts.
#pragma once

#include <chrono>

#include "contract/side_door_protocol.hpp"
#include "src/base/pg_compat.hpp"
#include "src/base/wait_events.hpp"

namespace fsubs {

using Deadline = std::chrono::steady_clock::time_point;

enum class [[nodiscard]] SideDoorResult{
    kDone,
    kNotYet,    // nothing (more) can be done now, or until the deadline
    kClosed,    // the worker has gone away
    kOversize,  // the frame is longer than side_door::kMaxFrameLength
};

// A message of the operation alone. Palloc'd.
char* MakeMessage(const char* op);

// Returns false if the message has no such member.
[[nodiscard]] bool FindMember(Jsonb* message, const char* name, JsonbValue* value);

// One connection. Lives in a memory context and is closed with it.
class SideDoorClient {
 public:
  // Connect, in the current memory context. Returns null, with errno set, if no worker answers.
  // Never waits. pg_stat_activity shows `wait` while the connection is waited for later.
  static SideDoorClient* TryOpen(Wait wait);

  // Send one message, JSON text in UTF-8. After anything but kDone the connection is
  // of no more use. Raises what an interrupt asks for.
  SideDoorResult Send(const char* json, Deadline deadline);
  // The same for bytes, those of `head` and then those of `body`.
  SideDoorResult Send(std::string_view head, std::string_view body, Deadline deadline);

  // Send a short message if that can be done at once, and raise nothing. No message may be half
  // sent.
  void TrySend(std::string_view json) const noexcept;

  // Take in what has arrived. kDone: a whole message is there for TakeMessage. Never waits.
  SideDoorResult TryReceive();

  // The message that TryReceive found, in the current memory context. Raises an error if it is not
  // a JSON object. Characters that the server's encoding lacks become question marks.
  Jsonb* TakeMessage();
  // The same where it is no JSON; valid until the next call of TryReceive.
  std::string_view TakeBytes();

  // The same as text, which may be no JSON.
  char* TakeText();

  // Wait until the socket can be read from, the process latch is set, or the deadline. May return
  // early. The caller checks for interrupts.
  void WaitReadable(Deadline deadline) const;

  int fd() const { return fd_; }

 private:
  SideDoorClient(int fd, Wait wait) : fd_(fd), wait_(wait) {}
  static void Close(void* door);
  void WaitFor(uint32_t socket_event, Deadline deadline) const;
  SideDoorResult ReadUpTo(size_t size);
  void ForgetTaken();

  const int fd_;
  const Wait wait_;
  MemoryContextCallback close_{};
  StringInfoData input_{};
  bool taken_ = false;  // what `input_` holds
};

}  // namespace fsubs
