#include "worker/socket/trusted_proxies.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "contract/proxy_list.hpp"

namespace fsubs {
namespace {

// In front of an IPv4 address as a socket for IPv6 has it.
constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr int kMappedBits = 8 * kMapped.size();

constexpr int kV4Bits = 32;
constexpr int kV6Bits = 128;

}  // namespace

TrustedProxies::TrustedProxies(std::string_view list) {
  for (;;) {
    const std::string_view entry = TakeProxy(&list);
    if (entry.empty()) return;
    if (entry == kUnixProxy) {
      unix_socket_ = true;
      continue;
    }
    const std::string text(AddressOfProxy(entry));
    Network network{};
    std::copy(kMapped.begin(), kMapped.end(), network.address.begin());
    if (inet_pton(AF_INET, text.c_str(), network.address.data() + kMapped.size()) == 1) {
      const auto bits = BitsOfProxy(entry, kV4Bits);
      if (!bits) continue;
      network.bits = kMappedBits + *bits;
    } else {
      const auto bits = BitsOfProxy(entry, kV6Bits);
      if (!bits || inet_pton(AF_INET6, text.c_str(), network.address.data()) != 1) continue;
      network.bits = *bits;
    }
    networks_.push_back(network);
  }
}

bool TrustedProxies::Contain(const sockaddr_storage& peer) const {
  Address address{};
  if (peer.ss_family == AF_UNIX) return unix_socket_;
  if (peer.ss_family == AF_INET6) {
    std::memcpy(address.data(), &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr,
                address.size());
  } else {
    std::copy(kMapped.begin(), kMapped.end(), address.begin());
    std::memcpy(address.data() + kMapped.size(),
                &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, sizeof(in_addr));
  }
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    for (int bit = 0; bit < network.bits; ++bit) {
      const unsigned char mask = 0x80 >> bit % 8;
      if (((address[bit / 8] ^ network.address[bit / 8]) & mask) != 0) return false;
    }
    return true;
  });
}

}  // namespace fsubs
