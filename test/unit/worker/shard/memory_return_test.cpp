#include "worker/shard/memory_return.hpp"

#include <gtest/gtest.h>

#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

class MemoryReturnTest : public testing::Test, private MemoryReturn::Sink {
 protected:
  MemoryReturnTest() { memory_return_.Attach(loop_.get()); }

  // Two more checks: what is set now counts in the second at the latest.
  void Check() {
    loop_.RunUntil([&, until = shrinks_ + 2] { return shrinks_ >= until; });
  }

  ShardCounters counters_;
  MemoryReturn memory_return_{{.interval_ms = 1, .trim_bytes = 1000, .rest = 10}, &counters_, this};
  size_t shrinks_ = 0;
  size_t trims_ = 0;
  size_t shrinks_by_ = 0;
  uint64_t trim_takes_ = 0;
  TestLoop loop_;

 private:
  size_t OnShrink() override {
    ++shrinks_;
    return std::exchange(shrinks_by_, 0);
  }
  uint64_t OnTrim() override {
    ++trims_;
    return trim_takes_;
  }
};

TEST_F(MemoryReturnTest, WhatSubscriptionsTookGoesBackOnceTheyEnded) {
  counters_.AddMemory(2000);
  Check();
  EXPECT_EQ(trims_, 0u);
  counters_.memory.Subtract(999);
  Check();
  EXPECT_EQ(trims_, 0u);
  counters_.memory.Subtract(1);
  Check();
  EXPECT_EQ(trims_, 1u);
}

TEST_F(MemoryReturnTest, WhatPartsGaveBackAddsUp) {
  shrinks_by_ = 600;
  Check();
  EXPECT_EQ(trims_, 0u);
  shrinks_by_ = 600;
  Check();
  EXPECT_EQ(trims_, 1u);
}

TEST_F(MemoryReturnTest, ATrimThatTookLongIsNotSoonFollowedByAnother) {
  trim_takes_ = 3;
  shrinks_by_ = 1000;
  Check();
  EXPECT_EQ(trims_, 1u);
  const size_t first = shrinks_;
  loop_.RunUntil([&] {
    shrinks_by_ = 1000;
    return trims_ == 2;
  });
  EXPECT_GE(shrinks_ - first, 28u);
}

TEST_F(MemoryReturnTest, ComingsAndGoingsAreNoReason) {
  for (int i = 0; i < 10; ++i) {
    counters_.AddMemory(900);
    counters_.memory.Subtract(900);
    Check();
  }
  EXPECT_EQ(trims_, 0u);
}

}  // namespace
}  // namespace fsubs
