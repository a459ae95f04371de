#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "contract/event_record.hpp"
#include "contract/ring_reader.hpp"
#include "contract/ring_writer.hpp"

namespace fsubs {
namespace {

class RingTest : public testing::Test {
 protected:
  static constexpr uint64_t kEpoch = 0x1234;

  void Make(uint64_t capacity) {
    region_.assign((kRingHeaderSize + capacity) / 8, 0);
    InitRing(ring(), capacity, kEpoch);
  }

  RingHeader* ring() { return reinterpret_cast<RingHeader*>(region_.data()); }

  static std::vector<uint64_t> Encoded(std::string_view data, std::string_view channel = "orders") {
    EventRecord record;
    record.event_type = "orderUpdated";
    record.channel = channel;
    record.data = data;
    std::vector<uint64_t> bytes(EncodedSize(record) / 8);
    Encode(record, bytes.data());
    return bytes;
  }

  void Commit(const std::vector<std::string>& payloads) {
    RingAppender appender(ring(), {.commit_time_us = 7, .commit_lsn = 8, .xid = 9});
    for (const std::string& payload : payloads) appender.Append(Encoded(payload).data());
    appender.Publish();
  }

  void CommitLarge(const SkippedRecords& skipped, const std::vector<std::string>& payloads) {
    RingAppender appender(ring(), {});
    appender.Skip(skipped);
    for (const std::string& payload : payloads) AppendTo(&appender, payload);
    appender.Publish();
  }

  void AppendTo(RingAppender* appender, const std::string& payload) {
    const std::vector<uint64_t> record = Encoded(payload);
    appender->Append(record.data());
    appended_ += record.size() * 8;
  }

  void CommitCatalogChange() {
    EventRecord record;
    record.kind = RecordKind::kCatalogChanged;
    std::vector<uint64_t> bytes(EncodedSize(record) / 8);
    Encode(record, bytes.data());
    RingAppender appender(ring(), {});
    appender.Append(bytes.data());
    appender.Publish();
  }

