#include "worker/bus/private_ring.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mqueue.h>

#include <string>
#include <vector>

#include "contract/ring_reader.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;

constexpr uint64_t kCapacity = 4096;

class PrivateRingTest : public testing::Test {
 protected:
  PrivateRingTest() : ring_(PrivateRing::Make(kCapacity, 2, &error_)), reader_(ring_->ring()) {}

  static BusEvent Event(std::string_view data, uint64_t lost = 0) {
    BusEvent event;
    event.record.channel = "orders";
    event.record.data = data;
    event.lost = lost;
    return event;
  }

  void Append(const std::vector<BusEvent>& events) { ring_->Append(events); }

  // The data of what can be read; "lost" and a number for a loss.
  std::vector<std::string> Read() {
    std::vector<std::string> read;
    EventRecord record;
    uint64_t lost = 0;
    while (reader_.Next(&record, &lost) == RingReader::Result::kRecord) {
      if (lost > 0) read.push_back("lapped " + std::to_string(lost));
      const std::string data(record.data);
      read.push_back(record.kind == RecordKind::kEventsLost
                         ? "lost " + data.substr(data.find_first_not_of(' '))
                         : data);
    }
    return read;
  }

  // Whether a shard was woken since the last time.
  bool WasWoken(size_t shard) {
    char message;
    return mq_receive(ring_->wake_fds()[shard], &message, sizeof(message), nullptr) >= 0;
  }

  std::string error_;
  const std::unique_ptr<PrivateRing> ring_;
  RingReader reader_;
};

TEST_F(PrivateRingTest, EventsAreReadInOrder) {
  Append({Event("1"), Event("2")});
  Append({Event("3")});
  EXPECT_THAT(Read(), ElementsAre("1", "2", "3"));
}

TEST_F(PrivateRingTest, StampsAndNamesAreThoseOfTheSource) {
  BusEvent event = Event("1");
  event.record.commit_time_us = 5;
  event.record.commit_lsn = 6;
  event.record.xid = 7;
  event.record.origin = {0xab, 0x40};
  Append({event});
  EventRecord record;
  uint64_t lost = 0;
  ASSERT_EQ(reader_.Next(&record, &lost), RingReader::Result::kRecord);
  EXPECT_EQ(record.commit_time_us, 5);
  EXPECT_EQ(record.commit_lsn, 6u);
  EXPECT_EQ(record.xid, 7u);
  EXPECT_EQ(FormatPosition(record.NameIn(ring_->ring()->epoch)), "ab-40");
  EXPECT_EQ(record.position, 0u);
  EXPECT_EQ(record.sequence, 1u);
}

TEST_F(PrivateRingTest, WhatTheBusHasLostIsToldInItsPlace) {
  Append({Event("1"), Event("2", 3), Event("4")});
  EXPECT_THAT(Read(), ElementsAre("1", "lost 3", "2", "4"));
}

TEST_F(PrivateRingTest, WhatIsTooLargeIsToldAsLost) {
  const std::string large(kCapacity / kMaxRecordShare, 'x');
  BusEvent long_name = Event("3");
  const std::string name(kMaxNameLength + 1, 'c');
  long_name.record.channel = name;
  Append({Event("1"), Event(large, 2), long_name, Event("4", 1), Event(large)});
  EXPECT_THAT(Read(), ElementsAre("1", "lost 5", "4", "lost 1"));
}

TEST_F(PrivateRingTest, ABatchThatIsLargerThanTheRingLosesItsFirst) {
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back(std::to_string(i));
  std::vector<BusEvent> events;
  for (const std::string& text : texts) events.push_back(Event(text));
  Append(events);
  const std::vector<std::string> read = Read();
  ASSERT_GT(read.size(), 1u);
  EXPECT_EQ(read.front(), "lapped " + std::to_string(1000 - (read.size() - 1)));
  EXPECT_EQ(read.back(), "999");
}

TEST_F(PrivateRingTest, ShardsThatSleepAreWoken) {
  ring_->reader_page()->shards[1].sleeping = 1;
  Append({Event("1")});
  EXPECT_FALSE(WasWoken(0));
  EXPECT_TRUE(WasWoken(1));
  Append({Event("2")});
  EXPECT_FALSE(WasWoken(1));
}

TEST_F(PrivateRingTest, RoomIsWhatNoShardHasStillToRead) {
  EXPECT_EQ(ring_->UnreadRoom(), kCapacity);
  ShardSlot& slot = ring_->reader_page()->shards[0];
  slot.attached = 1;
  Append({Event("1")});
  EXPECT_EQ(ring_->UnreadRoom(), kCapacity - EncodedSize(Event("1").record));
  slot.cursor = ring_->ring()->head.load();
  EXPECT_EQ(ring_->UnreadRoom(), kCapacity);
}

TEST(PrivateRing, MemoryThatThereIsNotIsAnError) {
  std::string error;
  EXPECT_EQ(PrivateRing::Make(uint64_t{1} << 60, 1, &error), nullptr);
  EXPECT_NE(error, "");
}

}  // namespace
}  // namespace fsubs
