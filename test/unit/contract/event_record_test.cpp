#include "contract/event_record.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace fsubs {
namespace {

std::string Bytes(const EventRecord& record) {
  std::string bytes(EncodedSize(record), '?');
  Encode(record, bytes.data());
  return bytes;
}

EventRecord Sample() {
  EventRecord record;
  record.sequence = 1;
  record.position = 64;
  record.commit_time_us = -1;
  record.commit_lsn = 0x1000;
  record.xid = 742;
  record.event_type = "orderUpdated";
  record.channel = "orders";
  record.correlation_id = "req-1";
  record.subgraph = "shop";
  record.data = R"({"id": 1})";
  return record;
}

TEST(EventRecordTest, DecodesToWhatWasEncoded) {
  const std::string bytes = Bytes(Sample());
  EventRecord decoded;
  ASSERT_EQ(Decode(bytes, &decoded), DecodeResult::kOk);
  EXPECT_EQ(decoded.sequence, 1u);
  EXPECT_EQ(decoded.position, 64u);
  EXPECT_EQ(decoded.commit_time_us, -1);
  EXPECT_EQ(decoded.commit_lsn, 0x1000u);
  EXPECT_EQ(decoded.xid, 742u);
  EXPECT_EQ(decoded.event_type, "orderUpdated");
  EXPECT_EQ(decoded.channel, "orders");
  EXPECT_EQ(decoded.correlation_id, "req-1");
  EXPECT_EQ(decoded.subgraph, "shop");
  EXPECT_EQ(decoded.data, R"({"id": 1})");
}

TEST(EventRecordTest, ARecordOfAnotherRingKeepsItsName) {
  EventRecord record = Sample();
  record.flags = kIncomplete;
  const size_t without = EncodedSize(record);
  EXPECT_EQ(record.NameIn(7).epoch, 7u);
  EXPECT_EQ(record.NameIn(7).position, 64u);
  record.origin = {0x1234, 0x5678};
  EXPECT_EQ(EncodedSize(record), without + kOriginLength);
  const std::string bytes = Bytes(record);
  EventRecord decoded;
  ASSERT_EQ(Decode(bytes, &decoded), DecodeResult::kOk);
  EXPECT_EQ(decoded.NameIn(7).epoch, 0x1234u);
  EXPECT_EQ(decoded.NameIn(7).position, 0x5678u);
  EXPECT_EQ(decoded.flags, kIncomplete);
  EXPECT_EQ(decoded.event_type, "orderUpdated");
  EXPECT_EQ(decoded.data, R"({"id": 1})");
}

TEST(EventRecordTest, LengthIsAMultipleOfEightWhateverTheTexts) {
  EventRecord record = Sample();
  for (size_t i = 0; i < 9; ++i) {
    const std::string data(i, 'x');
    record.data = data;
    EXPECT_EQ(EncodedSize(record) % 8, 0u);
    EventRecord decoded;
    const std::string bytes = Bytes(record);
    ASSERT_EQ(Decode(bytes, &decoded), DecodeResult::kOk);
    EXPECT_EQ(decoded.data, data);
  }
}

TEST(EventRecordTest, EveryCutIsTooShort) {
  const std::string bytes = Bytes(Sample());
  EventRecord decoded;
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(Decode(std::string_view(bytes).substr(0, length), &decoded), DecodeResult::kTooShort);
  }
}

TEST(EventRecordTest, LengthsThatDoNotAddUpAreRefused) {
  std::string bytes = Bytes(Sample());
  RecordHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  header.data_length = UINT32_MAX;
  std::memcpy(bytes.data(), &header, sizeof(header));
  EventRecord decoded;
  EXPECT_EQ(Decode(bytes, &decoded), DecodeResult::kBadLength);
}

TEST(EventRecordTest, AnUnknownKindIsRefused) {
  std::string bytes = Bytes(Sample());
  bytes[offsetof(RecordHeader, kind)] = 77;
  EventRecord decoded;
  EXPECT_EQ(Decode(bytes, &decoded), DecodeResult::kBadKind);
}

TEST(EventRecordTest, PaddingIsZero) {
  EventRecord record = Sample();
  record.data = "1";
  std::string bytes = Bytes(record);
  ASSERT_EQ(bytes.back(), '\0');
  bytes.back() = 'x';
  EventRecord decoded;
  EXPECT_EQ(Decode(bytes, &decoded), DecodeResult::kBadPadding);
}

}  // namespace
}  // namespace fsubs
