#include "worker/shard/expiry_clock.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "test/unit/worker/client/fake_host.hpp"
#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kNow = 1'000'000 * kSecond;

int64_t now_us;

class ExpiryClockTest : public testing::Test {
 protected:
  ExpiryClockTest() {
    now_us = kNow;
    clock_.Attach(loop_.get());
    host_.watch_expiry = [this](Client* client) { clock_.Watch(client->id()); };
  }

  FakeClient* Connect(std::optional<int64_t> expires_at_us) {
    FakeClient* const client = &clients_.emplace_back(&host_, clients_.size() + 1);
    Identify(client, expires_at_us);
    return client;
  }
  void Identify(FakeClient* client, std::optional<int64_t> expires_at_us) {
    auto identity = std::make_shared<Identity>();
    identity->is_anonymous = false;
    identity->expires_at_us = expires_at_us;
    client->Become(std::move(identity));
  }
  // Nobody has been looked at too early if the one that is due now is the first.
  void UntilDue() {
    const FakeClient* const due = Connect(now_us - 1);
    loop_.RunUntil([&] { return !due->disconnected.empty(); });
  }

  FakeHost host_;
  std::deque<FakeClient> clients_;
  ExpiryClock clock_{&host_.clients(), [] { return now_us; }};
  TestLoop loop_;
};

TEST_F(ExpiryClockTest, AClientWhoseTimeIsOverIsDisconnected) {
  const FakeClient* const client = Connect(kNow);
  loop_.RunUntil([&] { return !client->disconnected.empty(); });
  EXPECT_EQ(client->disconnected, "4403 Token expired");
  EXPECT_EQ(host_.counters()->tokens_expired.get(), 1u);
  EXPECT_EQ(clock_.size(), 0u);
}

TEST_F(ExpiryClockTest, AnotherIsNot) {
  const FakeClient* const client = Connect(kNow + 3600 * kSecond);
  const FakeClient* const everlasting = Connect(std::nullopt);
  UntilDue();
  EXPECT_EQ(client->disconnected + everlasting->disconnected, "");
  EXPECT_EQ(client->notices.size(), 0u);
  EXPECT_EQ(clock_.size(), 1u);
}

TEST_F(ExpiryClockTest, ItIsToldOnceSomeTimeAhead) {
  host_.mutable_options()->expiry_notice = 60'000;
  FakeClient* const client = Connect(kNow + 100 * kSecond);
  UntilDue();
  EXPECT_TRUE(client->notices.empty());
  now_us = kNow + 45 * kSecond;
  clock_.WatchAll();
  UntilDue();
  clock_.WatchAll();
  UntilDue();
  EXPECT_EQ(client->notices, std::vector<uint64_t>{55});
}

TEST_F(ExpiryClockTest, OneThatComesLateIsToldAtOnce) {
  host_.mutable_options()->expiry_notice = 60'000;
  const FakeClient* const client = Connect(kNow + 10 * kSecond + 1);
  loop_.RunUntil([&] { return !client->notices.empty(); });
  EXPECT_EQ(client->notices, std::vector<uint64_t>{10});
}

TEST_F(ExpiryClockTest, WithoutANoticeNobodyIsTold) {
  host_.mutable_options()->expiry_notice = 0;
  const FakeClient* const client = Connect(kNow + 10 * kSecond);
  UntilDue();
  EXPECT_TRUE(client->notices.empty());
}

TEST_F(ExpiryClockTest, ALongerNoticeReachesThoseWhoAreThere) {
  host_.mutable_options()->expiry_notice = 1000;
  const FakeClient* const client = Connect(kNow + 100 * kSecond);
  UntilDue();
  host_.mutable_options()->expiry_notice = 600'000;
  clock_.WatchAll();
  loop_.RunUntil([&] { return !client->notices.empty(); });
}

TEST_F(ExpiryClockTest, ARenewalMovesTheTimeAndIsFollowedByANoticeOfItsOwn) {
  host_.mutable_options()->expiry_notice = 60'000;
  FakeClient* const client = Connect(kNow + 10 * kSecond);
  loop_.RunUntil([&] { return client->notices.size() == 1; });
  Identify(client, kNow + 1000 * kSecond);
  now_us = kNow + 20 * kSecond;
  UntilDue();
  EXPECT_EQ(client->disconnected, "");
  EXPECT_EQ(clock_.size(), 1u);
  now_us = kNow + 990 * kSecond;
  clock_.WatchAll();
  loop_.RunUntil([&] { return client->notices.size() == 2; });
  EXPECT_EQ(client->notices.back(), 10u);
}

TEST_F(ExpiryClockTest, AWallClockThatIsSetBackDelaysNothingForEver) {
  const FakeClient* const client = Connect(kNow + 1000);
  now_us = kNow - 3600 * kSecond;
  UntilDue();
  EXPECT_EQ(client->disconnected, "");
  now_us = kNow + 1000;
  clock_.WatchAll();
  loop_.RunUntil([&] { return !client->disconnected.empty(); });
}

TEST_F(ExpiryClockTest, OneThatLeftIsForgotten) {
  {
    FakeClient gone(&host_, 99);
    Identify(&gone, kNow + kSecond);
    EXPECT_EQ(clock_.size(), 1u);
    clock_.Forget(gone.id());
  }
  EXPECT_EQ(clock_.size(), 0u);
}

TEST_F(ExpiryClockTest, ManyThatExpireAtOnceTakeSeveralTurns) {
  constexpr size_t kMany = 1000;
  for (size_t i = 0; i < kMany; ++i) Connect(kNow);
  loop_.RunUntil([&] { return clock_.size() < kMany; });
  EXPECT_GT(clock_.size(), 0u);
  loop_.RunUntil([&] { return clock_.size() == 0; });
  for (const FakeClient& client : clients_) EXPECT_EQ(client.disconnected, "4403 Token expired");
}

}  // namespace
}  // namespace fsubs