  std::vector<uint64_t> region_;
  size_t appended_ = 0;  // bytes, by AppendTo
};

std::string ReadOne(RingReader* reader, uint64_t* lost) {
  EventRecord record;
  return reader->Next(&record, lost) == RingReader::Result::kRecord ? std::string(record.data)
                                                                    : "(empty)";
}

TEST_F(RingTest, RecordsArriveWholeAndInTheOrderOfTheirCommits) {
  Make(4096);
  RingReader reader(ring());
  Commit({"1", "2"});
  Commit({"3"});
  uint64_t lost = 99;
  EXPECT_EQ(ReadOne(&reader, &lost), "1");
  EXPECT_EQ(lost, 0u);
  EXPECT_EQ(ReadOne(&reader, &lost), "2");
  EXPECT_EQ(ReadOne(&reader, &lost), "3");
  EXPECT_EQ(ReadOne(&reader, &lost), "(empty)");
}

TEST_F(RingTest, EveryRecordCarriesItsCommit) {
  Make(4096);
  RingReader reader(ring());
  Commit({"{}"});
  EventRecord record;
  uint64_t lost;
  ASSERT_EQ(reader.Next(&record, &lost), RingReader::Result::kRecord);
  EXPECT_EQ(record.commit_time_us, 7);
  EXPECT_EQ(record.commit_lsn, 8u);
  EXPECT_EQ(record.xid, 9u);
  EXPECT_EQ(record.sequence, 1u);
  EXPECT_EQ(record.position, 0u);
  EXPECT_EQ(record.event_type, "orderUpdated");
  EXPECT_EQ(record.channel, "orders");
}

TEST_F(RingTest, NothingIsVisibleBeforePublish) {
  Make(4096);
  RingReader reader(ring());
  RingAppender appender(ring(), {});
  appender.Append(Encoded("1").data());
  uint64_t lost;
  EXPECT_EQ(ReadOne(&reader, &lost), "(empty)");
  appender.Publish();
  EXPECT_EQ(ReadOne(&reader, &lost), "1");
}

TEST_F(RingTest, AReaderStartsWithWhatIsPublishedAfterIt) {
  Make(4096);
  Commit({"before"});
  RingReader reader(ring());
  Commit({"after"});
  uint64_t lost;
  EXPECT_EQ(ReadOne(&reader, &lost), "after");
  EXPECT_EQ(lost, 0u);
}

TEST_F(RingTest, RecordsWrapAtTheEndOfTheRing) {
  Make(1000);  // not a multiple of any record's length
  RingReader reader(ring());
  uint64_t lost;
  for (int i = 0; i < 200; ++i) {
    const std::string payload = std::to_string(i) + std::string(static_cast<size_t>(i % 90), 'x');
    Commit({payload});
    ASSERT_EQ(ReadOne(&reader, &lost), payload);
    ASSERT_EQ(lost, 0u);
  }
}

TEST_F(RingTest, ALappedReaderKnowsHowManyRecordsItLost) {
  Make(1024);
  RingReader reader(ring());
  Commit({"0"});
  uint64_t lost;
  EXPECT_EQ(ReadOne(&reader, &lost), "0");
  for (int i = 1; i <= 100; ++i) Commit({std::to_string(i)});
  const std::string first = ReadOne(&reader, &lost);
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(first, std::to_string(1 + lost));
  for (uint64_t i = 2 + lost; i <= 100; ++i) {
    uint64_t more;
    EXPECT_EQ(ReadOne(&reader, &more), std::to_string(i));
    EXPECT_EQ(more, 0u);
  }
}

TEST_F(RingTest, AReaderThatWasLappedIsNotLappedAgainAtOnce) {
  constexpr uint64_t kCapacity = 64 * 1024;
  Make(kCapacity);
  RingReader reader(ring());
  uint64_t lost;
  // Records of many lengths, so that none starts where a part of the ring does.
  const auto commit = [&](int number) {
    Commit({std::to_string(number) + std::string(static_cast<size_t>(number * 37 % 200), 'x')});
  };
  int number = 0;
  for (int lap = 0; lap < 20; ++lap) {
    while (ring()->tail.load() <= reader.cursor()) commit(++number);
    ASSERT_NE(ReadOne(&reader, &lost), "(empty)");
    ASSERT_GT(lost, 0u);
    const Position head = ring()->head.load();
    while (ring()->head.load() < head + kCapacity / 5) commit(++number);
    while (ReadOne(&reader, &lost) != "(empty)") ASSERT_EQ(lost, 0u);
  }
}

TEST_F(RingTest, AReaderThatWasLappedSkipsLittleMoreThanAQuarterOfTheRing) {
  constexpr uint64_t kCapacity = 64 * 1024;
  Make(kCapacity);
  RingReader reader(ring());
  while (ring()->head.load() < 3 * kCapacity) Commit({std::string(100, 'x')});
  uint64_t lost;
  ASSERT_NE(ReadOne(&reader, &lost), "(empty)");
  const Position skipped = reader.cursor() - ring()->tail.load();
  EXPECT_GE(skipped, kCapacity / 4);
  EXPECT_LE(skipped, kCapacity / 4 + 2 * LandmarkStride(kCapacity));
}

TEST_F(RingTest, AReaderThatWasLappedByRecordsOfAQuarterOfTheRingGoesOn) {
  constexpr uint64_t kCapacity = 4096;
  Make(kCapacity);
  RingReader reader(ring());
  int read = 0;
  uint64_t accounted = 0;
  for (int i = 0; i < 100; ++i) {
    Commit({std::string(kCapacity / kMaxRecordShare - 100, 'x')});
    uint64_t lost;
    if (i % 7 != 0 || ReadOne(&reader, &lost) == "(empty)") continue;
    ++read;
    accounted += lost + 1;
  }
  EXPECT_GT(read, 10);
  EXPECT_EQ(accounted + reader.Behind(), 100u);
}

TEST_F(RingTest, SkippedRecordsAreLostToReadersWhichGoOnBehindThem) {
  Make(1024);
  Commit({"before"});
  RingReader behind(ring());
  Commit({"read", "unread"});
  uint64_t lost;
  EXPECT_EQ(ReadOne(&behind, &lost), "read");
  RingReader current(ring());
  CommitLarge({.records = 50, .bytes = 5000}, {"51", "52", "53", "54", "55", "56", "57", "58"});
  EXPECT_EQ(ring()->overwritten.load(), 53u);
  EXPECT_EQ(ring()->head_sequence.load(), 61u);
  const std::string first = ReadOne(&current, &lost);
  EXPECT_EQ(first, std::to_string(1 + lost));
  EXPECT_EQ(current.Behind(), 58 - lost - 1);
  uint64_t lost_behind;
  EXPECT_EQ(ReadOne(&behind, &lost_behind), first);
  EXPECT_EQ(lost_behind, lost + 1);
}

TEST_F(RingTest, ATransactionLargerThanAnEmptyRingCanBeTheFirst) {
  Make(1024);
  RingReader reader(ring());
  CommitLarge({.records = 3, .bytes = 800}, {"4", "5"});
  EXPECT_EQ(ring()->overwritten.load(), 3u);
  EXPECT_TRUE(reader.Seek(800));
  uint64_t lost;
  EXPECT_EQ(ReadOne(&reader, &lost), "4");
  EXPECT_EQ(ReadOne(&reader, &lost), "5");
  EXPECT_EQ(ReadOne(&reader, &lost), "(empty)");
}

TEST_F(RingTest, AReaderThatLooksWhileRecordsAreSkippedWaitsForThoseThatFollow) {
  Make(64 * 1024);
  RingReader at_head(ring());
  RingReader behind(ring());
  Commit({"1"});
  uint64_t lost;
  EXPECT_EQ(ReadOne(&at_head, &lost), "1");
  RingAppender appender(ring(), {});
  appender.Skip({.records = 1000, .bytes = 200'000});
  const std::string data(100, 'x');
  while (appended_ < 60'000) AppendTo(&appender, data);
  EXPECT_EQ(ReadOne(&at_head, &lost), "(empty)");
  EXPECT_EQ(ReadOne(&behind, &lost), "(empty)");
  appender.Publish();
  for (RingReader* reader : {&at_head, &behind}) {
    EXPECT_EQ(ReadOne(reader, &lost), data);
    EXPECT_GT(lost, 1000u);
    // Not at the tail, where the writer goes on.
    EXPECT_GE(reader->cursor() - ring()->tail.load(), 64u * 1024 / 4);
    while (ReadOne(reader, &lost) != "(empty)") EXPECT_EQ(lost, 0u);
    EXPECT_EQ(reader->Behind(), 0u);
  }
}

TEST_F(RingTest, ASkippedChangeOfTheCatalogIsNotForgotten) {
  Make(1024);
  RingReader reader(ring());
  CommitLarge({.records = 50, .bytes = 5000, .catalog_changed = true},
              {"51", "52", "53", "54", "55", "56", "57", "58"});
  uint64_t lost;
  EXPECT_NE(ReadOne(&reader, &lost), "(empty)");
  EXPECT_TRUE(reader.lost_catalog_change());
}

TEST_F(RingTest, ALappedReaderKnowsWhetherTheCatalogMayHaveChanged) {
  Make(1024);
  RingReader reader(ring());
  const auto be_lapped = [&] {
    for (int i = 0; i < 50; ++i) Commit({"a"});
    uint64_t lost;
    EXPECT_EQ(ReadOne(&reader, &lost), "a");
    EXPECT_GT(lost, 0u);
    return reader.lost_catalog_change();
  };
  EXPECT_FALSE(be_lapped());
  while (reader.Behind() > 0) {
    uint64_t lost;
    EXPECT_EQ(ReadOne(&reader, &lost), "a");
  }
  CommitCatalogChange();
  EXPECT_TRUE(be_lapped());
  EXPECT_FALSE(be_lapped());
}

TEST_F(RingTest, SeekFindsWhatTheRingStillHolds) {
  Make(1024);
  Commit({"gone"});
  RingReader reader(ring());
  Commit({"a", "b"});
  EventRecord record;
  uint64_t lost;
  ASSERT_EQ(reader.Next(&record, &lost), RingReader::Result::kRecord);
  ASSERT_EQ(reader.Next(&record, &lost), RingReader::Result::kRecord);
  const Position b = record.position;
  EXPECT_TRUE(reader.Seek(b));
  EXPECT_EQ(ReadOne(&reader, &lost), "b");
  EXPECT_EQ(lost, 0u);
  EXPECT_TRUE(reader.Seek(0));
  EXPECT_EQ(ReadOne(&reader, &lost), "gone");
}

TEST_F(RingTest, SeekRefusesPositionsThatAreNoRecords) {
  Make(1024);
  Commit({"a"});
  RingReader reader(ring());
  const Position head = reader.cursor();
  EXPECT_FALSE(reader.Seek(8));         // inside a record
  EXPECT_FALSE(reader.Seek(3));         // not aligned
  EXPECT_FALSE(reader.Seek(head + 8));  // not written yet
  EXPECT_TRUE(reader.Seek(head));
  for (int i = 0; i < 50; ++i) Commit({"b"});
  EXPECT_FALSE(reader.Seek(0));  // overwritten
}

TEST_F(RingTest, UnreadRoomShrinksUntilTheSlowestAttachedShardReads) {
  Make(1024);
  ReaderPage page{};
  EXPECT_EQ(UnreadRoom(ring(), &page, 2), 1024u);
  page.shards[0].attached = 1;
  Commit({"a"});
  const uint64_t used = ring()->head.load();
  EXPECT_EQ(UnreadRoom(ring(), &page, 2), 1024 - used);
  page.shards[0].cursor = used;
  EXPECT_EQ(UnreadRoom(ring(), &page, 2), 1024u);
  ring()->reserved = 1000;
  EXPECT_EQ(UnreadRoom(ring(), &page, 2), 24u);
  ring()->reserved = 5000;
  EXPECT_EQ(UnreadRoom(ring(), &page, 2), 0u);
}

TEST_F(RingTest, AShardThatWasLappedKeepsWhatItCanStillRead) {
  Make(1024);
  ReaderPage page{};
  page.shards[0].attached = 1;
  for (int i = 0; i < 50; ++i) Commit({"a"});
  EXPECT_EQ(UnreadRoom(ring(), &page, 1), 1024 - (ring()->head.load() - ring()->tail.load()));
  EXPECT_LT(UnreadRoom(ring(), &page, 1), 100u);
}

TEST_F(RingTest, ACursorBeyondTheHeadIsNotBelieved) {
  Make(1024);
  ReaderPage page{};
  page.shards[0].attached = 1;
  page.shards[0].cursor = UINT64_MAX;
  Commit({"a"});
  EXPECT_EQ(UnreadRoom(ring(), &page, 1), 1024u);
}

TEST_F(RingTest, OnlySleepingShardsAreWokenAndOnlyOnce) {
  Make(1024);
  ReaderPage page{};
  page.shards[1].sleeping = 1;
  EXPECT_EQ(TakeSleepingShards(ring(), &page, 3), 0b010u);
  EXPECT_EQ(TakeSleepingShards(ring(), &page, 3), 0u);
  EXPECT_EQ(ring()->wakes.load(), 1u);
}

TEST_F(RingTest, CheckRingRefusesWhatIsNotARing) {
  Make(1024);
  const size_t bytes = region_.size() * 8;
  EXPECT_EQ(CheckRing(ring(), bytes), "");
  EXPECT_NE(CheckRing(ring(), 100), "");
  EXPECT_NE(CheckRing(ring(), bytes - 8), "");
  ring()->layout_version = 77;
  EXPECT_NE(CheckRing(ring(), bytes), "");
  ring()->magic = 0;
  EXPECT_NE(CheckRing(ring(), bytes), "");
}

TEST_F(RingTest, ADamagedRecordIsSkippedAndDoesNotStopTheReader) {
  Make(4096);
  RingReader reader(ring());
  Commit({"a"});
  reinterpret_cast<RecordHeader*>(region_.data() + kRingHeaderSize / 8)->length = 12;
  uint64_t lost;
  EXPECT_EQ(ReadOne(&reader, &lost), "(empty)");
  Commit({"b"});
  EXPECT_EQ(ReadOne(&reader, &lost), "b");
  EXPECT_EQ(lost, 1u);
}

// Writers and readers at full speed on a ring much smaller than what passes through it.
TEST_F(RingTest, ConcurrentReadersAccountForEveryRecord) {
  Make(8192);
  constexpr uint64_t kWriters = 3;
  constexpr uint64_t kTransactions = 4000;
  std::mutex lock;  // stands for the LWLock
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  std::atomic<uint64_t> published{0};

  std::vector<std::unique_ptr<RingReader>> readers;
  for (int i = 0; i < 2; ++i) readers.push_back(std::make_unique<RingReader>(ring()));
  std::vector<std::string> failures(readers.size());
  std::vector<uint64_t> accounted(readers.size());

  for (size_t i = 0; i < readers.size(); ++i) {
    threads.emplace_back([&, i] {
      std::vector<uint64_t> last_of_writer(kWriters, 0);
      for (;;) {
        const bool last_turn = done.load();
        EventRecord record;
        uint64_t lost;
        while (readers[i]->Next(&record, &lost) == RingReader::Result::kRecord) {
          accounted[i] += lost + 1;
          // Data is "<writer> <n> <n> <n>...": a torn record would mix two.
          const std::string data(record.data);
          const size_t space = data.find(' ');
          const uint64_t writer = std::stoul(data.substr(0, space));
          const std::string numbers = data.substr(space + 1);
          const std::string number = numbers.substr(0, numbers.find(' '));
          for (size_t at = 0; at < numbers.size(); at += number.size() + 1) {
            if (numbers.compare(at, number.size(), number) != 0) failures[i] = "torn: " + data;
          }
          if (std::stoul(number) <= last_of_writer[writer]) failures[i] = "out of order: " + data;
          last_of_writer[writer] = std::stoul(number);
        }
        if (last_turn) break;
      }
    });
  }
  std::vector<std::thread> writers;
  for (uint64_t writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      std::mt19937 random(static_cast<uint32_t>(writer));
      uint64_t number = 0;
      for (uint64_t i = 0; i < kTransactions; ++i) {
        std::lock_guard guard(lock);
        RingAppender appender(ring(), {});
        if (random() % 50 == 0) {
          appender.Skip({.records = 100, .bytes = 10'000});
          published += 100;
        }
        for (uint64_t records = random() % 4; records > 0; --records) {
          ++number;
          std::string data = std::to_string(writer);
          for (uint64_t n = random() % 40 + 1; n > 0; --n) data += " " + std::to_string(number);
          appender.Append(Encoded(data).data());
          ++published;
        }
        appender.Publish();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < readers.size(); ++i) {
    EXPECT_EQ(failures[i], "");
    EXPECT_EQ(accounted[i] + readers[i]->Behind(), published.load());
  }
}

TEST(PositionTest, IsParsedFromWhatWasFormatted) {
  EventName name;
  ASSERT_TRUE(ParsePosition(FormatPosition({UINT64_MAX, 0x1f8}), &name));
  EXPECT_EQ(name.epoch, UINT64_MAX);
  EXPECT_EQ(name.position, 0x1f8u);
  for (const char* bad :
       {"", "-", "12", "12-", "-12", "x-1", "1-1 ", "1-1-1", "10000000000000000-1"}) {
    EXPECT_FALSE(ParsePosition(bad, &name)) << bad;
  }
}

}  // namespace
}  // namespace fsubs
