#include "worker/shard/ring_feed.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "contract/ring_writer.hpp"
#include "contract/wake_queue.hpp"
#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

constexpr size_t kShards = 1;

// A ring and its writer, as a committing backend is one.
class Ring {
 public:
  explicit Ring(uint64_t capacity) : region_((kRingHeaderSize + capacity) / 8) {
    InitRing(header(), capacity, 1);
    EXPECT_TRUE(OpenWakeQueue(&wake_queue_));
  }
  ~Ring() { CloseWakeQueue(&wake_queue_); }

  RingHeader* header() { return reinterpret_cast<RingHeader*>(region_.data()); }
  ReaderPage* page() { return &page_; }
  ShardSlot* slot() { return &page_.shards[0]; }
  int wake_fd() const { return wake_queue_.receive_fd; }
  // Wake-ups that writers sent.
  size_t wakes() const { return wakes_; }

  void Publish(const std::string& data, size_t times = 1, RecordKind kind = RecordKind::kEvent) {
    EventRecord record;
    record.kind = kind;
    record.channel = "c";
    record.data = data;
    std::vector<uint64_t> bytes(EncodedSize(record) / 8);
    Encode(record, bytes.data());
    RingAppender appender(header(), {});
    for (size_t i = 0; i < times; ++i) appender.Append(bytes.data());
    appender.Publish();
    if (TakeSleepingShards(header(), &page_, kShards) == 0) return;
    ++wakes_;
    SendWake(wake_queue_);
  }

 private:
  std::vector<uint64_t> region_;
  ReaderPage page_{};
  WakeQueue wake_queue_;
  std::atomic<size_t> wakes_{0};
};

class RingFeedTest : public testing::Test, private RingFeed::Sink {
 protected:
  RingFeedTest() {
    feed_.Attach(loop_.get());
    // As a shard does, once per turn.
    uv_prepare_init(loop_.get(), &prepare_);
    prepare_.data = this;
    uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
      auto* const test = static_cast<RingFeedTest*>(handle->data);
      test->feed_.PrepareToWait(test->more_);
    });
  }

  bool sleeps() { return ring_.slot()->sleeping.load() == 1; }

  Ring ring_{256 * 1024};
  RingFeed feed_{ring_.header(), ring_.slot(), ring_.wake_fd(), this};
  uv_prepare_t prepare_;
  std::vector<std::string> read_;
  uint64_t lost_ = 0;
  size_t turns_ = 0;
  size_t takes_ = SIZE_MAX;  // records a turn
  bool more_ = false;        // work beside reading
  TestLoop loop_;

 private:
  void OnTurn() override {
    ++turns_;
    feed_.Read();
  }
  bool OnRecord(const EventRecord& record, uint64_t lost) override {
    read_.emplace_back(record.data);
    lost_ += lost;
    return read_.size() % takes_ != 0;
  }
};

TEST_F(RingFeedTest, ARecordWakesALoopThatSleeps) {
  loop_.Turn();
  ASSERT_TRUE(sleeps());
  ring_.Publish("1");
  EXPECT_FALSE(sleeps());
  loop_.RunUntil([&] { return !read_.empty(); });
  EXPECT_EQ(read_, std::vector<std::string>{"1"});
  EXPECT_EQ(ring_.wakes(), 1u);
}

TEST_F(RingFeedTest, ALoopThatIsAwakeIsNotWoken) {
  ring_.Publish("1");
  ring_.Publish("2");
  loop_.RunUntil([&] { return read_.size() == 2; });
  EXPECT_EQ(ring_.wakes(), 0u);
}

TEST_F(RingFeedTest, OneThatTakesNoMoreGetsTheRestInTheNextTurns) {
  takes_ = 10;
  ring_.Publish("{}", 25);
  loop_.RunUntil([&] { return read_.size() == 25; });
  EXPECT_EQ(turns_, 3u);
}

TEST_F(RingFeedTest, OneWithOtherWorkGetsTurnsThoughTheRingIsEmpty) {
  more_ = true;
  loop_.RunUntil([&] { return turns_ == 3; });
  EXPECT_FALSE(sleeps());
}

TEST_F(RingFeedTest, ATurnReadsABoundedNumberOfRecordsAndTheNextGoesOn) {
  ring_.Publish("{}", RingFeed::kRecordsPerTurn);
  ring_.Publish("last");
  feed_.Read();
  EXPECT_EQ(read_.size(), RingFeed::kRecordsPerTurn);
  feed_.PrepareToWait(false);
  EXPECT_FALSE(sleeps());
  loop_.RunUntil([&] { return read_.back() == "last"; });
}

TEST_F(RingFeedTest, WritersSeeHowFarItHasRead) {
  EXPECT_EQ(ring_.slot()->attached.load(), 1u);
  ring_.Publish("1");
  EXPECT_LT(ring_.slot()->cursor.load(), ring_.header()->head.load());
  feed_.Read();
  EXPECT_EQ(ring_.slot()->cursor.load(), ring_.header()->head.load());
}

TEST_F(RingFeedTest, WhatWasOverwrittenUnreadIsCounted) {
  constexpr size_t kRecords = 10000;
  ring_.Publish("{}", kRecords);
  while (ring_.slot()->cursor.load() != ring_.header()->head.load()) feed_.Read();
  EXPECT_GT(lost_, 0u);
  EXPECT_EQ(read_.size() + lost_, kRecords);
}

TEST_F(RingFeedTest, ATurnEndsWithTheFirstRecordBehindALoss) {
  ring_.Publish("{}", 10000);
  feed_.Read();
  EXPECT_GT(lost_, 0u);
  EXPECT_EQ(read_.size(), 1u);
  feed_.PrepareToWait(false);
  EXPECT_FALSE(sleeps());
}

TEST_F(RingFeedTest, AChangeOfTheCatalogIsSeenBeforeItIsRead) {
  EXPECT_FALSE(feed_.UnreadCatalogChange());
  ring_.Publish("event");
  EXPECT_FALSE(feed_.UnreadCatalogChange());
  const Position change = feed_.head();
  ring_.Publish("", 1, RecordKind::kCatalogChanged);
  const Position behind = feed_.head();
  ring_.Publish("event");
  const auto seen = feed_.UnreadCatalogChange();
  ASSERT_TRUE(seen);
  EXPECT_GE(*seen, change);
  EXPECT_LT(*seen, behind);
  feed_.Read();
  EXPECT_FALSE(feed_.UnreadCatalogChange());
}

TEST_F(RingFeedTest, AChangeThatIsBeingPublishedMayHideAnotherThatIs) {
  ring_.Publish("event");
  ring_.header()->catalog_changed = feed_.head() + 8;
  const auto seen = feed_.UnreadCatalogChange();
  ASSERT_TRUE(seen);
  EXPECT_LT(*seen, feed_.head());
  feed_.Read();
  EXPECT_FALSE(feed_.UnreadCatalogChange());
}

TEST_F(RingFeedTest, NoWakeUpIsMissed) {
  constexpr size_t kRecords = 5000;
  std::jthread writer([&] {
    for (size_t i = 0; i < kRecords; ++i) {
      // Room for the reader: nothing may be overwritten here.
      while (UnreadRoom(ring_.header(), ring_.page(), kShards) < 1024) std::this_thread::yield();
      ring_.Publish("{}");
    }
  });
  loop_.RunUntil([&] { return read_.size() == kRecords; });
  EXPECT_EQ(lost_, 0u);
}

}  // namespace
}  // namespace fsubs
