#include "worker/bus/redis/stream_cursor.hpp"

#include <gtest/gtest.h>

#include "test/unit/worker/bus/redis/source_rows.hpp"

namespace fsubs {
namespace {

class StreamCursorTest : public testing::Test {
 protected:
  void Follow(const SourceRows& rows) { cursor_.Follow(MakeSourceTable(rows)); }
  // It has read source 1 up to that event.
  void ReadFirstSourceTo(uint64_t sequence) {
    Follow({{"1", "1 - p"}});
    cursor_.BeginBehind(sequence);
  }

  StreamCursor cursor_;
};

TEST_F(StreamCursorTest, BeginsBehindWhatTheNewestSourceHas) {
  Follow({{"1", "1 4 p"}, {"2", "2 - q"}});
  EXPECT_EQ(cursor_.epoch(), "2");
  EXPECT_TRUE(cursor_.is_to_begin());
  EXPECT_FALSE(cursor_.has_begun());
  cursor_.BeginBehind(7);
  EXPECT_FALSE(cursor_.is_to_begin());
  EXPECT_TRUE(cursor_.has_begun());
  EXPECT_EQ(cursor_.Advance(8), 0u);
  EXPECT_EQ(cursor_.sequence(), 8u);
}

TEST_F(StreamCursorTest, ThatWaitedForTheFirstSourceBeginsWithIt) {
  Follow({});
  EXPECT_FALSE(cursor_.is_to_begin());
  EXPECT_FALSE(cursor_.has_begun());
  Follow({{"1", "1 - p"}});
  EXPECT_TRUE(cursor_.has_begun());
  // What was before the first event is not missing: it may have been trimmed.
  EXPECT_EQ(cursor_.Advance(5), 0u);
  EXPECT_EQ(cursor_.Advance(7), 1u);
}

TEST_F(StreamCursorTest, CountsWhatIsMissingBeforeAnEvent) {
  ReadFirstSourceTo(2);
  EXPECT_EQ(cursor_.Advance(3), 0u);
  EXPECT_EQ(cursor_.Advance(10), 6u);
  EXPECT_EQ(cursor_.Advance(11), 0u);
}

TEST_F(StreamCursorTest, GoesOnWithTheNextSourceAndNotWithTheNewest) {
  ReadFirstSourceTo(2);
  EXPECT_FALSE(cursor_.is_ending());
  Follow({{"1", "1 2 p"}, {"2", "2 4 q"}, {"3", "3 - r"}});
  EXPECT_TRUE(cursor_.is_ending());
  EXPECT_EQ(cursor_.epoch(), "1");
  auto passage = cursor_.GoOn();
  ASSERT_TRUE(passage);
  EXPECT_EQ(passage->node, "q");
  EXPECT_EQ(passage->lost, 0u);
  EXPECT_FALSE(passage->has_more_lost);
  EXPECT_EQ(cursor_.epoch(), "2");
  EXPECT_EQ(cursor_.sequence(), 0u);
  EXPECT_TRUE(cursor_.is_ending());
  passage = cursor_.GoOn();
  ASSERT_TRUE(passage);
  EXPECT_EQ(passage->lost, 4u);
  EXPECT_EQ(cursor_.epoch(), "3");
  EXPECT_FALSE(cursor_.is_ending());
  // Of a source that is read from its start nothing is too old.
  EXPECT_EQ(cursor_.Advance(3), 2u);
}

TEST_F(StreamCursorTest, OfASourceThatIsNotOverOrForgottenNobodyKnowsWhatIsLost) {
  for (const SourceRows& rows :
       {SourceRows{{"1", "1 - p"}, {"2", "2 - q"}}, SourceRows{{"2", "2 - q"}}}) {
    cursor_ = StreamCursor();
    ReadFirstSourceTo(2);
    Follow(rows);
    const auto passage = cursor_.GoOn();
    ASSERT_TRUE(passage);
    EXPECT_EQ(passage->lost, 0u);
    EXPECT_TRUE(passage->has_more_lost);
    EXPECT_EQ(cursor_.epoch(), "2");
  }
}

TEST_F(StreamCursorTest, OfASourceThatCrashedSomeAreCountedAndThereMayBeMore) {
  ReadFirstSourceTo(2);
  Follow({{"1", "1 5+ p"}, {"2", "2 - q"}});
  const auto passage = cursor_.GoOn();
  ASSERT_TRUE(passage);
  EXPECT_EQ(passage->lost, 3u);
  EXPECT_TRUE(passage->has_more_lost);
}

TEST_F(StreamCursorTest, StaysWhereItIsWhenTheOtherSourceIsGoneAgain) {
  ReadFirstSourceTo(2);
  Follow({{"1", "1 - p"}, {"2", "2 - q"}});
  for (const SourceRows& rows : {SourceRows{{"1", "1 - p"}}, SourceRows{}}) {
    Follow(rows);
    EXPECT_FALSE(cursor_.GoOn());
    EXPECT_FALSE(cursor_.is_ending());
    EXPECT_EQ(cursor_.epoch(), "1");
    EXPECT_EQ(cursor_.sequence(), 2u);
  }
}

TEST_F(StreamCursorTest, GoesOnWhereItWasWithASourceThatComesAgain) {
  ReadFirstSourceTo(7);
  Follow({{"1", "1 - p"}, {"2", "2 - q"}});
  ASSERT_TRUE(cursor_.GoOn());
  EXPECT_EQ(cursor_.epoch(), "2");
  EXPECT_EQ(cursor_.sequence(), 0u);
  // Somebody has removed what replaced it.
  Follow({{"1", "1 - p"}});
  ASSERT_TRUE(cursor_.GoOn());
  EXPECT_EQ(cursor_.epoch(), "1");
  EXPECT_EQ(cursor_.sequence(), 7u);
  EXPECT_EQ(cursor_.Advance(8), 0u);
}

}  // namespace
}  // namespace fsubs
