#include "worker/shard/flush_list.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "test/unit/worker/client/fake_host.hpp"

namespace fsubs {
namespace {

// Enough for one client.
constexpr size_t kOne = 1;

class FlushListTest : public testing::Test {
 protected:
  FakeClient* Waiting(uint64_t id) {
    FakeClient* const client = &clients_.emplace_back(&host_, id);
    client->Append("x");
    list_.Add(client);
    return client;
  }

  bool Continue(size_t units) {
    WorkBudget budget(units);
    return list_.Continue(&budget);
  }

  FakeHost host_;
  std::deque<FakeClient> clients_;
  FlushList list_{ClientHost::Flush::kWithEvents};
};

TEST_F(FlushListTest, WhoCameFirstIsServedFirst) {
  FakeClient* const first = Waiting(1);
  FakeClient* const second = Waiting(2);
  EXPECT_FALSE(Continue(kOne));
  EXPECT_EQ(first->flushes, 1u);
  EXPECT_EQ(second->flushes, 0u);
  EXPECT_TRUE(Continue(1000));
  EXPECT_EQ(second->flushes, 1u);
  EXPECT_TRUE(list_.empty());
}

TEST_F(FlushListTest, ATurnFlushesABoundedNumberAndTheRestIsNotLost) {
  constexpr size_t kClients = 1000;
  for (uint64_t id = 1; id <= kClients; ++id) Waiting(id);
  size_t turns = 0;
  for (bool done = false; !done; ++turns) {
    const size_t before = host_.counters()->bytes_sent.get();
    done = Continue(800);
    EXPECT_LE(host_.counters()->bytes_sent.get() - before, 100u);
  }
  EXPECT_GE(turns, 10u);
  for (const FakeClient& client : clients_) EXPECT_EQ(client.flushes, 1u);
}

TEST_F(FlushListTest, ABystanderBehindAGreedyClientWaitsForOneFlush) {
  FakeClient* const greedy = &clients_.emplace_back(&host_, 1);
  for (int i = 0; i < 10'000; ++i) greedy->Append("a message of many");
  list_.Add(greedy);
  FakeClient* const bystander = Waiting(2);
  EXPECT_FALSE(Continue(kOne));
  EXPECT_FALSE(Continue(kOne) && bystander->flushes == 0);
  EXPECT_EQ(bystander->flushes, 1u);
}

TEST_F(FlushListTest, WhoLeftIsSkipped) {
  FakeClient* const first = Waiting(1);
  FakeClient* const second = Waiting(2);
  list_.Remove(first);
  EXPECT_TRUE(Continue(1000));
  EXPECT_EQ(first->flushes, 0u);
  EXPECT_EQ(second->flushes, 1u);
}

}  // namespace
}  // namespace fsubs
