#include "worker/client/text_list.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fsubs {
namespace {

std::vector<std::string> ItemsOf(std::string_view list) {
  std::vector<std::string> items;
  while (!list.empty()) items.emplace_back(TakeItem(&list, ','));
  return items;
}

using Items = std::vector<std::string>;

TEST(TextListTest, SpaceAroundItemsMeansNothing) {
  EXPECT_EQ(ItemsOf("a,b c , \td\t"), (Items{"a", "b c", "d"}));
}

TEST(TextListTest, WhatStandsBetweenTwoSeparatorsIsAnItem) {
  EXPECT_EQ(ItemsOf(",a,,b"), (Items{"", "a", "", "b"}));
}

TEST(TextListTest, ASeparatorAtTheEndStartsNoItem) {
  EXPECT_EQ(ItemsOf("a, "), (Items{"a", ""}));
  EXPECT_EQ(ItemsOf("a,"), Items{"a"});
  EXPECT_TRUE(ItemsOf("").empty());
}

}  // namespace
}  // namespace fsubs
