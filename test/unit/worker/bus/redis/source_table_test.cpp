#include "worker/bus/redis/source_table.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

Reply Hash(const std::vector<std::string>& texts) {
  Reply reply{.type = Reply::Type::kArray};
  for (const std::string& text : texts) {
    reply.elements.push_back({.type = Reply::Type::kText, .text = text});
  }
  return reply;
}

TEST(SourceTable, IsInTheOrderOfClaims) {
  SourceTable table;
  ASSERT_TRUE(
      SourceTable::Read(Hash({"c", "3 - node three", "a", "1 70 one", "b", "2 - two"}), &table));
  EXPECT_EQ(table.newest()->epoch, "c");
  EXPECT_EQ(table.newest()->node, "node three");
  EXPECT_EQ(table.Find("a")->last, 70u);
  EXPECT_EQ(table.Find("b")->last, std::nullopt);
  EXPECT_EQ(table.After("a")->epoch, "b");
  EXPECT_EQ(table.After("c"), nullptr);
  EXPECT_EQ(table.After("d"), nullptr);
}

TEST(SourceTable, ReadsWhatItWrote) {
  for (const bool has_more : {false, true}) {
    const Source source{.epoch = "1f", .claim = 4, .last = 9, .has_more = has_more, .node = "a b"};
    SourceTable table;
    ASSERT_TRUE(SourceTable::Read(Hash({"1f", source.Value()}), &table));
    EXPECT_EQ(table.newest()->claim, 4u);
    EXPECT_EQ(table.newest()->last, 9u);
    EXPECT_EQ(table.newest()->has_more, has_more);
    EXPECT_EQ(table.newest()->node, "a b");
  }
}

TEST(SourceTable, LeavesOutWhatMakesNoSense) {
  SourceTable table;
  ASSERT_TRUE(SourceTable::Read(
      Hash({"", "1 - n", "zz", "1 - n", "11112222333344445", "1 - n", "a", "x - n", "b", "1 y n",
            "c", "", "d", "5", "e", "1 -+ n", "f", "1 + n"}),
      &table));
  EXPECT_EQ(table.newest(), nullptr);
  EXPECT_FALSE(SourceTable::Read(Hash({"a"}), &table));
  EXPECT_FALSE(SourceTable::Read(Reply{}, &table));
}

}  // namespace
}  // namespace fsubs
