#include "worker/bus/redis/published_catalog.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "test/unit/worker/bus/redis/resp.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;

constexpr char kKey[] = "fraiseql_subs:{db}:catalog";

class PublishedCatalogTest : public testing::Test {
 protected:
  // The one command that it adds.
  CommandWords Tend() {
    Pipeline pipeline;
    catalog_.AddTo(&pipeline);
    EXPECT_EQ(pipeline.replies(), 1u);
    return TakeCommands(pipeline.commands()).at(0);
  }
  // Returns the id under which it is written.
  std::string Write() {
    const CommandWords command = Tend();
    EXPECT_EQ(command.at(0), "HSET");
    return command.at(3);
  }
  void Store(const std::string& id) {
    EXPECT_THAT(Tend(), ElementsAre("HGET", kKey, "id"));
    catalog_.OnStored({.type = Reply::Type::kText, .text = id});
  }

  RedisKeys keys_{"db"};
  PublishedCatalog catalog_{&keys_, "1f", 77};
};

TEST_F(PublishedCatalogTest, IsWrittenOnceWithWhatItCovers) {
  catalog_.Set("{}", 0x12c);
  EXPECT_TRUE(catalog_.is_due());
  EXPECT_THAT(Tend(), ElementsAre("HSET", kKey, "id", "1f-77-1", "epoch", "1f", "covers", "12c",
                                  "snapshot", "{}"));
  EXPECT_FALSE(catalog_.is_due());
  Store("1f-77-1");
  EXPECT_FALSE(catalog_.is_due());
}

TEST_F(PublishedCatalogTest, AnotherHasAnotherId) {
  catalog_.Set("{}", 1);
  const std::string first = Write();
  catalog_.Set("{}", 1);
  EXPECT_NE(Write(), first);
}

TEST_F(PublishedCatalogTest, IsWrittenAgainWhenRedisHasNoneOrAnother) {
  catalog_.Set("{}", 1);
  const std::string id = Write();
  for (const char* stored : {"", "1f-76-1"}) {
    Store(stored);
    EXPECT_TRUE(catalog_.is_due());
    EXPECT_EQ(Write(), id);
    // What HSET was answered is no id.
    catalog_.OnStored({.type = Reply::Type::kInteger, .integer = 0});
    EXPECT_FALSE(catalog_.is_due());
  }
}

TEST_F(PublishedCatalogTest, ThatThereIsNotYetIsNotWritten) {
  EXPECT_FALSE(catalog_.is_due());
  Store("");
  EXPECT_FALSE(catalog_.is_due());
  catalog_.Renew();
  EXPECT_FALSE(catalog_.is_due());
}

}  // namespace
}  // namespace fsubs
