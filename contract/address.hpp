// Where another program is reached by TCP.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace fsubs {

struct Address {
  std::string host;  // a name or an IP address, without brackets
  uint16_t port = 0;

  auto operator<=>(const Address&) const = default;
};

// "host:port", or "[host]:port" for IPv6.
inline std::string ToString(const Address& address) {
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace fsubs
