#include "worker/limits/limit_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "test/unit/worker/limits/rate.hpp"

namespace fsubs {
namespace {

using Share = LimitTable::Share;

class LimitTableTest : public testing::Test {
 protected:
  // A share, or the limit that forbids it.
  std::unique_ptr<Share> Connect(std::optional<std::string> user,
                                 std::optional<std::string> tenant = std::nullopt,
                                 std::string issuer = "i") {
    Identity identity;
    identity.issuer = std::move(issuer);
    identity.user = std::move(user);
    identity.tenant = std::move(tenant);
    auto share = std::make_unique<Share>();
    reached_ = table_.Admit(identity, limits_, now_us_, share.get());
    if (reached_) share.reset();
    return share;
  }

  LimitTable table_;
  Limits limits_;
  uint64_t now_us_ = kSecondUs;
  std::optional<LimitKey> reached_;
};

TEST_F(LimitTableTest, AUserMayHaveSoManyConnections) {
  limits_.Set(LimitKey::kConnectionsPerUser, LimitValue{.count = 2});
  auto first = Connect("anna");
  const auto second = Connect("anna");
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(Connect("anna"));
  EXPECT_EQ(reached_, LimitKey::kConnectionsPerUser);
  EXPECT_TRUE(Connect("bert"));
  EXPECT_TRUE(Connect("anna", std::nullopt, "other issuer"));
  EXPECT_TRUE(Connect(std::nullopt)) << "who is no user has no limit of users";
  first.reset();
  EXPECT_TRUE(Connect("anna"));
}

TEST_F(LimitTableTest, ATenantMayHaveSoManyConnectionsWhoeverItsUsersAre) {
  limits_.Set(LimitKey::kConnectionsPerTenant, LimitValue{.count = 2});
  const auto first = Connect("anna", "acme");
  const auto second = Connect(std::nullopt, "acme");
  EXPECT_FALSE(Connect("bert", "acme"));
  EXPECT_EQ(reached_, LimitKey::kConnectionsPerTenant);
  EXPECT_TRUE(Connect("bert", "other"));
  EXPECT_TRUE(Connect("bert"));
}

TEST_F(LimitTableTest, ARefusedConnectionCountsNowhere) {
  limits_.Set(LimitKey::kConnectionsPerTenant, LimitValue{.count = 0});
  EXPECT_FALSE(Connect("anna", "acme"));
  EXPECT_EQ(table_.users(), 0u);
  limits_.Set(LimitKey::kConnectionsPerTenant, std::nullopt);
  limits_.Set(LimitKey::kConnectionsPerUser, LimitValue{.count = 1});
  EXPECT_TRUE(Connect("anna", "acme"));
}

TEST_F(LimitTableTest, ASmallerLimitEndsNobodyAndRefusesNewOnes) {
  const auto first = Connect("anna");
  auto second = Connect("anna");
  limits_.Set(LimitKey::kConnectionsPerUser, LimitValue{.count = 1});
  EXPECT_FALSE(Connect("anna"));
  second.reset();
  EXPECT_FALSE(Connect("anna"));
}

TEST_F(LimitTableTest, SubscriptionsCountOverAllConnectionsOfAUser) {
  limits_.Set(LimitKey::kSubscriptionsPerUser, LimitValue{.count = 2});
  const auto first = Connect("anna");
  const auto second = Connect("anna");
  EXPECT_EQ(first->AddSubscription(limits_, now_us_), std::nullopt);
  EXPECT_EQ(second->AddSubscription(limits_, now_us_), std::nullopt);
  EXPECT_EQ(first->AddSubscription(limits_, now_us_), LimitKey::kSubscriptionsPerUser);
  EXPECT_EQ(Connect("bert")->AddSubscription(limits_, now_us_), std::nullopt);
  EXPECT_EQ(Share().AddSubscription(limits_, now_us_), std::nullopt);
  second->RemoveSubscription();
  EXPECT_EQ(first->AddSubscription(limits_, now_us_), std::nullopt);
}

TEST_F(LimitTableTest, OnlyWhatIsSubscribedTakesFromItsRate) {
  limits_.Set(LimitKey::kSubscriptionsPerUser, LimitValue{.count = 1});
  limits_.Set(LimitKey::kSubscriptionsCreatedPerUser, Rate("1/h burst 2"));
  const auto share = Connect("anna");
  EXPECT_EQ(share->AddSubscription(limits_, now_us_), std::nullopt);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(share->AddSubscription(limits_, now_us_), LimitKey::kSubscriptionsPerUser);
  }
  share->RemoveSubscription();
  EXPECT_EQ(share->AddSubscription(limits_, now_us_), std::nullopt);
  share->RemoveSubscription();
  EXPECT_EQ(share->AddSubscription(limits_, now_us_), LimitKey::kSubscriptionsCreatedPerUser);
}

TEST_F(LimitTableTest, WhoComesBackFindsTheBucketsAsTheyWereLeft) {
  limits_.Set(LimitKey::kSubscriptionsCreatedPerUser, Rate("1/s"));
  const auto subscribe = [&] { return Connect("anna")->AddSubscription(limits_, now_us_); };
  EXPECT_EQ(subscribe(), std::nullopt);
  EXPECT_EQ(subscribe(), LimitKey::kSubscriptionsCreatedPerUser);
  EXPECT_EQ(table_.users(), 1u);
  now_us_ += kSecondUs;
  EXPECT_TRUE(Connect("bert"));
  EXPECT_EQ(table_.users(), 0u) << "full ones are forgotten";
}

TEST_F(LimitTableTest, EventsOfAllConnectionsTakeFromOneBucket) {
  const auto first = Connect("anna");
  const auto second = Connect("anna");
  const LimitValue rate = Rate("1/s burst 3");
  EXPECT_TRUE(first->TakeEvent(rate, now_us_));
  EXPECT_TRUE(second->TakeEvent(rate, now_us_));
  EXPECT_TRUE(first->TakeEvent(rate, now_us_));
  EXPECT_FALSE(second->TakeEvent(rate, now_us_));
  first->PutEventBack();
  EXPECT_TRUE(second->TakeEvent(rate, now_us_));
  EXPECT_TRUE(second->TakeEvent(rate, now_us_ + kSecondUs));
  EXPECT_TRUE(Connect(std::nullopt)->TakeEvent(Rate("0"), now_us_)) << "of no user";
}

TEST_F(LimitTableTest, ThreadsCountConnectionsTogether) {
  limits_.Set(LimitKey::kConnectionsPerUser, LimitValue{.count = 3});
  std::vector<Share> kept(4);
  std::atomic<size_t> admitted = 0;
  {
    std::vector<std::jthread> threads;
    for (Share& share : kept) {
      threads.emplace_back([&] {
        Identity identity;
        identity.user = "anna";
        for (int i = 0; i < 1000; ++i) {
          Share passing;
          (void)table_.Admit(identity, limits_, now_us_, &passing);
        }
        admitted += !table_.Admit(identity, limits_, now_us_, &share);
      });
    }
  }
  EXPECT_EQ(admitted, 3u);
  kept.clear();
  EXPECT_EQ(table_.users(), 0u);
}

TEST_F(LimitTableTest, ThreadsTakeEventsFromOneBucket) {
  const LimitValue rate = Rate("1/h burst 1000");
  std::atomic<size_t> taken = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, share = Connect("anna")] {
        for (int i = 0; i < 1000; ++i) taken += share->TakeEvent(rate, now_us_);
      });
    }
  }
  EXPECT_EQ(taken, 1000u);
}

}  // namespace
}  // namespace fsubs
