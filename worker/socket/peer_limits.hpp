// How much of the server one peer address holds, so that no single one takes it all.
//
// Any thread: the kernel spreads the connections of an address over the shards at random, so that
// shares of a small limit would be full long before the limit is.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "contract/limit.hpp"
#include "worker/limits/token_bucket.hpp"
#include "worker/limits/use_table.hpp"

namespace fsubs {

// Of one peer address; an IPv6 address counts with its /64.
struct PeerLimits {
  std::optional<LimitValue> connections;
  std::optional<LimitValue> new_connections;  // a rate
  size_t unfinished = 0;  // those that have not asked for anything yet; 0 is no limit
};

// When it may be worth to try again, if nothing tells: another connection must end first.
inline constexpr uint64_t kRetryAfterS = 10;

// Why a connection is refused as soon as it has asked for something.
struct PeerRefusal {
  LimitKey limit;
  uint64_t retry_after_s;
};

class PeerCounts {
  struct Use {
    bool IsAtRest(uint64_t now_us) { return !arrivals || arrivals->IsFull(now_us); }

    size_t connections = 0;  // without those that are refused
    size_t refused = 0;
    size_t unfinished = 0;
    std::optional<TokenBucket> arrivals;
  };
  using Address = std::array<unsigned char, 16>;
  struct AddressHash {
    size_t operator()(const Address& address) const {
      return std::hash<std::string_view>()(
          {reinterpret_cast<const char*>(address.data()), address.size()});
    }
  };
  using Uses = UseTable<Address, Use, AddressHash>;

 public:
  // One connection's part of the counts: unfinished at first. Destroy it before the counts.
  class Share {
   public:
    Share(Share&& other) noexcept
        : counts_(std::exchange(other.counts_, nullptr)),
          peer_(other.peer_),
          refusal_(other.refusal_),
          unfinished_(other.unfinished_) {}
    Share& operator=(Share&&) = delete;
    ~Share();

    // The peer has asked for something.
    void Finish();

    // What its first request is to be answered with, rather than by what it asks for.
    const std::optional<PeerRefusal>& refusal() const { return refusal_; }

   private:
    friend class PeerCounts;
    Share(PeerCounts* counts, Uses::Handle peer, const std::optional<PeerRefusal>& refusal)
        : counts_(counts), peer_(peer), refusal_(refusal) {}

    PeerCounts* counts_;  // null: moved from, or of a peer that has no address
    Uses::Handle peer_;
    std::optional<PeerRefusal> refusal_;
    bool unfinished_ = true;
  };

  // Of so many connections of an address at a time the peer is told that they are refused, which
  // takes until they have asked for something.
  static constexpr size_t kToldAtATime = 16;

  // A share for a connection from that address. Nothing: it is to be closed without a word. A peer
  // by Unix socket has no address, and no limit.
  std::optional<Share> Admit(const sockaddr_storage& address, const PeerLimits& limits,
                             uint64_t now_us);

  // Addresses of which something is known.
  size_t addresses();

 private:
  std::mutex mutex_;
  // Guarded by it.
  Uses uses_;
  uint64_t now_us_ = 0;  // the latest time that was handed in
};

}  // namespace fsubs
