#include "worker/bus/replay_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kEpoch = 7;

class ReplayQueueTest : public testing::Test {
 protected:
  void Add(const std::string& data, uint64_t lsn, uint64_t epoch = kEpoch, uint64_t lost = 0) {
    BusEvent event;
    event.record.channel = "c";
    event.record.data = data;
    event.record.commit_lsn = lsn;
    event.record.origin.epoch = epoch;
    event.lost = lost;
    queue_.Add({&event, 1});
  }

  // What comes: data of events, with what is lost before them, and catalogs.
  std::vector<std::string> Release(uint64_t replayed) {
    std::vector<std::string> come;
    queue_.Release(replayed, {.on_events =
                                  [&](std::span<const BusEvent> events) {
                                    for (const BusEvent& event : events) {
                                      std::string text(event.record.data);
                                      if (event.lost > 0) text += " -" + std::to_string(event.lost);
                                      come.push_back(text);
                                    }
                                  },
                              .on_catalog = [&](std::string json) { come.push_back(json); }});
    return come;
  }

  ReplayQueue queue_;
};

TEST_F(ReplayQueueTest, WhatIsReplayedComesAndTheRestWaits) {
  Add("a", 10);
  Add("b", 20);
  Add("c", 20);
  EXPECT_THAT(Release(9), IsEmpty());
  EXPECT_THAT(Release(10), ElementsAre("a"));
  EXPECT_EQ(queue_.events(), 2u);
  EXPECT_THAT(Release(20), ElementsAre("b", "c"));
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.bytes(), 0u);
}

TEST_F(ReplayQueueTest, NothingOvertakesAnEventThatWaits) {
  Add("a", 20);
  Add("b", 10);
  Add("without WAL", 0);
  queue_.AddCatalog("catalog");
  EXPECT_THAT(Release(19), IsEmpty());
  EXPECT_THAT(Release(20), ElementsAre("a", "b", "without WAL", "catalog"));
}

TEST_F(ReplayQueueTest, ACatalogAloneComesAtOnce) {
  queue_.AddCatalog("catalog");
  EXPECT_THAT(Release(0), ElementsAre("catalog"));
  EXPECT_EQ(queue_.events(), 0u);
}

TEST_F(ReplayQueueTest, ACatalogComesBetweenTheEventsAroundIt) {
  Add("a", 10);
  queue_.AddCatalog("catalog");
  Add("b", 20);
  EXPECT_THAT(Release(15), ElementsAre("a", "catalog"));
  EXPECT_THAT(Release(20), ElementsAre("b"));
}

TEST_F(ReplayQueueTest, LossesComeWithTheEventBehindThem) {
  Add("a", 10, kEpoch, 3);
  EXPECT_THAT(Release(10), ElementsAre("a -3"));
}

TEST_F(ReplayQueueTest, TheBytesAreThoseOfTheRecordsThatWait) {
  EventRecord record;
  record.channel = "c";
  record.data = "a";
  record.origin.epoch = kEpoch;
  Add("a", 10);
  EXPECT_EQ(queue_.bytes(), EncodedSize(record));
}

TEST_F(ReplayQueueTest, CommitsThatTheNextSourceHasReplacedAreLost) {
  Add("a", 10);
  Add("of a commit that is lost", 30, kEpoch, 1);
  Add("another", 40);
  Add("b", 20, kEpoch + 1);
  EXPECT_THAT(Release(19), ElementsAre("a"));
  EXPECT_EQ(queue_.events(), 3u);
  EXPECT_THAT(Release(20), ElementsAre("b -3"));
  EXPECT_EQ(queue_.bytes(), 0u);
}

TEST_F(ReplayQueueTest, CommitsBeforeThoseOfTheNextSourceAreAwaited) {
  Add("a", 10);
  Add("b", 20, kEpoch + 1);
  EXPECT_THAT(Release(9), IsEmpty());
  EXPECT_THAT(Release(20), ElementsAre("a", "b"));
}

TEST_F(ReplayQueueTest, ClearedItHasNothing) {
  Add("a", 10);
  queue_.AddCatalog("catalog");
  queue_.Clear();
  EXPECT_THAT(Release(UINT64_MAX), IsEmpty());
  EXPECT_EQ(queue_.events(), 0u);
}

}  // namespace
}  // namespace fsubs
