#include "worker/socket/peer_limits.hpp"

#include <netinet/in.h>

#include <cstring>

namespace fsubs {
namespace {

// Whoever has one address of a /64 has all of them.
constexpr size_t kIpv6PrefixBytes = 8;

std::array<unsigned char, 16> AddressOf(const sockaddr_storage& address) {
  std::array<unsigned char, 16> bytes{};
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

std::optional<PeerCounts::Share> PeerCounts::Admit(const sockaddr_storage& address,
                                                   const PeerLimits& limits) {
  const std::scoped_lock lock(mutex_);
  Counts::value_type& peer = *counts_.try_emplace(AddressOf(address)).first;
  Count& count = peer.second;
  // A peer without a connection is not counted, so no limit refuses its first.
  if ((limits.connections != 0 && count.connections >= limits.connections) ||
      (limits.unfinished != 0 && count.unfinished >= limits.unfinished)) {
    return std::nullopt;
  }
  ++count.connections;
  ++count.unfinished;
  return Share(this, &peer);
}

PeerCounts::Share::~Share() {
  if (counts_ == nullptr) return;
  const std::scoped_lock lock(counts_->mutex_);
  Count& count = peer_->second;
  if (unfinished_) --count.unfinished;
  if (--count.connections == 0) counts_->counts_.erase(Address(peer_->first));
}

void PeerCounts::Share::Finish() {
  if (!unfinished_) return;
  unfinished_ = false;
  const std::scoped_lock lock(counts_->mutex_);
  --peer_->second.unfinished;
}

}  // namespace fsubs
