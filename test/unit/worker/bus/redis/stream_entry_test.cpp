#include "worker/bus/redis/stream_entry.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

EventRecord Sample() {
  EventRecord record;
  record.sequence = 7;
  record.position = 512;
  record.commit_time_us = 99;
  record.channel = "orders";
  record.event_type = "orderUpdated";
  record.data = R"({"id": 1})";
  return record;
}

TEST(StreamEntry, IsReadAsItWasWritten) {
  std::string value;
  EncodeEntry(Sample(), 1234, &value);
  EventRecord record;
  int64_t appended_us = 0;
  ASSERT_EQ(DecodeEntry(value, &record, &appended_us), EntryResult::kOk);
  EXPECT_EQ(appended_us, 1234);
  EXPECT_EQ(record.sequence, 7u);
  EXPECT_EQ(record.position, 512u);
  EXPECT_EQ(record.channel, "orders");
  EXPECT_EQ(record.data, R"({"id": 1})");
}

TEST(StreamEntry, OfAnotherVersionIsToldApart) {
  std::string value;
  EncodeEntry(Sample(), 1, &value);
  value[0] = 2;
  EventRecord record;
  int64_t appended_us;
  EXPECT_EQ(DecodeEntry(value, &record, &appended_us), EntryResult::kOtherVersion);
}

TEST(StreamEntry, ThatWasCutOrChangedIsMalformed) {
  std::string value;
  EncodeEntry(Sample(), 1, &value);
  EventRecord record;
  int64_t appended_us;
  for (size_t length = 0; length < value.size(); ++length) {
    EXPECT_NE(DecodeEntry(value.substr(0, length), &record, &appended_us), EntryResult::kOk);
  }
  EXPECT_NE(DecodeEntry(value + '\0', &record, &appended_us), EntryResult::kOk);
}

TEST(StreamEntry, WhoseTextsAreNoUtf8IsMalformed) {
  EventRecord record = Sample();
  record.channel = "\xff";
  std::string value;
  EncodeEntry(record, 1, &value);
  int64_t appended_us;
  EXPECT_EQ(DecodeEntry(value, &record, &appended_us), EntryResult::kMalformed);
}

TEST(StreamEntry, IsCalledByItsSequence) {
  uint64_t sequence = 0;
  EXPECT_EQ(EntryId(12), "12-0");
  EXPECT_TRUE(ParseEntryId("18446744073709551615-0", &sequence));
  EXPECT_EQ(sequence, UINT64_MAX);
  for (const char* id :
       {"", "-0", "12", "12-1", "12-00", "x-0", " 1-0", "99999999999999999999-0"}) {
    EXPECT_FALSE(ParseEntryId(id, &sequence)) << id;
  }
}

}  // namespace
}  // namespace fsubs
