#include "src/worker_process/stuck_watch.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

namespace fsubs {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr size_t kShards = 3;
constexpr seconds kTimeout{30};

class StuckWatchTest : public testing::Test {
 protected:
  StuckWatchTest() { watch_.Start(beats_, kShards, now_); }

  // Shards and the control thread beat, but for `stuck`.
  void Beat(std::optional<size_t> stuck = {}) {
    for (size_t i = 0; i < kShards; ++i) {
      if (i != stuck) beats_.shards[i].fetch_add(1000);
    }
    if (stuck != kShards) beats_.control.fetch_add(1000);
  }

  std::optional<StuckWatch::Standstill> LookAfter(StuckWatch::Duration time) {
    now_ += time;
    return watch_.Look(beats_, timeout_, now_);
  }

  // Looks each second, up to `limit`, until a thread is found to stand still. Returns after how
  // many.
  int SecondsUntilStuck(int limit, std::optional<size_t> stuck) {
    for (int i = 1; i <= limit; ++i) {
      Beat(stuck);
      found_ = LookAfter(seconds(1));
      if (found_) return i;
    }
    return 0;
  }

  Heartbeats beats_{};
  StuckWatch::Clock::time_point now_{hours(1)};
  StuckWatch::Duration timeout_ = kTimeout;
  StuckWatch watch_;
  std::optional<StuckWatch::Standstill> found_;
};

TEST_F(StuckWatchTest, AWorkerWhoseThreadsBeatIsNotStuck) {
  EXPECT_EQ(SecondsUntilStuck(1000, std::nullopt), 0);
}

TEST_F(StuckWatchTest, AShardThatStandsStillIsFoundAtTheTimeout) {
  Beat();
  EXPECT_FALSE(LookAfter(seconds(1)));
  EXPECT_EQ(SecondsUntilStuck(1000, 1), 30);
  EXPECT_EQ(found_->shard, 1u);
  EXPECT_EQ(found_->lasted, kTimeout);
}

TEST_F(StuckWatchTest, AControlThreadThatStandsStillIsFoundAtTheTimeout) {
  Beat();
  EXPECT_FALSE(LookAfter(seconds(1)));
  EXPECT_EQ(SecondsUntilStuck(1000, kShards), 30);
  EXPECT_EQ(found_->shard, std::nullopt);
}

TEST_F(StuckWatchTest, ABeatStartsTheCountAnew) {
  Beat();
  EXPECT_FALSE(LookAfter(seconds(1)));
  EXPECT_EQ(SecondsUntilStuck(29, 1), 0);
  Beat();
  EXPECT_FALSE(LookAfter(seconds(1)));
  EXPECT_EQ(SecondsUntilStuck(1000, 1), 30);
}

TEST_F(StuckWatchTest, TheThreadThatHasStoodStillForLongestIsNamed) {
  Beat();
  EXPECT_FALSE(LookAfter(seconds(1)));
  EXPECT_EQ(SecondsUntilStuck(10, 2), 0);
  for (int i = 0; i < 19; ++i) EXPECT_FALSE(LookAfter(seconds(1)));
  found_ = LookAfter(seconds(1));
  ASSERT_TRUE(found_);
  EXPECT_EQ(found_->shard, 2u);
}

TEST_F(StuckWatchTest, WhereNobodyLookedForLongTwoSecondsCount) {
  Beat();
  EXPECT_FALSE(LookAfter(seconds(1)));
  for (int i = 0; i < 14; ++i) EXPECT_FALSE(LookAfter(hours(1)));
  found_ = LookAfter(hours(1));
  ASSERT_TRUE(found_);
  EXPECT_EQ(found_->lasted, kTimeout);
}

TEST_F(StuckWatchTest, LooksInQuickSuccessionCountNoMoreThanTheTime) {
  Beat();
  EXPECT_FALSE(LookAfter(seconds(1)));
  int looks = 0;
  while (!found_) {
    found_ = LookAfter(std::chrono::microseconds(500));
    ++looks;
  }
  EXPECT_EQ(looks, 60000);
}

TEST_F(StuckWatchTest, AWorkerThatStartsHasAMinuteAtLeast) {
  EXPECT_EQ(SecondsUntilStuck(1000, 0), 60);
  EXPECT_EQ(found_->shard, 0u);
}

TEST_F(StuckWatchTest, AWorkerThatStartsHasALongerTimeoutInFull) {
  timeout_ = seconds(90);
  EXPECT_EQ(SecondsUntilStuck(1000, 0), 90);
}

TEST_F(StuckWatchTest, WhatAnEarlierWorkerLeftIsNoBeat) {
  Beat();
  watch_.Start(beats_, kShards, now_);
  EXPECT_EQ(SecondsUntilStuck(1000, 0), 60);
}

TEST_F(StuckWatchTest, ZeroIsForEverAndForgetsWhatWasCounted) {
  Beat();
  EXPECT_FALSE(LookAfter(seconds(1)));
  timeout_ = seconds(0);
  EXPECT_EQ(SecondsUntilStuck(1000, 1), 0);
  timeout_ = kTimeout;
  EXPECT_EQ(SecondsUntilStuck(1000, 1), 30);
}

TEST_F(StuckWatchTest, AnyOtherNumberIsABeat) {
  for (const uint64_t beat : {uint64_t{1}, UINT64_MAX, uint64_t{0}, uint64_t{7}}) {
    beats_.shards[1].store(beat);
    Beat(1);
    EXPECT_FALSE(LookAfter(seconds(1)));
    EXPECT_EQ(SecondsUntilStuck(29, 1), 0);
  }
}

TEST_F(StuckWatchTest, ShardsThatDoNotRunAreNotLookedAt) {
  beats_.shards[kShards].store(1);
  EXPECT_EQ(SecondsUntilStuck(1000, std::nullopt), 0);
}

}  // namespace
}  // namespace fsubs
