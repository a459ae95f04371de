#include "worker/socket/peer_limits.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <vector>

#include "test/unit/worker/limits/rate.hpp"

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
    return counts_.Admit(Address(address), limits, now_us_);
  }

  // Whether a connection is served, if it asks for something.
  bool IsServed(const char* address, const PeerLimits& limits) {
    const auto share = Connect(address, limits);
    return share && !share->refusal();
  }

  PeerCounts counts_;
  uint64_t now_us_ = kSecondUs;
};

PeerLimits Connections(uint32_t count) {
  return {.connections = LimitValue{.count = count}};
}

TEST_F(PeerLimitsTest, WithoutALimitEverybodyIsAdmitted) {
  std::vector<std::optional<PeerCounts::Share>> shares;
  for (int i = 0; i < 1000; ++i) {
    shares.push_back(Connect("192.0.2.1", {}));
    ASSERT_TRUE(shares.back() && !shares.back()->refusal());
  }
}

TEST_F(PeerLimitsTest, AnAddressMayHoldSoManyConnections) {
  const PeerLimits limits = Connections(2);
  auto first = Connect("192.0.2.1", limits);
  const auto second = Connect("192.0.2.1", limits);
  EXPECT_FALSE(first->refusal() || second->refusal());
  const auto third = Connect("192.0.2.1", limits);
  ASSERT_TRUE(third && third->refusal());
  EXPECT_EQ(third->refusal()->limit, LimitKey::kConnectionsPerAddress);
  EXPECT_TRUE(IsServed("192.0.2.2", limits)) << "another address";
  first.reset();
  EXPECT_TRUE(IsServed("192.0.2.1", limits)) << "one has closed; the refused one does not count";
  EXPECT_FALSE(IsServed("192.0.2.3", Connections(0)));
}

TEST_F(PeerLimitsTest, OnlySoManyAtATimeAreToldThatTheyAreRefused) {
  const PeerLimits limits = Connections(1);
  const auto first = Connect("192.0.2.1", limits);
  std::vector<std::optional<PeerCounts::Share>> told;
  for (size_t i = 0; i < PeerCounts::kToldAtATime; ++i) {
    told.push_back(Connect("192.0.2.1", limits));
    ASSERT_TRUE(told.back() && told.back()->refusal());
  }
  EXPECT_FALSE(Connect("192.0.2.1", limits)) << "closed without a word";
  told.pop_back();
  EXPECT_TRUE(Connect("192.0.2.1", limits));
}

TEST_F(PeerLimitsTest, AnAddressMayConnectAtARate) {
  const PeerLimits limits{.new_connections = Rate("1/min burst 3")};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(IsServed("192.0.2.1", limits));
  const auto refused = Connect("192.0.2.1", limits);
  ASSERT_TRUE(refused && refused->refusal());
  EXPECT_EQ(refused->refusal()->limit, LimitKey::kNewConnectionsPerAddress);
  EXPECT_EQ(refused->refusal()->retry_after_s, 61u);
  EXPECT_TRUE(IsServed("192.0.2.2", limits)) << "another address";
  now_us_ += 60 * kSecondUs;
  EXPECT_TRUE(IsServed("192.0.2.1", limits));
  EXPECT_FALSE(IsServed("192.0.2.1", limits));
  EXPECT_TRUE(IsServed("192.0.2.1", {})) << "the limit was lifted";
}

TEST_F(PeerLimitsTest, AnAddressIsForgottenWhenItsRateHasRecovered) {
  const PeerLimits limits{.new_connections = Rate("1/s")};
  EXPECT_TRUE(IsServed("192.0.2.1", limits));
  EXPECT_EQ(counts_.addresses(), 1u);
  now_us_ += kSecondUs;
  EXPECT_TRUE(IsServed("192.0.2.2", {}));
  EXPECT_EQ(counts_.addresses(), 0u);
}

TEST_F(PeerLimitsTest, WhatIsClosedForBeingUnfinishedTakesNothingFromTheRate) {
  PeerLimits limits{.new_connections = Rate("1/h burst 2"), .unfinished = 1};
  auto first = Connect("192.0.2.1", limits);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Connect("192.0.2.1", limits));
  first->Finish();
  EXPECT_TRUE(IsServed("192.0.2.1", limits));
}

TEST_F(PeerLimitsTest, APeerByUnixSocketHasNoLimit) {
  const sockaddr_storage by_socket{.ss_family = AF_UNIX};
  const auto first = counts_.Admit(by_socket, Connections(0), now_us_);
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->refusal());
  EXPECT_EQ(counts_.addresses(), 0u);
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
  EXPECT_FALSE(IsServed("192.0.2.1", Connections(1)));
}

TEST_F(PeerLimitsTest, AnIpv6AddressCountsWithItsNetwork) {
  const PeerLimits limits = Connections(1);
  const auto first = Connect("2001:db8:0:1::1", limits);
  EXPECT_FALSE(IsServed("2001:db8:0:1:ffff::2", limits));
  EXPECT_TRUE(IsServed("2001:db8:0:2::1", limits));
}

TEST_F(PeerLimitsTest, AnIpv4AddressIsTheSameByEitherSocket) {
  const PeerLimits limits = Connections(1);
  const auto first = Connect("192.0.2.1", limits);
  EXPECT_FALSE(IsServed("::ffff:192.0.2.1", limits));
  EXPECT_TRUE(IsServed("::ffff:192.0.2.2", limits));
}

TEST_F(PeerLimitsTest, ThreadsCountTogether) {
  constexpr size_t kLimit = 3;
  const PeerLimits limits = Connections(kLimit);
  std::vector<std::optional<PeerCounts::Share>> kept(4);
  {
    std::vector<std::jthread> threads;
    for (auto& share : kept) {
      threads.emplace_back([this, &share, &limits] {
        for (int i = 0; i < 1000; ++i) {
          auto passing = Connect("192.0.2.2", limits);
          if (passing) passing->Finish();
        }
        auto admitted = Connect("192.0.2.1", limits);
        if (admitted && !admitted->refusal()) share.emplace(std::move(*admitted));
      });
    }
  }
  EXPECT_EQ(std::count_if(kept.begin(), kept.end(), [](const auto& share) { return !!share; }),
            kLimit);
  kept.clear();
  EXPECT_EQ(counts_.addresses(), 0u) << "nothing is left of those that passed";
}

}  // namespace
}  // namespace fsubs
