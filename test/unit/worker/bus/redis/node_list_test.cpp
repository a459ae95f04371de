#include "worker/bus/redis/node_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/unit/worker/bus/redis/replies.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr uint64_t kSecond = 1'000'000;

class NodeListTest : public testing::Test {
 protected:
  void Ask(uint64_t now_us) {
    list_.Add([this](const NodeList::Answer& answer) { answers_.push_back(answer); }, now_us);
  }

  RedisKeys keys_{"db"};
  NodeList list_{&keys_};
  std::vector<NodeList::Answer> answers_;
};

TEST_F(NodeListTest, NamesAreAskedForAndThenTheirRows) {
  Ask(kSecond);
  Ask(kSecond);
  ASSERT_TRUE(list_.is_due());
  EXPECT_THAT(list_.Begin(), HasSubstr("ZRANGE"));
  EXPECT_FALSE(list_.is_due());
  const std::string next = list_.OnReply(ArrayReply({TextReply("a"), TextReply("gone")}), kSecond);
  EXPECT_THAT(next, HasSubstr("fraiseql_subs:{db}:node:a"));
  EXPECT_THAT(list_.OnReply(ArrayReply({TextReply(R"({"name":"a","lag":7})"), Reply{}}), kSecond),
              IsEmpty());
  EXPECT_FALSE(list_.is_due());
  ASSERT_THAT(answers_, SizeIs(2));
  for (const NodeList::Answer& answer : answers_) {
    ASSERT_THAT(answer.nodes, SizeIs(1));
    EXPECT_EQ(answer.nodes[0].lag, 7u);
    EXPECT_EQ(answer.nodes[0].delay_us, -1);
    EXPECT_EQ(answer.error, "");
  }
}

TEST_F(NodeListTest, WhatIsFreshIsNotAskedForAgain) {
  Ask(kSecond);
  (void)list_.Begin();
  EXPECT_THAT(list_.OnReply(ArrayReply({}), kSecond), IsEmpty());
  Ask(kSecond + 900'000);
  EXPECT_THAT(answers_, SizeIs(2));
  EXPECT_FALSE(list_.is_due());
  Ask(2 * kSecond);
  EXPECT_TRUE(list_.is_due());
}

TEST_F(NodeListTest, AnErrorIsToldAndNothingMoreIsAsked) {
  Ask(kSecond);
  (void)list_.Begin();
  EXPECT_THAT(list_.OnReply(ErrorReply("NOPERM no"), kSecond), IsEmpty());
  EXPECT_FALSE(list_.is_due());
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].error, "Redis: NOPERM no");
}

TEST_F(NodeListTest, WhoWaitsForLongIsToldSo) {
  Ask(kSecond);
  Ask(3 * kSecond);
  (void)list_.Begin();
  list_.Expire(4 * kSecond);
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_EQ(answers_[0].error, "Redis does not answer");
  EXPECT_THAT(list_.OnReply(ArrayReply({}), 4 * kSecond), IsEmpty());
  EXPECT_THAT(answers_, SizeIs(2));
}

TEST_F(NodeListTest, ARowOfAnotherNameIsNone) {
  Ask(kSecond);
  (void)list_.Begin();
  (void)list_.OnReply(ArrayReply({TextReply("a")}), kSecond);
  (void)list_.OnReply(ArrayReply({TextReply(R"({"name":"b"})")}), kSecond);
  ASSERT_THAT(answers_, SizeIs(1));
  EXPECT_THAT(answers_[0].nodes, IsEmpty());
}

TEST(NodeRowTest, IsReadAsItWasWritten) {
  const NodeRow row{.name = "n",
                    .version = "1",
                    .bus = "redis",
                    .role = "subscriber",
                    .epoch = "a",
                    .sequence = 1,
                    .lag = 2,
                    .delay_us = 3,
                    .connections = 4,
                    .subscriptions = 5,
                    .since_us = 6,
                    .trouble = "none \"really\""};
  const auto read = NodeRow::Read(row.ToJson());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->ToJson(), row.ToJson());
}

TEST(NodeRowTest, MembersOfOtherVersionsMayBeMissingOrMore) {
  const auto read = NodeRow::Read(R"({"name":"n","future":[1]})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->name, "n");
}

TEST(NodeRowTest, WhatMakesNoSenseIsNone) {
  for (const char* json : {"", "[]", "{", R"({"lag":-1})", R"({"lag":1.5})", R"({"lag":"1"})",
                           R"({"lag":9223372036854775808})", R"({"since_us":253402300800000001})",
                           R"({"name":1})", R"({"name":"\u0000"})", R"({"name":"a\nb"})"}) {
    EXPECT_FALSE(NodeRow::Read(json)) << json;
  }
  EXPECT_FALSE(NodeRow::Read(R"({"trouble":")" + std::string(2000, 'x') + "\"}"));
}

}  // namespace
}  // namespace fsubs
