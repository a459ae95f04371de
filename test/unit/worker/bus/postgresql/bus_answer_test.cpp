#include "worker/bus/postgresql/bus_answer.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <string>
#include <vector>

namespace fsubs {
namespace {

constexpr char kCursor[] = "1/9f3ac2d1/2.1716966489562/1041/812:815:812,814";

// As the server sends a number.
template <typename Integer>
std::string Binary(Integer number) {
  std::string bytes;
  for (int shift = static_cast<int>(sizeof(number)) * 8 - 8; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(static_cast<uint64_t>(number) >> shift & 0xff);
  }
  return bytes;
}

// A row of that kind with values for columns; null where there is none.
using Values = std::map<BusColumn, std::string>;
using OwnedRow = std::array<std::optional<std::string>, kBusColumns>;

OwnedRow Row(int16_t kind, const Values& values) {
  OwnedRow row;
  row[static_cast<size_t>(BusColumn::kKind)] = Binary(kind);
  row[static_cast<size_t>(BusColumn::kFlags)] = Binary<int16_t>(0);
  for (const auto& [column, value] : values) row[static_cast<size_t>(column)] = value;
  return row;
}

OwnedRow Event(const Values& values = {}) {
  Values all = values;
  all.insert({{BusColumn::kSeq, Binary<int64_t>(1042)},
              {BusColumn::kEventType, "orderUpdated"},
              {BusColumn::kChannel, "orders"},
              {BusColumn::kData, "{\"id\": 1}"},
              {BusColumn::kPublishedAt, Binary<int64_t>(1)},
              {BusColumn::kXid, Binary<int64_t>(815)}});
  return Row(1, all);
}

OwnedRow End(const Values& values = {}) {
  Values all = values;
  all.insert({BusColumn::kData, kCursor});
  return Row(0, all);
}

class BusAnswerTest : public testing::Test {
 protected:
  std::string Read(std::vector<OwnedRow> rows) {
    rows_ = std::move(rows);
    return ReadBusAnswer(
        rows_.size(),
        [this](size_t at) {
          BusRow row;
          for (size_t i = 0; i < kBusColumns; ++i) row[i] = rows_[at][i];
          return row;
        },
        &answer_);
  }

  // That a row with these values is no event, but one lost.
  void ExpectLost(const OwnedRow& row) {
    EXPECT_EQ(Read({row, End()}), "");
    EXPECT_EQ(answer_.malformed, 1u);
    ASSERT_EQ(answer_.events.size(), 1u);
    EXPECT_EQ(answer_.events[0].record.kind, RecordKind::kEventsLost);
    EXPECT_EQ(answer_.events[0].record.channel, "");
    EXPECT_EQ(answer_.events[0].record.data, "1");
  }

