#include "worker/bus/redis/catalog_wait.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/unit/worker/bus/redis/source_rows.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;

class CatalogWaitTest : public testing::Test {
 protected:
  // Take the catalog `id`, whose snapshot is "of ID". Returns whether that is to be handed on.
  bool Take(const std::string& id, const std::string& epoch, const std::string& covers,
            const std::string& changed = "") {
    Reply reply{.type = Reply::Type::kArray};
    for (const std::string& text : {id, epoch, covers, "of " + id, changed}) {
      reply.elements.push_back({.type = Reply::Type::kText, .text = text});
    }
    const std::string* const snapshot = wait_.Take(reply, sources_);
    if (snapshot != nullptr) {
      EXPECT_EQ(*snapshot, "of " + id);
    }
    return snapshot != nullptr;
  }

  CatalogWait wait_;
  SourceTable sources_ = MakeSourceTable({{"1", "1 9 p"}, {"2", "2 - q"}});
};

TEST_F(CatalogWaitTest, EachIsHandedOnOnce) {
  EXPECT_TRUE(wait_.holds_events());
  EXPECT_TRUE(wait_.OnNewest("x"));
  EXPECT_TRUE(Take("x", "1", "1"));
  EXPECT_FALSE(wait_.holds_events());
  EXPECT_FALSE(wait_.OnNewest("x"));
  EXPECT_FALSE(Take("x", "1", "1"));
  EXPECT_TRUE(wait_.OnNewest("y"));
  EXPECT_TRUE(Take("y", "1", "1"));
}

TEST_F(CatalogWaitTest, WhereThereIsNoneThatIsToldUntilThereIs) {
  Reply reply{.type = Reply::Type::kArray, .elements = std::vector<Reply>(5)};
  EXPECT_EQ(wait_.Take(reply, sources_), nullptr);
  EXPECT_THAT(wait_.trouble(), HasSubstr("no catalog yet"));
  EXPECT_TRUE(wait_.holds_events());
  EXPECT_TRUE(wait_.OnNewest(""));
  EXPECT_THAT(wait_.trouble(), HasSubstr("no catalog yet"));
  EXPECT_TRUE(Take("x", "1", "1"));
  EXPECT_EQ(wait_.trouble(), "");
}

TEST_F(CatalogWaitTest, EventsBehindAChangeWaitForTheCatalogThatHasIt) {
  Take("x", "1", "1");
  wait_.Await("1", 300);
  EXPECT_TRUE(wait_.holds_events());
  EXPECT_TRUE(wait_.OnNewest("x"));
  EXPECT_TRUE(Take("y", "1", "12c"));  // 300: up to the change
  EXPECT_TRUE(wait_.is_awaiting());
  EXPECT_THAT(wait_.trouble(), HasSubstr("the new one is not in the bus yet"));
  EXPECT_TRUE(Take("z", "1", "12d"));
  EXPECT_FALSE(wait_.is_awaiting());
  EXPECT_FALSE(wait_.holds_events());
  EXPECT_EQ(wait_.trouble(), "");
}

TEST_F(CatalogWaitTest, TheCatalogOfALaterSourceHasEachChangeOfAnEarlierOne) {
  Take("x", "1", "1");
  wait_.Await("1", 300);
  Take("y", "2", "1");
  EXPECT_FALSE(wait_.is_awaiting());
  wait_.Await("2", 300);
  Take("z", "1", "ffff");
  EXPECT_TRUE(wait_.is_awaiting());
  // Nor does one of a source that nobody knows.
  Take("u", "3", "ffff");
  EXPECT_TRUE(wait_.is_awaiting());
}

TEST_F(CatalogWaitTest, TheFirstMustHaveTheLastChangeBeforeTheCursor) {
  EXPECT_TRUE(Take("x", "1", "12c", "1 12c"));
  EXPECT_TRUE(wait_.is_awaiting());
  EXPECT_TRUE(Take("y", "1", "12d", "1 12c"));
  EXPECT_FALSE(wait_.is_awaiting());
  // What has changed since is in the stream.
  EXPECT_TRUE(Take("z", "1", "12d", "1 fff"));
  EXPECT_FALSE(wait_.is_awaiting());
}

TEST_F(CatalogWaitTest, AChangeThatMakesNoSenseIsNotWaitedFor) {
  for (const char* changed : {" ", "1", "1 ", "1 x", "1 12c ", "1 11112222333344445"}) {
    wait_ = CatalogWait();
    EXPECT_TRUE(Take("x", "1", "1", changed));
    EXPECT_FALSE(wait_.is_awaiting()) << changed;
  }
}

TEST_F(CatalogWaitTest, IsFetchedAgainSoonAndLessAndLessOften) {
  EXPECT_EQ(wait_.NextDelayMs(), std::nullopt);
  wait_.Await("1", 300);
  for (const uint64_t delay_ms : {10, 20, 40, 80, 160, 320, 500, 500}) {
    EXPECT_EQ(wait_.NextDelayMs(), delay_ms);
  }
  wait_.Await("1", 400);
  EXPECT_EQ(wait_.NextDelayMs(), 10u);
}

}  // namespace
}  // namespace fsubs
