// Whose word on the client's address is taken: the setting `proxy_protocol_from`.
#pragma once

#include <sys/socket.h>

#include <array>
#include <string_view>
#include <vector>

namespace fsubs {

class TrustedProxies {
 public:
  // Entries that are no address or network are left out: the setting was checked when it was set.
  explicit TrustedProxies(std::string_view list);

  // Whether the peer with that address is one. An IPv4 address is the same by either kind of
  // socket.
  bool Contain(const sockaddr_storage& address) const;

 private:
  using Address = std::array<unsigned char, 16>;
  struct Network {
    Address address;
    int bits;  // that are the same for all of it
  };

  std::vector<Network> networks_;
  bool unix_socket_ = false;
};

}  // namespace fsubs
