#include "worker/shard/loss_log.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

class LossLogTest : public testing::Test, private LossLog::Sink {
 protected:
  using Told = std::vector<uint64_t>;

  LossLogTest() { log_.Attach(loop_.get()); }

  LossLog log_{1, this};
  Told told_;
  TestLoop loop_;

 private:
  void OnLossDue(uint64_t lost) override { told_.push_back(lost); }
};

TEST_F(LossLogTest, TheFirstLossIsToldAtOnce) {
  log_.Add(7);
  EXPECT_EQ(told_, Told{7});
}

TEST_F(LossLogTest, WhatIsLostWithinTheIntervalIsToldAtItsEndAsASum) {
  log_.Add(1);
  for (int i = 0; i < 1000; ++i) log_.Add(10);
  EXPECT_EQ(told_, Told{1});
  loop_.RunUntil([&] { return told_.size() == 2; });
  EXPECT_EQ(told_, (Told{1, 10000}));
}

TEST_F(LossLogTest, AnIntervalBeginsWithEachTelling) {
  log_.Add(1);
  log_.Add(2);
  loop_.RunUntil([&] { return told_.size() == 2; });
  log_.Add(3);
  EXPECT_EQ(told_.size(), 2u);
  loop_.RunUntil([&] { return told_.size() == 3; });
}

TEST_F(LossLogTest, AnIntervalWithoutLossIsNotToldOf) {
  log_.Add(1);
  loop_.RunUntil([&] { return uv_loop_alive(loop_.get()) == 0; });
  EXPECT_EQ(told_, Told{1});
  log_.Add(5);
  EXPECT_EQ(told_, (Told{1, 5}));
}

}  // namespace
}  // namespace fsubs
