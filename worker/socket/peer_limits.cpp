#include "worker/socket/peer_limits.hpp"

#include <netinet/in.h>

#include <algorithm>
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
                                                   const PeerLimits& limits, uint64_t now_us) {
  if (address.ss_family == AF_UNIX) return Share(nullptr, nullptr, std::nullopt);
  const std::scoped_lock lock(mutex_);
  now_us_ = std::max(now_us_, now_us);
  const Uses::Handle peer = uses_.Hold(AddressOf(address), now_us_);
  Use& use = Uses::UseOf(peer);
  if (limits.unfinished != 0 && use.unfinished >= limits.unfinished) {
    uses_.Release(peer, now_us_);
    return std::nullopt;
  }
  std::optional<PeerRefusal> refusal;
  if (limits.connections && use.connections >= limits.connections->count) {
    refusal = {LimitKey::kConnectionsPerAddress, kRetryAfterS};
  } else if (limits.new_connections) {
    if (use.arrivals) {
      use.arrivals->SetRate(*limits.new_connections, now_us_);
    } else {
      use.arrivals.emplace(*limits.new_connections, now_us_);
    }
    if (!use.arrivals->Take(now_us_)) {
      refusal = {LimitKey::kNewConnectionsPerAddress, use.arrivals->RetryAfterS(now_us_)};
    }
  }
  if (refusal && use.refused >= kToldAtATime) {
    uses_.Release(peer, now_us_);
    return std::nullopt;
  }
  ++(refusal ? use.refused : use.connections);
  ++use.unfinished;
  return Share(this, peer, refusal);
}

PeerCounts::Share::~Share() {
  if (counts_ == nullptr) return;
  const std::scoped_lock lock(counts_->mutex_);
  Use& use = Uses::UseOf(peer_);
  if (unfinished_) --use.unfinished;
  --(refusal_ ? use.refused : use.connections);
  counts_->uses_.Release(peer_, counts_->now_us_);
}

void PeerCounts::Share::Finish() {
  if (!unfinished_) return;
  unfinished_ = false;
  if (counts_ == nullptr) return;
  const std::scoped_lock lock(counts_->mutex_);
  --Uses::UseOf(peer_).unfinished;
}

size_t PeerCounts::addresses() {
  const std::scoped_lock lock(mutex_);
  return uses_.size();
}

}  // namespace fsubs
