#include "worker/row_collection.hpp"

#include <gtest/gtest.h>

#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

class RowCollectionTest : public testing::Test {
 protected:
  std::shared_ptr<RowCollection> Start(size_t shards, uint64_t patience_ms) {
    return RowCollection::Start(loop_.get(), shards, patience_ms,
                                [this](const SideDoorHost::Answer& answer) {
                                  answer_ = answer;
                                  ++answers_;
                                });
  }

  SideDoorHost::Answer answer_;
  int answers_ = 0;
  TestLoop loop_;
};

constexpr uint64_t kLong = 1'000'000;

TEST_F(RowCollectionTest, TheLastShardCompletesTheAnswer) {
  const auto collection = Start(3, kLong);
  collection->Add(2, R"({"a":1},{"a":2})");
  collection->Add(0, "");
  EXPECT_EQ(answers_, 0);
  collection->Add(1, R"({"a":3})");
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(answer_.rows, R"([{"a":1},{"a":2},{"a":3}])");
  EXPECT_EQ(answer_.error, "");
}

TEST_F(RowCollectionTest, AShardThatFailsIsNamedAtOnce) {
  const auto collection = Start(3, kLong);
  collection->Add(1, std::nullopt);
  EXPECT_EQ(answers_, 1);
  EXPECT_EQ(answer_.error, "shard 1 failed; the server log says why");
  collection->Add(0, "");
  collection->Add(2, std::nullopt);
  EXPECT_EQ(answers_, 1);
}

TEST_F(RowCollectionTest, AShardThatKeepsSilentIsNamedWhenPatienceEnds) {
  const auto collection = Start(3, 1);
  collection->Add(0, "");
  loop_.RunUntil([&] { return answers_ > 0; });
  EXPECT_EQ(answer_.error, "shard 1 did not answer within 1 ms");
  collection->Add(1, "");
  collection->Add(2, "");
  EXPECT_EQ(answers_, 1);
}

TEST_F(RowCollectionTest, ItAnswersThoughNobodyHoldsIt) {
  Start(1, 1);
  loop_.RunUntil([&] { return answers_ > 0; });
  EXPECT_EQ(answer_.error, "shard 0 did not answer within 1 ms");
}

}  // namespace
}  // namespace fsubs
