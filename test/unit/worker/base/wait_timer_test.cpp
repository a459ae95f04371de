#include "worker/base/wait_timer.hpp"

#include <gtest/gtest.h>

#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

class WaitTimerTest : public testing::Test {
 protected:
  WaitTimerTest() { timer_.Attach(loop_.get()); }

  int waiting_ = 0;
  int looks_ = 0;
  WaitTimer timer_{1, [this] {
                     ++looks_;
                     return --waiting_ > 0;
                   }};
  TestLoop loop_;
};

TEST_F(WaitTimerTest, LooksAsLongAsSomethingWaits) {
  waiting_ = 3;
  timer_.Start();
  loop_.RunUntil([&] { return waiting_ == 0; });
  EXPECT_EQ(looks_, 3);
  EXPECT_EQ(uv_loop_alive(loop_.get()), 0);
}

TEST_F(WaitTimerTest, LooksAgainForWhatComesLater) {
  for (int round = 1; round <= 2; ++round) {
    waiting_ = 1;
    timer_.Start();
    loop_.RunUntil([&] { return looks_ == round; });
    EXPECT_EQ(uv_loop_alive(loop_.get()), 0);
  }
}

TEST_F(WaitTimerTest, WhatComesMeanwhileDoesNotPutTheNextLookOff) {
  waiting_ = 1;
  timer_.Start();
  const uint64_t due = uv_now(loop_.get()) + 1;
  while (uv_now(loop_.get()) < due) uv_update_time(loop_.get());
  timer_.Start();
  loop_.Turn();
  EXPECT_EQ(looks_, 1);
}

}  // namespace
}  // namespace fsubs
