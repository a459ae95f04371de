#include "src/worker_process/log_budget.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kCapacity = 10000;
constexpr size_t kRate = 1000;  // bytes per second
constexpr LogBudget::Clock::time_point kStart{hours(1)};

class LogBudgetTest : public testing::Test {
 protected:
  // How many bytes of a flood are let through.
  size_t Flood(LogBudget::Clock::time_point now) {
    size_t taken = 0;
    while (budget_.Take(1, now)) ++taken;
    return taken;
  }

  LogBudget budget_{kCapacity, kRate};
};

TEST_F(LogBudgetTest, ABurstIsLetThroughUpToTheCapacity) {
  EXPECT_EQ(Flood(kStart), kCapacity);
}

TEST_F(LogBudgetTest, WhatIsTooMuchTakesNothing) {
  EXPECT_FALSE(budget_.Take(kCapacity + 1, kStart));
  EXPECT_EQ(Flood(kStart), kCapacity);
}

TEST_F(LogBudgetTest, AFloodIsLetThroughAtTheRate) {
  Flood(kStart);
  size_t taken = 0;
  for (int i = 1; i <= 4000; ++i) taken += Flood(kStart + milliseconds(i));
  EXPECT_EQ(taken, 4 * kRate);
}

TEST_F(LogBudgetTest, SilenceFillsItToTheCapacityAndNoFurther) {
  Flood(kStart);
  EXPECT_EQ(Flood(kStart + seconds(3)), 3 * kRate);
  EXPECT_EQ(Flood(kStart + hours(1000)), kCapacity);
}

}  // namespace
}  // namespace fsubs
