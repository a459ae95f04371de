// What the worker and its dialer tell each other: packets on a pair of sockets of the type
// SOCK_SEQPACKET.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fsubs {

inline constexpr size_t kMaxDialHost = 253;
inline constexpr size_t kMaxDialText = 512;

// In front of a host.
struct DialRequestHead {
  uint32_t id;
  uint16_t port;
};

// In front of a text that says what went wrong. Empty: the connection is attached to the packet
// (SCM_RIGHTS).
struct DialReplyHead {
  uint32_t id;
};

}  // namespace fsubs
