// What a host, a process that has accepted its clients' sockets itself, and the worker say to each
// other of the clients' sessions. docs/hosted-sessions.md explains it to those who write hosts.
//
// Both ways it is records without gaps, little-endian. A record's length counts what follows it:
//
//   command, host to worker   length u32, kind u8, session u32, payload
//   frame, worker to host     length u32, kind u8, session u32, position u64, id length u16, id,
//                             payload
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace fsubs::session {

enum class CommandKind : uint8_t {
  kOpen = 1,    // JSON: what is known of the client
  kText = 2,    // a message of the client
  kClose = 3,   // code u16, reason: the client's socket is closed
  kResume = 4,  // position u64, a message that starts an operation: go on behind that position
  kHeard = 5,   // the client has sent a ping or a pong
  kBinary = 6,  // the client has sent a message that is not text
  kTooBig = 7,  // the client has sent a message that the host does not take
};
inline constexpr uint8_t kLastCommand = 7;

enum class FrameKind : uint8_t {
  kMessage = 1,  // a message for the client that belongs to no operation
  kEvent = 2,    // a message with a response to the operation `id`
  kEnded = 3,    // the last message of the operation `id`
  kClosed = 4,   // code u16, reason: the session is over, and its number free
  kPing = 5,     // payload of a ping for the client
  kStarted = 6,  // the operation `id` gets what comes behind `position`
};

// How two processes talk of a link on the side door, in frames of its own (side_door_protocol.hpp)
// that are no JSON. The backend that holds the link sends `Take` and commands, which may be none,
// and gets an answer for each Take but kNothing: `Answer`, and records or a text.
enum class Take : uint8_t {
  kNothing = 0,
  kWhenThere = 1,  // answer once there are frames
  kAtOnce = 2,     // answer, with no frames if there are none
};
enum class Answer : uint8_t {
  kFrames = 0,
  kFailure = 1,  // a text in UTF-8 says why the link has ended
};
// Another backend sends a link's name and commands, and gets one byte, and a text if it is
// kRefused.
enum class Sent : uint8_t {
  kTaken = 0,
  kNoLink = 1,   // there is no such link
  kRefused = 2,  // these are no commands; the link has ended
};

// A link's name: random bits in hexadecimal.
inline constexpr size_t kLinkNameLength = 32;

inline constexpr size_t kLengthSize = sizeof(uint32_t);
inline constexpr size_t kCommandHeader = 1 + 4;        // behind the length
inline constexpr size_t kFrameHeader = 1 + 4 + 8 + 2;  // likewise

// Most bytes of commands in one call.
inline constexpr size_t kMaxCommands = 16u << 20;
// What may be said of a client that has connected, in bytes.
inline constexpr size_t kMaxOpening = 256u << 10;
// A link whose commands of so many bytes wait to be handled takes no more.
inline constexpr size_t kMaxUnread = 4u << 20;
// A link for which so many bytes of frames wait takes no more from its sessions, which fall behind.
inline constexpr size_t kMaxWaiting = 4u << 20;
// What tells that sessions are over is appended all the same. If that is so much, the link ends.
inline constexpr size_t kMaxBeyondRoom = kMaxWaiting;
// The largest frame.
inline constexpr size_t kMaxFrame = 32u << 20;
// About so many bytes of frames come at once.
inline constexpr size_t kMaxTaken = 1u << 20;

static_assert(std::endian::native == std::endian::little, "records are little-endian");

// A number that stands anywhere. REQUIRES: there are so many bytes.
template <typename Number>
Number Load(const char* from) {
  Number number;
  std::memcpy(&number, from, sizeof(number));
  return number;
}

template <typename Number>
void Append(Number number, std::string* to) {
  to->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

}  // namespace fsubs::session
