#include "worker/socket/peer_limits.hpp"

#include <netinet/in.h>

#include <cstring>

namespace fsubs {
namespace {

// Whoever has one address of a /64 has all of them.
constexpr size_t kIpv6PrefixBytes = 8;

PeerCounts::Address AddressOf(const sockaddr_storage& address) {
  PeerCounts::Address bytes{};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6);
    std::memcpy(bytes.data(), &v6, mapped ? sizeof(v6) : kIpv6PrefixBytes);
  } else {
    bytes[10] = bytes[11] = 0xFF;
    std::memcpy(bytes.data() + 12, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
  }
  return bytes;
}

}  // namespace

PeerCounts::Counts::value_type* PeerCounts::Admit(const sockaddr_storage& address,
                                                  const PeerLimits& limits) {
  Counts::value_type& peer = *counts_.try_emplace(AddressOf(address)).first;
  const Count& count = peer.second;
  // A peer without a connection is not counted, so no limit refuses its first.
  if ((limits.connections != 0 && count.connections >= limits.connections) ||
      (limits.unfinished != 0 && count.unfinished >= limits.unfinished)) {
    return nullptr;
  }
  return &peer;
}

PeerCounts::Share::Share(PeerCounts* counts, Counts::value_type* peer)
    : counts_(counts), peer_(peer) {
  ++peer_->second.connections;
  ++peer_->second.unfinished;
}

PeerCounts::Share::~Share() {
  Finish();
  if (--peer_->second.connections == 0) counts_->counts_.erase(Address(peer_->first));
}

void PeerCounts::Share::Finish() {
  if (!unfinished_) return;
  unfinished_ = false;
  --peer_->second.unfinished;
}

}  // namespace fsubs
