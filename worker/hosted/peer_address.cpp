#include "worker/hosted/peer_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <string>

namespace fsubs {

std::optional<sockaddr_storage> ReadAddress(std::string_view peer) {
  std::string_view address = peer;
  if (address.starts_with('[')) {
    const size_t end = address.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    address = address.substr(1, end - 1);
  } else if (address.find(':') == address.rfind(':')) {
    address = address.substr(0, address.find(':'));
  }
  const std::string text(address);
  sockaddr_storage storage{};
  if (inet_pton(AF_INET, text.c_str(), &reinterpret_cast<sockaddr_in&>(storage).sin_addr) == 1) {
    storage.ss_family = AF_INET;
    return storage;
  }
  if (inet_pton(AF_INET6, text.c_str(), &reinterpret_cast<sockaddr_in6&>(storage).sin6_addr) == 1) {
    storage.ss_family = AF_INET6;
    return storage;
  }
  return std::nullopt;
}

}  // namespace fsubs
