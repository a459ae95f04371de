#include "worker/shard/client_clocks.hpp"

#include <gtest/gtest.h>

#include <deque>

#include "contract/ring_layout.hpp"
#include "test/unit/worker/client/fake_host.hpp"
#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

constexpr uint64_t kLong = 3'600'000;

class ClientClocksTest : public testing::Test {
 protected:
  ClientClocksTest() { clocks_.Attach(loop_.get()); }

  // As a shard numbers them.
  FakeClient* Connect(bool waits_for_init = false) {
    FakeClient* const client = &clients_.emplace_back(&host_, (clients_.size() + 1) * kMaxShards);
    client->waits = waits_for_init;
    if (waits_for_init) clocks_.AwaitInit(client->id());
    return client;
  }

  FakeHost host_;
  std::deque<FakeClient> clients_;
  ClientClocks clocks_{&host_.clients()};
  TestLoop loop_;
};

TEST_F(ClientClocksTest, AClientThatDoesNotPresentItselfIsTold) {
  clocks_.SetIntervals({.init_timeout_ms = 1});
  const FakeClient* const client = Connect(true);
  loop_.RunUntil([&] { return client->late; });
}

TEST_F(ClientClocksTest, AClientThatPresentedItselfInTimeIsNotToldThatItIsLate) {
  clocks_.SetIntervals({.init_timeout_ms = 1});
  FakeClient* const early = Connect(true);
  early->waits = false;
  const FakeClient* const late = Connect(true);
  loop_.RunUntil([&] { return late->late; });
  EXPECT_FALSE(early->late);
}

TEST_F(ClientClocksTest, AClientThatHasLeftIsForgotten) {
  clocks_.SetIntervals({.init_timeout_ms = 1});
  {
    FakeClient gone(&host_, 99 * kMaxShards);
    gone.waits = true;
    clocks_.AwaitInit(gone.id());
  }
  const FakeClient* const late = Connect(true);
  loop_.RunUntil([&] { return late->late; });
}

TEST_F(ClientClocksTest, EveryClientIsLookedAtOncePerInterval) {
  constexpr size_t kClients = 50;
  clocks_.SetIntervals({.init_timeout_ms = kLong, .keepalive_ms = 8});
  for (size_t i = 0; i < kClients; ++i) Connect();
  const auto rounds = [&] {
    size_t least = SIZE_MAX;
    size_t most = 0;
    for (const FakeClient& client : clients_) {
      least = std::min(least, client.keepalives);
      most = std::max(most, client.keepalives);
    }
    EXPECT_LE(most, least + 1);
    return least;
  };
  loop_.RunUntil([&] { return rounds() >= 3; });
}

TEST_F(ClientClocksTest, SettingTheSameIntervalsAgainDelaysNothing) {
  const ClientClocks::Intervals intervals{.init_timeout_ms = kLong, .keepalive_ms = 800};
  clocks_.SetIntervals(intervals);
  const FakeClient* const client = Connect();
  loop_.RunUntil([&] {
    clocks_.SetIntervals(intervals);
    return client->keepalives == 1;
  });
}

TEST_F(ClientClocksTest, AClientWhoseSocketTakesNothingIsClosed) {
  FakeClient* const stuck = Connect();
  const FakeClient* const idle = Connect();
  stuck->socket_room = 0;
  stuck->Append("abc");
  host_.FlushAll();
  clocks_.SetIntervals({.slow_timeout_ms = 4});
  loop_.RunUntil([&] { return stuck->slow; });
  EXPECT_FALSE(idle->slow);
}

TEST_F(ClientClocksTest, AnIntervalOfZeroIsNever) {
  clocks_.SetIntervals({.init_timeout_ms = 1, .keepalive_ms = 8});
  clocks_.SetIntervals({.init_timeout_ms = 1});
  const FakeClient* const watched = Connect();
  const FakeClient* const late = Connect(true);
  loop_.RunUntil([&] { return late->late; });
  EXPECT_EQ(watched->keepalives, 0u);
}

}  // namespace
}  // namespace fsubs
