#include "worker/hosted/peer_address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>

namespace fsubs {
namespace {

std::string Read(std::string_view peer) {
  const auto address = ReadAddress(peer);
  if (!address) return "none";
  char text[INET6_ADDRSTRLEN];
  const void* const bytes =
      address->ss_family == AF_INET
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(*address).sin_addr)
          : &reinterpret_cast<const sockaddr_in6&>(*address).sin6_addr;
  return inet_ntop(address->ss_family, bytes, text, sizeof(text));
}

TEST(PeerAddress, IsReadWithAPortAndWithout) {
  EXPECT_EQ(Read("192.0.2.1:5678"), "192.0.2.1");
  EXPECT_EQ(Read("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(Read("[2001:db8::1]:5678"), "2001:db8::1");
  EXPECT_EQ(Read("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(Read("2001:db8::1"), "2001:db8::1");
}

TEST(PeerAddress, OtherTextsAreNone) {
  for (const char* text : {"", ":", "[", "[]", "[::1", "unix:", "localhost:1", "1.2.3", "1.2.3.4.5",
                           "somebody", "[192.0.2.999]:1"}) {
    EXPECT_EQ(Read(text), "none") << text;
  }
}

}  // namespace
}  // namespace fsubs
