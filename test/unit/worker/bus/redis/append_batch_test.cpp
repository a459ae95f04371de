#include "worker/bus/redis/append_batch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "contract/event_record.hpp"
#include "contract/ring_writer.hpp"
#include "test/unit/worker/bus/redis/replies.hpp"
#include "test/unit/worker/bus/redis/resp.hpp"
#include "worker/bus/redis/stream_entry.hpp"

namespace fsubs {
namespace {

using testing::Each;
using testing::ElementsAre;
using Outcome = AppendBatch::Outcome;

constexpr char kTooLarge[] = "ERR Protocol error: invalid bulk length";
constexpr char kStream[] = "fraiseql_subs:{db}:stream:1f";

class AppendBatchTest : public testing::Test {
 protected:
  explicit AppendBatchTest(uint64_t capacity = 4 * 1024 * 1024)
      : region_((kRingHeaderSize + capacity) / 8) {
    InitRing(ring(), capacity, 0x1f);
  }

  RingHeader* ring() { return reinterpret_cast<RingHeader*>(region_.data()); }

  AppendBatch Make(uint64_t max_length = 0) {
    return AppendBatch(
        {.ring = ring(), .keys = &keys_, .counters = &counters_, .max_length = max_length});
  }

  void Publish(size_t times = 1, const std::string& data = "{}",
               RecordKind kind = RecordKind::kEvent) {
    EventRecord record;
    record.kind = kind;
    record.channel = "c";
    record.data = data;
    std::vector<uint64_t> bytes(EncodedSize(record) / 8);
    Encode(record, bytes.data());
    for (size_t i = 0; i < times; ++i) {
      RingAppender appender(ring(), {.commit_time_us = 7, .commit_lsn = 8, .xid = 9});
      appender.Append(bytes.data());
      appender.Publish();
    }
  }

  static std::vector<std::string> Names(const AppendBatch& batch) {
    std::vector<std::string> names;
    for (const CommandWords& command : TakeCommands(batch.commands())) names.push_back(command[0]);
    return names;
  }
  // Of what is added.
  static std::vector<std::string> Ids(const AppendBatch& batch) {
    std::vector<std::string> ids;
    for (const CommandWords& command : TakeCommands(batch.commands())) {
      if (command[0] == "XADD") ids.push_back(command[command.size() - 3]);
    }
    return ids;
  }

  static std::vector<RecordKind> Kinds(const AppendBatch& batch) {
    std::vector<RecordKind> kinds;
    for (const CommandWords& command : TakeCommands(batch.commands())) {
      if (command[0] != "XADD") continue;
      EventRecord record;
      int64_t appended_us = 0;
      EXPECT_EQ(DecodeEntry(command.back(), &record, &appended_us), EntryResult::kOk);
      EXPECT_EQ(record.channel, "c");
      kinds.push_back(record.kind);
    }
    return kinds;
  }

  Outcome Judge(AppendBatch& batch, const std::vector<Reply>& replies) {
    why_.clear();
    return batch.Judge(replies, &why_);
  }

  std::vector<uint64_t> region_;
  RedisKeys keys_{"db"};
  BusCounters counters_;
  std::string why_;
};

class SmallRingAppendBatchTest : public AppendBatchTest {
 protected:
  SmallRingAppendBatchTest() : AppendBatchTest(4096) {}
};

TEST_F(AppendBatchTest, OfARingWithNothingNewThereIsNone) {
  AppendBatch batch = Make();
  batch.Locate(0);
  EXPECT_FALSE(batch.Fill(1));
  Publish();
  EXPECT_TRUE(batch.Fill(1));
  EXPECT_FALSE(batch.Fill(1));
}

TEST_F(AppendBatchTest, OneRecordIsNoTransaction) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish(1, R"({"id": 1})");
  ASSERT_TRUE(batch.Fill(1234));
  EXPECT_EQ(batch.replies(), 1u);
  const auto commands = TakeCommands(batch.commands());
  ASSERT_EQ(commands.size(), 1u);
  const std::string& value = commands[0].back();
  EXPECT_THAT(commands[0], ElementsAre("XADD", kStream, "1-0", "r", value));
  EventRecord record;
  int64_t appended_us = 0;
  ASSERT_EQ(DecodeEntry(value, &record, &appended_us), EntryResult::kOk);
  EXPECT_EQ(appended_us, 1234);
  EXPECT_EQ(record.sequence, 1u);
  EXPECT_EQ(record.data, R"({"id": 1})");
  EXPECT_EQ(batch.records(), 1u);
  EXPECT_EQ(batch.bytes(), value.size());
  EXPECT_EQ(batch.last(), 1u);
  EXPECT_EQ(batch.commit_time_us(), 7);
}

TEST_F(AppendBatchTest, SeveralRecordsAreOneTransaction) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish(3);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Names(batch), ElementsAre("MULTI", "XADD", "XADD", "XADD", "EXEC"));
  EXPECT_THAT(Ids(batch), ElementsAre("1-0", "2-0", "3-0"));
  EXPECT_EQ(batch.replies(), 5u);
  EXPECT_EQ(batch.last(), 3u);
}

