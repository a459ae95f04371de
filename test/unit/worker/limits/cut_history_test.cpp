#include "worker/limits/cut_history.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

TEST(CutHistoryTest, ARunIsFromItsFirstCutToItsLast) {
  CutHistory cuts;
  cuts.AddDelivered();
  cuts.AddCut(10);
  cuts.AddCut(30);
  cuts.AddDelivered();
  cuts.AddCut(50);
  for (const Position cut : {10, 20, 30, 50}) EXPECT_TRUE(cuts.IsCut(cut)) << cut;
  for (const Position other : {5, 40, 60}) {
    EXPECT_FALSE(cuts.IsCut(other)) << other;
    EXPECT_FALSE(cuts.MayBeCut(other)) << other;
  }
}

TEST(CutHistoryTest, WhatIsOlderThanTheKeptRunsIsNotKnown) {
  CutHistory cuts;
  for (Position run = 1; run <= CutHistory::kRuns + 2; ++run) {
    cuts.AddCut(10 * run);
    cuts.AddDelivered();
  }
  EXPECT_FALSE(cuts.IsCut(20));
  EXPECT_TRUE(cuts.MayBeCut(5));
  EXPECT_TRUE(cuts.MayBeCut(20));
  EXPECT_FALSE(cuts.MayBeCut(21));
  EXPECT_TRUE(cuts.IsCut(30));
}

}  // namespace
}  // namespace fsubs
