// The header by which a proxy tells whom it has connected for: the PROXY protocol, versions 1 and
// 2, https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fsubs {

// A longer header, of which nothing but further facts about the connection can be that long, is
// malformed.
inline constexpr size_t kMaxProxyHeader = 4096;

struct ProxyHeader {
  enum class State : uint8_t { kIncomplete, kComplete, kMalformed };
  State state;
  size_t length = 0;  // of the header
  // An IPv4 or IPv6 address and port; none: the connection is the proxy's own, or of a kind that
  // has no address.
  std::optional<sockaddr_storage> client;
};

// Read the header with which `bytes` begin, of which more may be to come.
ProxyHeader ParseProxyHeader(std::string_view bytes);

}  // namespace fsubs
