// The header of a proxy: what it says depends neither on what follows nor on how it is cut.
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "worker/socket/proxy_header.hpp"

using namespace fsubs;

namespace {

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

bool AreEqual(const ProxyHeader& one, const ProxyHeader& other) {
  return one.state == other.state && one.length == other.length &&
         one.client.has_value() == other.client.has_value() &&
         (!one.client || std::memcmp(&*one.client, &*other.client, sizeof(*one.client)) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const ProxyHeader header = ParseProxyHeader(bytes);
  const bool is_complete = header.state == ProxyHeader::State::kComplete;
  Require(size < kMaxProxyHeader || header.state != ProxyHeader::State::kIncomplete);
  Require(is_complete == (header.length > 0));
  Require(header.length <= size && header.length <= kMaxProxyHeader);
  if (header.client) {
    const sa_family_t family = header.client->ss_family;
    Require(is_complete && (family == AF_INET || family == AF_INET6));
  }
  if (header.state != ProxyHeader::State::kIncomplete) {
    Require(AreEqual(ParseProxyHeader(bytes + "GET"), header));
  }
  const size_t end = is_complete ? header.length : 0;
  for (size_t length = 0; length < end; ++length) {
    const auto cut = ParseProxyHeader(std::string_view(bytes).substr(0, length));
    Require(cut.state == ProxyHeader::State::kIncomplete);
  }
  return 0;
}