TEST_F(AppendBatchTest, AStreamWithALengthIsTrimmedAsItIsAppendedTo) {
  AppendBatch batch = Make(500);
  batch.Locate(0);
  Publish();
  ASSERT_TRUE(batch.Fill(1));
  const CommandWords command = TakeCommands(batch.commands())[0];
  EXPECT_THAT(command,
              ElementsAre("XADD", kStream, "MAXLEN", "~", "500", "1-0", "r", command.back()));
}

TEST_F(AppendBatchTest, AChangeOfTheCatalogIsNotedBesideTheStream) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish();
  const uint64_t position = ring()->head;
  Publish(1, "", RecordKind::kCatalogChanged);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Names(batch), ElementsAre("MULTI", "XADD", "XADD", "HSET", "EXEC"));
  EXPECT_THAT(
      TakeCommands(batch.commands())[3],
      ElementsAre("HSET", "fraiseql_subs:{db}:catalog", "changed", "1f " + EpochName(position)));
  EXPECT_EQ(batch.records(), 2u);
  EXPECT_EQ(batch.replies(), 5u);
}

TEST_F(AppendBatchTest, OfSeveralChangesTheLastIsNoted) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish(1, "", RecordKind::kCatalogChanged);
  const uint64_t position = ring()->head;
  Publish(1, "", RecordKind::kCatalogChanged);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Names(batch), ElementsAre("MULTI", "XADD", "XADD", "HSET", "EXEC"));
  EXPECT_EQ(TakeCommands(batch.commands())[3].back(), "1f " + EpochName(position));
}

TEST_F(AppendBatchTest, AChangeAloneIsATransactionToo) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish(1, "", RecordKind::kCatalogChanged);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Names(batch), ElementsAre("MULTI", "XADD", "HSET", "EXEC"));
  EXPECT_EQ(batch.replies(), 4u);
}

TEST_F(AppendBatchTest, HasABoundedNumberOfRecordsAndTheNextGoesOn) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish(AppendBatch::kMostRecords + 2);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_EQ(batch.records(), AppendBatch::kMostRecords);
  EXPECT_EQ(batch.last(), AppendBatch::kMostRecords);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_EQ(batch.records(), 2u);
  EXPECT_EQ(batch.last(), AppendBatch::kMostRecords + 2);
  EXPECT_FALSE(batch.Fill(1));
}

TEST_F(AppendBatchTest, TakesNoMoreRecordsOnceItHasItsBytes) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish(4, std::string(AppendBatch::kMostBytes / 2 - 1000, ' '));
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Ids(batch), ElementsAre("1-0", "2-0", "3-0"));
  EXPECT_GT(batch.bytes(), AppendBatch::kMostBytes);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Ids(batch), ElementsAre("4-0"));
}

TEST_F(AppendBatchTest, GoesOnBehindWhatTheStreamHas) {
  AppendBatch batch = Make();
  Publish(5);
  batch.Locate(3);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Ids(batch), ElementsAre("4-0", "5-0"));
  // And back, to what Redis has lost.
  batch.Locate(1);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Ids(batch), ElementsAre("2-0", "3-0", "4-0", "5-0"));
  batch.Locate(5);
  EXPECT_FALSE(batch.Fill(1));
  EXPECT_EQ(counters_.lost.get(), 0u);
}

TEST_F(SmallRingAppendBatchTest, TheIdsJumpWhereTheRingHasOverwrittenWhatWasNotRead) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish(2);
  ASSERT_TRUE(batch.Fill(1));
  Publish(500);
  ASSERT_TRUE(batch.Fill(1));
  const auto ids = Ids(batch);
  uint64_t first = 0;
  ASSERT_TRUE(ParseEntryId(ids.front(), &first));
  EXPECT_GT(first, 3u);
  EXPECT_EQ(ids.back(), "502-0");
  EXPECT_EQ(ids.size(), 502 - first + 1);
  EXPECT_EQ(counters_.lost.get(), first - 3);
}

