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
#include <unordered_map>
#include <utility>

namespace fsubs {

// Of one peer address; an IPv6 address counts with its /64. 0 is no limit.
struct PeerLimits {
  size_t connections = 0;
  size_t unfinished = 0;  // of them, those that have not asked for anything yet
};

class PeerCounts {
  struct Count {
    size_t connections = 0;
    size_t unfinished = 0;
  };
  using Address = std::array<unsigned char, 16>;
  struct AddressHash {
    size_t operator()(const Address& address) const {
      return std::hash<std::string_view>()(
          {reinterpret_cast<const char*>(address.data()), address.size()});
    }
  };
  using Counts = std::unordered_map<Address, Count, AddressHash>;

 public:
  // One connection's part of the counts: unfinished at first. Destroy it before the counts.
  class Share {
   public:
    Share(Share&& other) noexcept
        : counts_(std::exchange(other.counts_, nullptr)),
          peer_(other.peer_),
          unfinished_(other.unfinished_) {}
    Share& operator=(Share&&) = delete;
    ~Share();

    // The peer has asked for something.
    void Finish();

   private:
    friend class PeerCounts;
    Share(PeerCounts* counts, Counts::value_type* peer) : counts_(counts), peer_(peer) {}

    PeerCounts* counts_;  // null: moved from
    Counts::value_type* peer_;
    bool unfinished_ = true;
  };

  // A share for a connection from that address, unless it holds as much as it may.
  std::optional<Share> Admit(const sockaddr_storage& address, const PeerLimits& limits);

 private:
  std::mutex mutex_;
  // Guarded by the mutex. Elements of an unordered_map stay where they are.
  Counts counts_;
};

}  // namespace fsubs
