#include "worker/socket/peer_limits.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <vector>

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

class PeerLimitsTest : public testing::Test {
 protected:
  std::optional<PeerCounts::Share> Connect(const char* address, const PeerLimits& limits) {
    return counts_.Admit(Address(address), limits);
  }

  PeerCounts counts_;
};

TEST_F(PeerLimitsTest, WithoutALimitEverybodyIsAdmitted) {
  std::vector<std::optional<PeerCounts::Share>> shares;
  for (int i = 0; i < 1000; ++i) {
    shares.push_back(Connect("192.0.2.1", {}));
    ASSERT_TRUE(shares.back());
  }
}

TEST_F(PeerLimitsTest, AnAddressMayHoldSoManyConnections) {
  const PeerLimits limits{.connections = 2};
  auto first = Connect("192.0.2.1", limits);
  const auto second = Connect("192.0.2.1", limits);
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(Connect("192.0.2.1", limits));
  EXPECT_TRUE(Connect("192.0.2.2", limits)) << "another address";
  first.reset();
  EXPECT_TRUE(Connect("192.0.2.1", limits)) << "one has closed";
}

TEST_F(PeerLimitsTest, ThoseThatHaveAskedForSomethingAreFinished) {
  const PeerLimits limits{.unfinished = 1};
  auto first = Connect("192.0.2.1", limits);
  EXPECT_FALSE(Connect("192.0.2.1", limits));
  first->Finish();
  const auto second = Connect("192.0.2.1", limits);
  EXPECT_TRUE(second);
  EXPECT_FALSE(Connect("192.0.2.1", limits));
}

TEST_F(PeerLimitsTest, LimitsThatComeLaterCountWhatWasThere) {
  const auto first = Connect("192.0.2.1", {});
  EXPECT_FALSE(Connect("192.0.2.1", {.connections = 1}));
}

TEST_F(PeerLimitsTest, AnIpv6AddressCountsWithItsNetwork) {
  const PeerLimits limits{.connections = 1};
  const auto first = Connect("2001:db8:0:1::1", limits);
  EXPECT_FALSE(Connect("2001:db8:0:1:ffff::2", limits));
  EXPECT_TRUE(Connect("2001:db8:0:2::1", limits));
}

TEST_F(PeerLimitsTest, AnIpv4AddressIsTheSameByEitherSocket) {
  const PeerLimits limits{.connections = 1};
  const auto first = Connect("192.0.2.1", limits);
  EXPECT_FALSE(Connect("::ffff:192.0.2.1", limits));
  EXPECT_TRUE(Connect("::ffff:192.0.2.2", limits));
}

TEST_F(PeerLimitsTest, ThreadsCountTogether) {
  constexpr size_t kLimit = 3;
  std::vector<std::optional<PeerCounts::Share>> kept(4);
  {
    std::vector<std::jthread> threads;
    for (auto& share : kept) {
      threads.emplace_back([this, &share] {
        for (int i = 0; i < 1000; ++i) {
          auto passing = Connect("192.0.2.2", {.connections = kLimit});
          if (passing) passing->Finish();
        }
        if (auto admitted = Connect("192.0.2.1", {.connections = kLimit})) {
          share.emplace(std::move(*admitted));
        }
      });
    }
  }
  EXPECT_EQ(std::count_if(kept.begin(), kept.end(), [](const auto& share) { return !!share; }),
            kLimit);
  EXPECT_TRUE(Connect("192.0.2.2", {.connections = 1})) << "nothing is left of those that passed";
}

}  // namespace
}  // namespace fsubs
