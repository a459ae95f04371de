// What the worker and its fetcher tell each other: packets on a pair of sockets of the type
// SOCK_SEQPACKET, so that a fetcher that ends in the middle of an answer leaves nothing half-read
// to the next one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fsubs {

inline constexpr size_t kMaxUrl = 2048;
inline constexpr size_t kMaxDocument = 256 * 1024;
inline constexpr size_t kMaxFetchText = 1024;     // of a Cache-Control, or an error
inline constexpr size_t kPacketText = 32 * 1024;  // most behind a head

// At a time.
inline constexpr size_t kMaxFetches = 8;

// In front of a URL.
struct FetchRequestHead {
  uint32_t id;
};

enum class FetchReplyKind : uint32_t {
  kStarted,       // a new fetcher: what the one before it had not answered is lost
  kDocument,      // the next part of it
  kCacheControl,  // that header
  kDone,          // the document is complete
  kFailed,        // instead: why there is none
};

// In front of a text.
struct FetchReplyHead {
  uint32_t id;
  FetchReplyKind kind;
};

}  // namespace fsubs
