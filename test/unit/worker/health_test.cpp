#include "worker/health.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

constexpr size_t kShards = 2;
constexpr uint64_t kNow = 1'000'000;

class HealthTest : public testing::Test {
 protected:
  HealthTest() {
    for (size_t i = 0; i < kShards; ++i) {
      page_.shards[i].attached.store(1);
      page_.heartbeats.shards[i].store(kNow - 1000);
    }
  }

  std::string Trouble() const {
    return FindTrouble(state_, {{page_.shards, kShards}, &page_.heartbeats}, kNow);
  }

  WorkerState state_{.catalog = CatalogState::kServed, .database = "shop"};
  ReaderPage page_{};
};

TEST_F(HealthTest, AWorkerWithACatalogWhoseShardsBeatIsReady) {
  EXPECT_EQ(Trouble(), "");
}

TEST_F(HealthTest, AWorkerWithoutACatalogSaysWhatIsMissing) {
  state_.catalog = CatalogState::kUnread;
  EXPECT_EQ(Trouble(), "no catalog: it is not read yet");
  state_.catalog = CatalogState::kNoExtension;
  EXPECT_EQ(Trouble(), "no catalog: the extension is not created in database \"shop\"");
  state_.catalog = CatalogState::kUnusable;
  EXPECT_EQ(Trouble(),
            "no catalog: that of database \"shop\" cannot be used; the server log says why");
}

TEST_F(HealthTest, AWorkerWithoutACatalogSaysWhyThereIsNoExecutor) {
  state_.catalog = CatalogState::kUnread;
  state_.server_state = kServerNoExecutor;
  EXPECT_EQ(Trouble(), "no catalog: no background worker slot is free (max_worker_processes)");
  state_.server_state = kServerShutDatabase;
  EXPECT_EQ(Trouble(), "no catalog: database \"shop\" takes no connections");
}

TEST_F(HealthTest, ACatalogServesWithoutAnExecutor) {
  state_.server_state = kServerNoExecutor | kServerShutDatabase;
  EXPECT_EQ(Trouble(), "");
}

TEST_F(HealthTest, WithoutASlotForTheAuthenticatorNobodyCanLogIn) {
  state_.server_state = kServerNoAuthenticator;
  EXPECT_EQ(Trouble(),
            "no authenticator: no background worker slot is free (max_worker_processes)");
}

TEST_F(HealthTest, ADatabaseThatIsGoneIsNotServedFromAnOldCatalog) {
  state_.server_state = kServerNoDatabase;
  EXPECT_EQ(Trouble(), "no catalog: database \"shop\" does not exist");
}

TEST_F(HealthTest, AStandbyIsNotReadyWhateverElseItHas) {
  state_.server_state = kServerInRecovery;
  EXPECT_EQ(Trouble(),
            "standby: the server is in recovery, and events are delivered by the primary");
}

TEST_F(HealthTest, AStandbyThatReadsABusIsReadyUnlessTheBusHasTrouble) {
  state_.server_state = kServerInRecovery;
  state_.reads_bus = true;
  EXPECT_EQ(Trouble(), "");
  state_.bus_trouble = "the bus is away";
  EXPECT_EQ(Trouble(), "the bus is away");
}

TEST_F(HealthTest, AWorkerThatDrainsIsNotReady) {
  state_.draining = true;
  EXPECT_EQ(Trouble(), "draining");
}

TEST_F(HealthTest, AShardWhoseBeatIsFiveSecondsOldStandsStill) {
  page_.heartbeats.shards[1].store(kNow - 4999);
  EXPECT_EQ(Trouble(), "");
  page_.heartbeats.shards[1].store(kNow - 5000);
  EXPECT_EQ(Trouble(), "shard 1 has stood still for 5 s");
}

TEST_F(HealthTest, AShardThatHasNotBegunToBeatIsNamed) {
  page_.heartbeats.shards[1].store(0);
  EXPECT_EQ(Trouble(), "shard 1 does not read events yet");
}

TEST_F(HealthTest, AShardThatIsNotAttachedIsNamed) {
  page_.shards[0].attached.store(0);
  EXPECT_EQ(Trouble(), "shard 0 does not read events yet");
}

TEST_F(HealthTest, ABeatInTheSameMillisecondOrLaterIsNew) {
  page_.heartbeats.shards[0].store(kNow);
  page_.heartbeats.shards[1].store(kNow + 1);
  EXPECT_EQ(Trouble(), "");
}

}  // namespace
}  // namespace fsubs