  std::vector<OwnedRow> rows_;
  BusAnswer answer_;
};

TEST_F(BusAnswerTest, EventsHaveTheNameThatTheyHaveOnEveryNode) {
  ASSERT_EQ(Read({Event({{BusColumn::kCorrelationId, "c"}, {BusColumn::kSubgraph, "s"}}), End()}),
            "");
  ASSERT_EQ(answer_.events.size(), 1u);
  const EventRecord& record = answer_.events[0].record;
  EXPECT_EQ(record.kind, RecordKind::kEvent);
  EXPECT_EQ(record.origin.epoch, EpochOf(kCursor));
  EXPECT_EQ(record.origin.position, 1042u);
  EXPECT_EQ(record.event_type, "orderUpdated");
  EXPECT_EQ(record.channel, "orders");
  EXPECT_EQ(record.correlation_id, "c");
  EXPECT_EQ(record.subgraph, "s");
  EXPECT_EQ(record.data, "{\"id\": 1}");
  EXPECT_EQ(record.commit_time_us, int64_t{946684800} * 1000000 + 1);
  EXPECT_EQ(record.xid, 815u);
  EXPECT_EQ(answer_.cursor, kCursor);
  EXPECT_FALSE(answer_.more);
  EXPECT_EQ(answer_.malformed, 0u);
}

TEST_F(BusAnswerTest, TheEndSaysWhetherThereIsMore) {
  ASSERT_EQ(Read({End({{BusColumn::kFlags, Binary<int16_t>(1)}})}), "");
  EXPECT_TRUE(answer_.more);
  EXPECT_TRUE(answer_.events.empty());
}

TEST_F(BusAnswerTest, AnIncompleteEventStaysOne) {
  ASSERT_EQ(Read({Event({{BusColumn::kFlags, Binary<int16_t>(1)}}), End()}), "");
  EXPECT_EQ(answer_.events.at(0).record.flags, kIncomplete);
}

TEST_F(BusAnswerTest, ACatalogChangeKeepsItsPlace) {
  ASSERT_EQ(Read({Event(), Row(2, {}), Event(), End()}), "");
  ASSERT_EQ(answer_.events.size(), 3u);
  EXPECT_EQ(answer_.events[1].record.kind, RecordKind::kCatalogChanged);
}

TEST_F(BusAnswerTest, LostEventsAreCountedInTheirChannel) {
  OwnedRow row = Event({{BusColumn::kData, "12"}});
  row[static_cast<size_t>(BusColumn::kKind)] = Binary<int16_t>(3);
  row[static_cast<size_t>(BusColumn::kEventType)] = std::nullopt;
  ASSERT_EQ(Read({row, End()}), "");
  const EventRecord& record = answer_.events.at(0).record;
  EXPECT_EQ(record.kind, RecordKind::kEventsLost);
  EXPECT_EQ(record.channel, "orders");
  EXPECT_EQ(record.data, "12");

  row[static_cast<size_t>(BusColumn::kData)] = std::nullopt;
  ASSERT_EQ(Read({row, End()}), "");
  EXPECT_EQ(answer_.events.at(0).record.data, "");
}

TEST_F(BusAnswerTest, BehindAGapTheCatalogIsReadAnew) {
  ASSERT_EQ(Read({Row(4, {{BusColumn::kData, "77"}}), Event(), End()}), "");
  ASSERT_EQ(answer_.events.size(), 3u);
  EXPECT_EQ(answer_.events[0].record.kind, RecordKind::kEventsLost);
  EXPECT_EQ(answer_.events[0].record.data, "77");
  EXPECT_EQ(answer_.events[1].record.kind, RecordKind::kCatalogChanged);
}

TEST_F(BusAnswerTest, AGapOfNothingIsNoLoss) {
  ASSERT_EQ(Read({Row(4, {{BusColumn::kData, "0"}}), End()}), "");
  ASSERT_EQ(answer_.events.size(), 1u);
  EXPECT_EQ(answer_.events[0].record.kind, RecordKind::kCatalogChanged);
}

TEST_F(BusAnswerTest, AGapOfUnknownSizeIsALossWithoutACount) {
  ASSERT_EQ(Read({Row(4, {}), End()}), "");
  EXPECT_EQ(answer_.events.at(0).record.data, "");
}

TEST_F(BusAnswerTest, ARowWithoutSenseIsAnEventLost) {
  ExpectLost(Event({{BusColumn::kSeq, Binary<int64_t>(0)}}));
  ExpectLost(Event({{BusColumn::kSeq, Binary<int64_t>(-1)}}));
  ExpectLost(Event({{BusColumn::kSeq, "short"}}));
  ExpectLost(Event({{BusColumn::kFlags, Binary<int16_t>(2)}}));
  ExpectLost(Event({{BusColumn::kChannel, ""}}));
  ExpectLost(Event({{BusColumn::kEventType, ""}}));
  ExpectLost(Event({{BusColumn::kData, ""}}));
  ExpectLost(Event({{BusColumn::kData, "\"\xff\""}}));
  ExpectLost(Event({{BusColumn::kChannel, "\xc3"}}));
  ExpectLost(Event({{BusColumn::kChannel, std::string(kMaxNameLength + 1, 'c')}}));
  for (const int64_t infinity :
       {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()}) {
    ExpectLost(Event({{BusColumn::kPublishedAt, Binary(infinity)}}));
  }
  OwnedRow unknown = Event();
  unknown[static_cast<size_t>(BusColumn::kKind)] = Binary<int16_t>(9);
  ExpectLost(unknown);
  unknown[static_cast<size_t>(BusColumn::kKind)] = std::nullopt;
  ExpectLost(unknown);
}

TEST_F(BusAnswerTest, AnAnswerWithoutItsEndIsNone) {
  EXPECT_NE(Read({}), "");
  EXPECT_NE(Read({Event()}), "");
  EXPECT_NE(Read({End({{BusColumn::kFlags, ""}})}), "");
  OwnedRow end = End();
  end[static_cast<size_t>(BusColumn::kData)] = std::nullopt;
  EXPECT_NE(Read({end}), "");
}

TEST_F(BusAnswerTest, ACursorOfAnotherVersionIsNone) {
  for (const char* const cursor : {"", "2/9f3ac2d1/2/1", "1/9f3ac2d1", "1/xyz/2/1", "1//2/1",
                                   "1/9f3ac2d1/x/1", "1/9f3ac2d1/2/ 1", "1/9f3ac2d1/2/\n"}) {
    EXPECT_NE(Read({End({{BusColumn::kData, cursor}})}), "") << cursor;
  }
  EXPECT_NE(Read({End({{BusColumn::kData, kCursor + std::string(2 << 20, '1')}})}), "");
}

TEST(EpochOf, IsTheSameForAllCursorsOfADatabaseUntilAFailoverOrACrash) {
  const auto epoch = EpochOf(kCursor);
  ASSERT_TRUE(epoch.has_value());
  EXPECT_NE(epoch, uint64_t{0});
  EXPECT_EQ(EpochOf("1/9f3ac2d1/2.1716966489562/7/1:2:/8/1:3:/7"), epoch);
  EXPECT_NE(EpochOf("1/9f3ac2d1/3.1716966489562/1041/812:815:812,814"), epoch);
  EXPECT_NE(EpochOf("1/9f3ac2d1/2.1716966489563/1041/812:815:812,814"), epoch);
  EXPECT_NE(EpochOf("1/9f3ac2d2/2.1716966489562/1041/812:815:812,814"), epoch);
}

}  // namespace
}  // namespace fsubs