TEST_F(SmallRingAppendBatchTest, WhatIsOverwrittenWhenItIsLocatedCountsAsLost) {
  AppendBatch batch = Make();
  Publish(500);
  batch.Locate(2);
  ASSERT_TRUE(batch.Fill(1));
  uint64_t first = 0;
  ASSERT_TRUE(ParseEntryId(Ids(batch).front(), &first));
  EXPECT_GT(first, 3u);
  EXPECT_EQ(batch.last(), 500u);
  EXPECT_EQ(counters_.lost.get(), first - 3);
}

TEST_F(AppendBatchTest, OneRecordIsJudgedByItsReply) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish();
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_EQ(Judge(batch, {TextReply("1-0")}), Outcome::kAppended);
  EXPECT_EQ(
      Judge(batch, {ErrorReply("ERR The ID specified in XADD is equal or smaller than the target "
                               "stream top item")}),
      Outcome::kThereAlready);
  EXPECT_EQ(Judge(batch, {ErrorReply("OOM command not allowed")}), Outcome::kRefused);
  EXPECT_EQ(why_, "OOM command not allowed");
}

TEST_F(AppendBatchTest, ATransactionIsJudgedByWhatItsCommandsWereAnswered) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish(2);
  ASSERT_TRUE(batch.Fill(1));
  const Reply queued = TextReply("QUEUED");
  const Reply there = ErrorReply("ERR ... equal or smaller than the target stream top item");
  const auto judge = [&](const Reply& whole) {
    return Judge(batch, {TextReply("OK"), queued, queued, whole});
  };
  EXPECT_EQ(judge(ArrayReply({TextReply("1-0"), TextReply("2-0")})), Outcome::kAppended);
  EXPECT_EQ(judge(ArrayReply({there, TextReply("2-0")})), Outcome::kThereAlready);
  EXPECT_EQ(judge(ArrayReply({there, ErrorReply("WRONGTYPE no stream")})), Outcome::kRefused);
  EXPECT_EQ(why_, "WRONGTYPE no stream");
  // What makes no sense.
  EXPECT_EQ(judge(ArrayReply({TextReply("1-0")})), Outcome::kRefused);
  EXPECT_EQ(judge(Reply{}), Outcome::kRefused);
  EXPECT_EQ(why_, "its answer to a transaction is none");
}

TEST_F(AppendBatchTest, ATransactionThatIsNotQueuedIsRefusedForTheReasonToldFirst) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish(2);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_EQ(Judge(batch, {TextReply("OK"), ErrorReply("OOM command not allowed"),
                          TextReply("QUEUED"), ErrorReply("EXECABORT Transaction discarded")}),
            Outcome::kRefused);
  EXPECT_EQ(why_, "OOM command not allowed");
}

TEST_F(AppendBatchTest, WhatIsLargerThanRedisTakesIsReplacedByItsLoss) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish();
  Publish(1, '"' + std::string(5000, 'x') + '"');
  Publish();
  ASSERT_TRUE(batch.Fill(1));
  batch.NoteDown(kTooLarge);
  batch.Locate(0);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Ids(batch), ElementsAre("1-0", "2-0", "3-0"));
  EXPECT_THAT(Kinds(batch),
              ElementsAre(RecordKind::kEvent, RecordKind::kEventsLost, RecordKind::kEvent));
  EXPECT_EQ(counters_.lost.get(), 1u);

  // It may be another Redis, or take more now.
  batch.NoteDown("the server closed the connection");
  batch.Locate(0);
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Kinds(batch), Each(RecordKind::kEvent));
}

TEST_F(AppendBatchTest, WhatRedisTakesNotOfAnotherRequestIsNoEvent) {
  AppendBatch batch = Make();
  batch.Locate(0);
  Publish();
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_EQ(Judge(batch, {TextReply("1-0")}), Outcome::kAppended);
  batch.NoteDown(kTooLarge);
  Publish();
  ASSERT_TRUE(batch.Fill(1));
  EXPECT_THAT(Kinds(batch), ElementsAre(RecordKind::kEvent));
}

}  // namespace
}  // namespace fsubs
