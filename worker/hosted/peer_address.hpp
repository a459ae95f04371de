// The address in what a host says of its client's socket.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string_view>

namespace fsubs {

// Reads "192.0.2.1:5678" and "[2001:db8::1]:5678", with or without a port. Nothing if it is another
// text.
std::optional<sockaddr_storage> ReadAddress(std::string_view peer);

}  // namespace fsubs
