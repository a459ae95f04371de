// How much of the server one peer address holds, so that no single one takes it all.
//
// Loop thread only.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

namespace fsubs {

// Of one peer address; an IPv6 address counts with its /64. 0 is no limit.
struct PeerLimits {
  size_t connections = 0;
  size_t unfinished = 0;  // of them, those that have not asked for anything yet
};

class PeerCounts {
 public:
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

  // One connection's part of the counts: unfinished at first. Destroy it before the counts.
  class Share {
   public:
    Share(PeerCounts* counts, Counts::value_type* peer);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // The peer has asked for something.
    void Finish();

   private:
    PeerCounts* const counts_;
    Counts::value_type* const peer_;
    bool unfinished_ = true;
  };

  // The peer at that address, unless it holds as much as it may.
  Counts::value_type* Admit(const sockaddr_storage& address, const PeerLimits& limits);

 private:
  // Elements of an unordered_map stay where they are.
  Counts counts_;
};

}  // namespace fsubs
