#include "worker/shard/ring_places.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "contract/ring_writer.hpp"

namespace fsubs {
namespace {

class RingPlacesTest : public testing::Test {
 protected:
  static constexpr uint64_t kCapacity = 16 * 1024;

  RingPlacesTest() : region_((kRingHeaderSize + kCapacity) / 8) {
    InitRing(ring(), kCapacity, 1);
    places_.emplace(ring());
  }

  RingHeader* ring() { return reinterpret_cast<RingHeader*>(region_.data()); }

  // So many records, each in a transaction of its own.
  void Publish(int records) {
    for (int i = 0; i < records; ++i) {
      EventRecord record;
      record.channel = "orders";
      record.event_type = "any";
      const std::string data = "{\"id\":" + std::string(1 + i % 7, '1') + "}";
      record.data = data;
      std::vector<uint64_t> bytes(EncodedSize(record) / 8);
      Encode(record, bytes.data());
      RingAppender appender(ring(), {});
      starts_.push_back(ring()->head.load());
      appender.Append(bytes.data());
      appender.Publish();
    }
  }
  // Of the record of that sequence.
  Position StartOf(uint64_t sequence) const { return starts_.at(sequence - 1); }

  std::vector<uint64_t> region_;
  std::vector<Position> starts_;
  std::optional<RingPlaces> places_;
};

TEST_F(RingPlacesTest, FindsEachEventThatIsInTheRing) {
  Publish(100);
  for (uint64_t sequence = 1; sequence < 100; ++sequence) {
    const auto found = places_->FindBehind(sequence);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->place.position, StartOf(sequence + 1));
    EXPECT_EQ(found->place.sequence, sequence + 1);
    EXPECT_EQ(found->lost, 0u);
  }
}

TEST_F(RingPlacesTest, BehindTheLastEventIsTheHead) {
  Publish(3);
  const auto found = places_->FindBehind(3);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->place.position, ring()->head.load());
  EXPECT_EQ(found->place.sequence, 4u);
  EXPECT_EQ(found->lost, 0u);
}

TEST_F(RingPlacesTest, NothingIsBehindWhatWasNotPublished) {
  Publish(3);
  EXPECT_FALSE(places_->FindBehind(4));
  EXPECT_FALSE(places_->FindBehind(UINT64_MAX));
}

TEST_F(RingPlacesTest, WhatIsOverwrittenIsCounted) {
  Publish(1000);
  ASSERT_GT(ring()->tail.load(), 0u);
  const auto found = places_->FindBehind(10);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->place.position, StartOf(found->place.sequence));
  EXPECT_EQ(found->lost, found->place.sequence - 11);
  EXPECT_GE(found->place.position, ring()->tail.load());
}

TEST_F(RingPlacesTest, FindsEachEventThatIsLeftInAnyOrder) {
  Publish(1000);
  uint64_t oldest = 1;
  while (StartOf(oldest) < ring()->tail.load()) ++oldest;
  for (uint64_t step = 0; oldest + step * 37 % (1000 - oldest) > oldest || step == 0; ++step) {
    const uint64_t sequence = oldest + step * 37 % (1000 - oldest);
    const auto found = places_->FindBehind(sequence);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->place.position, StartOf(sequence + 1));
    EXPECT_EQ(found->lost, 0u);
  }
}

TEST_F(RingPlacesTest, CountsWhatTheShardHasNotRead) {
  Publish(50);
  const EventPlace read = {StartOf(20), 20};
  EXPECT_EQ(places_->SequenceBefore(StartOf(20), read), 19u);
  EXPECT_EQ(places_->SequenceBefore(StartOf(35), read), 34u);
  EXPECT_EQ(places_->SequenceBefore(StartOf(30), read), 29u);
  EXPECT_EQ(places_->SequenceBefore(ring()->head.load(), read), 50u);
  Publish(5);
  EXPECT_EQ(places_->SequenceBefore(ring()->head.load(), {StartOf(51), 51}), 55u);
}

TEST_F(RingPlacesTest, AnEmptyRingHasNoEventBefore) {
  EXPECT_EQ(places_->SequenceBefore(0, {0, 1}), 0u);
}

}  // namespace
}  // namespace fsubs
