#include "worker/socket/trusted_proxies.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace fsubs {
namespace {

sockaddr_storage Address(const char* text) {
  sockaddr_storage address{};
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&address);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    address.ss_family = AF_INET;
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text, &v6->sin6_addr), 1) << text;
    address.ss_family = AF_INET6;
  }
  return address;
}

bool Trusts(const char* list, const char* address) {
  return TrustedProxies(list).Contain(Address(address));
}

TEST(TrustedProxiesTest, NobodyIsTrustedByAnEmptyList) {
  for (const char* const list : {"", " ", ", ,"}) {
    EXPECT_FALSE(Trusts(list, "127.0.0.1"));
    EXPECT_FALSE(Trusts(list, "::1"));
    EXPECT_FALSE(TrustedProxies(list).Contain({.ss_family = AF_UNIX}));
  }
}

TEST(TrustedProxiesTest, AnAddressStandsForItselfAlone) {
  EXPECT_TRUE(Trusts("10.0.0.5", "10.0.0.5"));
  EXPECT_FALSE(Trusts("10.0.0.5", "10.0.0.4"));
  EXPECT_TRUE(Trusts("2001:db8::1", "2001:db8::1"));
  EXPECT_FALSE(Trusts("2001:db8::1", "2001:db8::2"));
}

TEST(TrustedProxiesTest, ANetworkStandsForAllThatBeginLikeIt) {
  EXPECT_TRUE(Trusts("10.1.0.0/16", "10.1.255.255"));
  EXPECT_FALSE(Trusts("10.1.0.0/16", "10.2.0.0"));
  EXPECT_TRUE(Trusts("10.1.128.0/17", "10.1.128.1"));
  EXPECT_FALSE(Trusts("10.1.128.0/17", "10.1.127.1"));
  EXPECT_TRUE(Trusts("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(Trusts("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(Trusts("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(Trusts("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(Trusts("::/0", "2001:db8::1"));
}

TEST(TrustedProxiesTest, AnIpv4AddressIsTheSameByEitherSocket) {
  EXPECT_TRUE(Trusts("10.0.0.0/8", "::ffff:10.2.3.4"));
  EXPECT_FALSE(Trusts("10.0.0.0/8", "::ffff:11.2.3.4"));
}

TEST(TrustedProxiesTest, EntriesAreSeparatedByCommasAndSpaces) {
  const char* const list = "10.0.0.5,10.0.0.6, 10.0.0.7 unix";
  for (const char* const address : {"10.0.0.5", "10.0.0.6", "10.0.0.7"}) {
    EXPECT_TRUE(Trusts(list, address)) << address;
  }
  EXPECT_TRUE(TrustedProxies(list).Contain({.ss_family = AF_UNIX}));
  EXPECT_FALSE(TrustedProxies("10.0.0.5").Contain({.ss_family = AF_UNIX}));
}

TEST(TrustedProxiesTest, WhatIsNoNetworkTrustsNobody) {
  for (const char* const list : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/08",
                                 "10.0.0.0/8x", "host", "10.0.0", "::/129"}) {
    EXPECT_FALSE(Trusts(list, "10.0.0.0")) << list;
  }
}

}  // namespace
}  // namespace fsubs
