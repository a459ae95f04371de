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

  std::string Trouble() const { return FindTrouble(state_, page_, kShards, kNow); }

  WorkerState state_{.has_catalog = true};
  ReaderPage page_{};
};

TEST_F(HealthTest, AWorkerWithACatalogWhoseShardsBeatIsReady) {
  EXPECT_EQ(Trouble(), "");
}

TEST_F(HealthTest, AWorkerWithoutACatalogIsNotReady) {
  state_.has_catalog = false;
  EXPECT_EQ(Trouble(), "no catalog: is the extension created in the database?");
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
