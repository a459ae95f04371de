#include "worker/limits/use_table.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fsubs {
namespace {

struct Use {
  bool IsAtRest(uint64_t now_us) const { return now_us >= busy_until_us; }
  uint64_t busy_until_us = 0;
};

using Table = UseTable<std::string, Use>;

TEST(UseTableTest, WhatNobodyHoldsAndRemembersNothingIsGone) {
  Table table;
  const auto first = table.Hold("a", 0);
  EXPECT_EQ(table.Hold("a", 0), first);
  table.Release(first, 0);
  EXPECT_EQ(table.size(), 1u);
  table.Release(first, 0);
  EXPECT_EQ(table.size(), 0u);
}

TEST(UseTableTest, WhatRemembersSomethingIsFoundByWhoComesBack) {
  Table table;
  const auto left = table.Hold("a", 0);
  Table::UseOf(left).busy_until_us = 10;
  table.Release(left, 5);
  EXPECT_EQ(table.size(), 1u);
  const auto found = table.Hold("a", 6);
  EXPECT_EQ(Table::UseOf(found).busy_until_us, 10u);
  table.Release(found, 20);
  EXPECT_EQ(table.size(), 0u);
}

TEST(UseTableTest, WhatHasComeToRestGoesAsOthersComeAndGo) {
  Table table;
  for (int i = 0; i < 100; ++i) {
    const auto left = table.Hold(std::to_string(i), 0);
    Table::UseOf(left).busy_until_us = 10;
    table.Release(left, 0);
  }
  EXPECT_EQ(table.size(), 100u);
  for (int i = 0; i < 50; ++i) table.Release(table.Hold("other", 10), 10);
  EXPECT_EQ(table.size(), 0u);
}

TEST(UseTableTest, OnlySoManyThatNobodyHoldsAreRemembered) {
  Table table;
  const auto held = table.Hold("held", 0);
  for (size_t i = 0; i < Table::kMaxLeft + 1000; ++i) {
    const auto left = table.Hold(std::to_string(i), 0);
    Table::UseOf(left).busy_until_us = 10;
    table.Release(left, 0);
  }
  EXPECT_EQ(table.size(), Table::kMaxLeft + 1);
  EXPECT_EQ(table.Hold("held", 0), held);
}

}  // namespace
}  // namespace fsubs
