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
  MemoryReturn memory_return_{{.interval_ms = 1, .trim_bytes = 1000}, &counters_, this};
  size_t shrinks_ = 0;
  size_t trims_ = 0;
  size_t shrinks_by_ = 0;
  TestLoop loop_;

 private:
  size_t OnShrink() override {
    ++shrinks_;
    return std::exchange(shrinks_by_, 0);
  }
  void OnTrim() override { ++trims_; }
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
