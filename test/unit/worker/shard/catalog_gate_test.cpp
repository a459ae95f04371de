#include "worker/shard/catalog_gate.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

class CatalogGateTest : public testing::Test, private CatalogGate::Sink {
 protected:
  CatalogGateTest() { gate_.Attach(loop_.get()); }

  CatalogGate gate_{{.max_wait_ms = 1, .max_waiting = 3, .max_bytes = 100}, this};
  std::vector<std::string> admitted_;
  size_t units_ = 1000;  // of a turn
  TestLoop loop_;

  bool Continue() {
    WorkBudget budget(units_);
    return gate_.Continue(&budget);
  }

 private:
  void OnOpen() override { Continue(); }
  void OnAdmitted(uint64_t client, std::string_view message) override {
    admitted_.push_back(std::to_string(client) + " " + std::string(message));
  }
};

TEST_F(CatalogGateTest, IsOpenUntilTheCatalogChanges) {
  EXPECT_TRUE(gate_.is_open());
  gate_.OnChanged(8);
  EXPECT_FALSE(gate_.is_open());
}

TEST_F(CatalogGateTest, OpensWithACatalogThatHasTheLastChange) {
  gate_.OnChanged(8);
  gate_.OnChanged(16);
  gate_.OnCovered(9);
  EXPECT_FALSE(gate_.is_open());
  gate_.OnCovered(17);
  EXPECT_TRUE(gate_.is_open());
}

TEST_F(CatalogGateTest, AChangeRightBehindOneThatIsCoveredIsNot) {
  // Of the first a shard has seen where it ends, of the second where it starts.
  gate_.OnChanged(16 - 1);
  gate_.OnCovered(16);
  EXPECT_TRUE(gate_.is_open());
  gate_.OnChanged(16);
  EXPECT_FALSE(gate_.is_covered());
  EXPECT_FALSE(gate_.is_open());
}

TEST_F(CatalogGateTest, ACatalogThatComesLateTakesNothingBack) {
  gate_.OnChanged(8);
  gate_.OnCovered(9);
  gate_.OnCovered(0);
  EXPECT_TRUE(gate_.is_open());
}

TEST_F(CatalogGateTest, WhatWaitsIsAdmittedInOrder) {
  gate_.OnChanged(8);
  gate_.Hold(1, "a");
  gate_.Hold(2, "b");
  gate_.Hold(1, "c");
  EXPECT_TRUE(admitted_.empty());
  gate_.OnCovered(9);
  EXPECT_EQ(admitted_, (std::vector<std::string>{"1 a", "2 b", "1 c"}));
}

TEST_F(CatalogGateTest, WhatWaitsIsAdmittedInSlicesAndLaterMessagesQueueBehind) {
  units_ = 1;
  gate_.OnChanged(8);
  for (const char* message : {"a", "b"}) gate_.Hold(1, message);
  gate_.OnCovered(9);
  EXPECT_EQ(admitted_, std::vector<std::string>{"1 a"});
  EXPECT_FALSE(gate_.is_open());
  gate_.Hold(2, "c");
  EXPECT_FALSE(Continue());
  EXPECT_TRUE(Continue());
  EXPECT_EQ(admitted_, (std::vector<std::string>{"1 a", "1 b", "2 c"}));
  EXPECT_TRUE(gate_.is_open());
}

TEST_F(CatalogGateTest, ANewChangeHoldsBackWhatHasNotBeenAdmitted) {
  units_ = 1;
  gate_.OnChanged(8);
  for (const char* message : {"a", "b"}) gate_.Hold(1, message);
  gate_.OnCovered(9);
  gate_.OnChanged(16);
  EXPECT_TRUE(Continue());
  EXPECT_EQ(admitted_, std::vector<std::string>{"1 a"});
}

TEST_F(CatalogGateTest, AChangeThatIsReadAfterALaterOneTakesNothingBack) {
  gate_.OnChanged(16);
  gate_.OnChanged(8);
  gate_.OnCovered(9);
  EXPECT_FALSE(gate_.is_open());
}

TEST_F(CatalogGateTest, WhileWhatWaitsIsAdmittedNoMoreThanTheLimitWaits) {
  units_ = 1;
  gate_.OnChanged(8);
  for (const char* message : {"a", "b", "c"}) gate_.Hold(1, message);
  gate_.OnCovered(9);
  gate_.Hold(2, "d");
  EXPECT_EQ(admitted_, std::vector<std::string>{"1 a"});
  gate_.Hold(2, "e");
  EXPECT_EQ(admitted_, (std::vector<std::string>{"1 a", "1 b"}));
}

TEST_F(CatalogGateTest, ACatalogBeforeTheChangeAdmitsNothing) {
  gate_.OnChanged(8);
  gate_.Hold(1, "a");
  gate_.OnCovered(8);
  EXPECT_TRUE(admitted_.empty());
}

TEST_F(CatalogGateTest, OpensAfterAWhileIfNoCatalogComes) {
  gate_.OnChanged(8);
  gate_.Hold(1, "a");
  loop_.RunUntil([&] { return !admitted_.empty(); });
  EXPECT_TRUE(gate_.is_open());
  gate_.OnChanged(16);
  EXPECT_FALSE(gate_.is_open());
}

TEST_F(CatalogGateTest, OpensWhenTooManyMessagesWait) {
  gate_.OnChanged(8);
  for (const char* message : {"a", "b", "c"}) gate_.Hold(1, message);
  EXPECT_TRUE(admitted_.empty());
  gate_.Hold(1, "d");
  EXPECT_EQ(admitted_.size(), 4u);
  EXPECT_TRUE(gate_.is_open());
}

TEST_F(CatalogGateTest, OpensWhenTooManyBytesWait) {
  const std::string half(50, 'x');
  for (Position position = 8; position <= 16; position += 8) {
    gate_.OnChanged(position);
    gate_.Hold(1, half);
    gate_.Hold(2, half);
    EXPECT_TRUE(admitted_.empty());
    gate_.Hold(3, "x");
    EXPECT_EQ(admitted_.size(), 3u);
    EXPECT_TRUE(gate_.is_open());
    admitted_.clear();
  }
}

TEST_F(CatalogGateTest, WhatWasDroppedIsNotAdmitted) {
  gate_.OnChanged(8);
  gate_.Hold(1, "a");
  gate_.Clear();
  gate_.OnCovered(9);
  EXPECT_TRUE(admitted_.empty());
}

}  // namespace
}  // namespace fsubs
