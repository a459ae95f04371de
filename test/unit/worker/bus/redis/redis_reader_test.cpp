#include "worker/bus/redis/redis_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>

#include "test/unit/worker/bus/redis/fake_redis.hpp"
#include "test/unit/worker/test_loop.hpp"
#include "worker/bus/redis/stream_entry.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// What the reader hands on, one text for each: an event's number, "lost 3", "catalog x".
class RedisReaderTest : public testing::Test, public BusReader::Sink {
 protected:
  RedisReaderTest() {
    redis_.SetAnswer([this](const FakeRedis::Words& command) { return AnswerTo(command); });
  }
  ~RedisReaderTest() override {
    if (reader_) reader_->Stop();
    loop_.Turn();
  }

  void Start() {
    RedisReader::Setup setup;
    EXPECT_EQ(ParseRedisUrl("redis://h", &setup.access.url), "");
    setup.dialer = redis_.process();
    setup.database = "db";
    setup.node = "n";
    setup.counters = &counters_;
    reader_ = std::make_unique<RedisReader>(std::move(setup));
    reader_->Attach(loop_.get(), this);
  }

  void RunUntil(const std::function<bool()>& holds) {
    loop_.RunUntil([&] {
      redis_.Serve();
      return holds();
    });
  }
  void RunUntilTold(size_t many) {
    RunUntil([&] { return told_.size() >= many; });
  }

  void Claim(const std::string& epoch, const std::string& value) { sources_[epoch] = value; }
  void SetCatalog(const std::string& id, const std::string& epoch, const std::string& covers) {
    catalog_ = {id, epoch, covers, id};
  }
  void Add(const std::string& epoch, uint64_t sequence, RecordKind kind = RecordKind::kEvent) {
    EventRecord record;
    record.kind = kind;
    record.sequence = sequence;
    record.position = sequence * 100;
    record.channel = "c";
    record.data = "{}";
    std::string value;
    EncodeEntry(record, 1, &value);
    streams_[epoch][sequence] = value;
  }

  // Of source 1; the catalog "x" has been told.
  void StartBehindAnEvent() {
    Claim("1", "1 - p");
    SetCatalog("x", "1", "1");
    Add("1", 1);
    Start();
    RunUntilTold(1);
  }

  static std::string EpochOf(const std::string& key) { return key.substr(key.rfind(':') + 1); }

  std::optional<std::string> AnswerTo(const FakeRedis::Words& command) {
    const auto spoiled = spoiled_.find(command[0]);
    if (spoiled != spoiled_.end()) return spoiled->second;
    if (command[0] == "HGETALL") {
      std::vector<std::string> flat;
      for (const auto& [epoch, value] : sources_) {
        flat.push_back(Bulk(epoch));
        flat.push_back(Bulk(value));
      }
      return Array(flat);
    }
    if (command[0] == "HGET") return catalog_.empty() ? "$-1\r\n" : Bulk(catalog_[0]);
    if (command[0] == "HMGET") {
      std::vector<std::string> fields;
      for (size_t i = 0; i < 4; ++i) {
        fields.push_back(catalog_.empty() ? "$-1\r\n" : Bulk(catalog_[i]));
      }
      fields.push_back(changed_.empty() ? "$-1\r\n" : Bulk(changed_));
      return Array(fields);
    }
    if (command[0] == "XINFO") {
      const auto& stream = streams_[EpochOf(command[2])];
      if (stream.empty()) return "-ERR no such key\r\n";
      return Array({Bulk("last-generated-id"), Bulk(EntryId(stream.rbegin()->first)),
                    Bulk("entries-added"), ":5\r\n"});
    }
    if (command[0] == "XREAD") return ReadStream(command);
    return "+OK\r\n";
  }

  std::string ReadStream(const FakeRedis::Words& command) {
    const std::string& key = command[command.size() - 2];
    uint64_t after = 0;
    EXPECT_TRUE(ParseEntryId(command.back(), &after));
    std::vector<std::string> entries;
    const auto& stream = streams_[EpochOf(key)];
    for (auto one = stream.upper_bound(after); one != stream.end(); ++one) {
      entries.push_back(Array({Bulk(EntryId(one->first)), Array({Bulk("r"), Bulk(one->second)})}));
    }
    if (entries.empty()) return "*-1\r\n";
    return Array({Array({Bulk(key), Array(entries)})});
  }

  void OnEvents(std::span<const BusEvent> events) override {
    uint64_t bytes = 0;
    for (const BusEvent& event : events) bytes += EncodedSize(event.record);
    EXPECT_LE(bytes, room_);
    for (const BusEvent& event : events) {
      if (event.lost > 0) told_.push_back("lost " + std::to_string(event.lost));
      if (event.record.kind == RecordKind::kEventsLost) {
        told_.push_back("lost " + std::string(event.record.data));
        continue;
      }
      EXPECT_EQ(event.record.origin.position, event.record.sequence * 100);
      told_.push_back(std::to_string(event.record.origin.epoch) + ":" +
                      std::to_string(event.record.sequence));
    }
  }
  void OnCatalog(std::string snapshot) override { told_.push_back("catalog " + snapshot); }
  void OnState(const BusState& state) override { state_ = state; }
  void OnEnd() override {}
  uint64_t LargestRecord() const override { return 1 << 30; }
  uint64_t Room() const override { return room_; }

  FakeRedis redis_;
  std::map<std::string, std::string> sources_;
  std::vector<std::string> catalog_;  // id, epoch, covers, snapshot
  std::string changed_;               // epoch and position
  std::map<std::string, std::map<uint64_t, std::string>> streams_;
  std::map<std::string, std::string> spoiled_;  // answers, by command
  uint64_t room_ = 1 << 30;
  std::vector<std::string> told_;
  BusState state_;
  BusCounters counters_;
  std::unique_ptr<RedisReader> reader_;
  TestLoop loop_;
};

TEST_F(RedisReaderTest, StartsBehindWhatWasPublishedBefore) {
  Claim("1", "1 - p");
  SetCatalog("x", "1", "1");
  Add("1", 5);
  Start();
  RunUntilTold(1);
  Add("1", 6);
  RunUntilTold(2);
  EXPECT_THAT(told_, ElementsAre("catalog x", "1:6"));
  EXPECT_EQ(counters_.lost.get(), 0u);
}

TEST_F(RedisReaderTest, ThatWasThereBeforeTheFirstSourceGetsAllOfIt) {
  Start();
  RunUntil([&] { return state_.is_connected || state_.trouble.find("nobody") == 0; });
  EXPECT_THAT(state_.trouble, HasSubstr("nobody has published"));
  SetCatalog("x", "1", "1");
  Add("1", 1);
  Claim("1", "1 - p");
  RunUntilTold(2);
  EXPECT_THAT(told_, ElementsAre("catalog x", "1:1"));
}

TEST_F(RedisReaderTest, CountsWhatAJumpOfTheIdsLeavesOut) {
  StartBehindAnEvent();
  Add("1", 2);
  Add("1", 10);
  RunUntilTold(4);
  EXPECT_THAT(told_, ElementsAre("catalog x", "1:2", "lost 7", "1:10"));
  EXPECT_EQ(counters_.lost.get(), 7u);
}

TEST_F(RedisReaderTest, HandsOnNoMoreThanThereIsRoomFor) {
  constexpr size_t kEvents = 1000;
  Claim("1", "1 - p");
  SetCatalog("x", "1", "1");
  Add("1", 1);
  Start();
  RunUntilTold(1);
  room_ = 64 * 1024;
  for (uint64_t i = 0; i < kEvents; ++i) Add("1", 2 + i);
  RunUntilTold(1 + kEvents);
  for (size_t i = 0; i < kEvents; ++i) EXPECT_EQ(told_[1 + i], "1:" + std::to_string(2 + i));
}

TEST_F(RedisReaderTest, WaitsForTheCatalogThatHasAChangeBeforeWhatFollowsIt) {
  Claim("1", "1 - p");
  SetCatalog("old", "1", "1");
  Add("1", 1);
  Start();
  RunUntilTold(1);
  Add("1", 2);
  Add("1", 3, RecordKind::kCatalogChanged);
  Add("1", 4);
  RunUntil([&] { return state_.trouble.find("the catalog has changed") == 0; });
  EXPECT_THAT(told_, ElementsAre("catalog old", "1:2"));
  // One that does not have it yet, position 300, does not do.
  SetCatalog("between", "1", "12c");
  RunUntilTold(3);
  SetCatalog("new", "1", "12d");
  RunUntilTold(5);
  EXPECT_THAT(told_, ElementsAre("catalog old", "1:2", "catalog between", "catalog new", "1:4"));
}

TEST_F(RedisReaderTest, AtTheStartWaitsForTheCatalogThatHasTheLastChange) {
  Claim("1", "1 - p");
  SetCatalog("old", "1", "12c");
  Add("1", 3, RecordKind::kCatalogChanged);
  changed_ = "1 12c";
  Start();
  RunUntil([&] { return state_.trouble.find("the catalog has changed") == 0; });
  Add("1", 4);
  EXPECT_THAT(told_, ElementsAre("catalog old"));
  SetCatalog("new", "1", "12d");
  RunUntilTold(3);
  EXPECT_THAT(told_, ElementsAre("catalog old", "catalog new", "1:4"));
}

TEST_F(RedisReaderTest, ReadsAStreamToItsEndBeforeItGoesOnWithTheNextSource) {
  StartBehindAnEvent();
  Add("1", 2);
  Add("2", 1);
  sources_["1"] = "1 7 p";
  Claim("2", "2 - q");
  RunUntilTold(4);
  EXPECT_THAT(told_, ElementsAre("catalog x", "1:2", "lost 5", "2:1"));
}

TEST_F(RedisReaderTest, WhereNobodyKnowsHowManyWereLostNoNumberIsTold) {
  StartBehindAnEvent();
  Add("2", 1);
  Claim("2", "2 - q");
  RunUntilTold(3);
  EXPECT_THAT(told_, ElementsAre("catalog x", "lost ", "2:1"));
  EXPECT_EQ(counters_.lost.get(), 0u);
}

TEST_F(RedisReaderTest, ToldOfACrashItTellsWhatWasCountedAndThatThereMayBeMore) {
  StartBehindAnEvent();
  Add("1", 2);
  Claim("1", "1 5+ p");
  Claim("2", "2 - q");
  RunUntilTold(4);
  EXPECT_THAT(told_, ElementsAre("catalog x", "1:2", "lost 3", "lost "));
}

TEST_F(RedisReaderTest, OfASourceThatEndedAsItShouldNothingIsToldToBeLost) {
  StartBehindAnEvent();
  Add("1", 2);
  Add("2", 1);
  Claim("1", "1 2 p");
  Claim("2", "2 - q");
  RunUntilTold(3);
  EXPECT_THAT(told_, ElementsAre("catalog x", "1:2", "2:1"));
}

TEST_F(RedisReaderTest, PassesOverASourceOfWhichNothingIsLeft) {
  Claim("1", "1 1 p");
  SetCatalog("x", "1", "1");
  Add("1", 1);
  Start();
  RunUntilTold(1);
  Claim("2", "2 4 q");
  Claim("3", "3 - r");
  Add("3", 1);
  RunUntilTold(3);
  EXPECT_THAT(told_, ElementsAre("catalog x", "lost 4", "3:1"));
}

TEST_F(RedisReaderTest, AnEntryThatMakesNoSenseCountsAsLost) {
  StartBehindAnEvent();
  Add("1", 2);
  streams_["1"][2][0] = 9;
  Add("1", 3);
  streams_["1"][3].resize(30);
  Add("1", 4);
  RunUntilTold(3);
  EXPECT_THAT(told_, ElementsAre("catalog x", "lost 2", "1:4"));
  EXPECT_EQ(counters_.malformed.get(), 2u);
}

TEST_F(RedisReaderTest, ReadsNothingWhileThereIsNoRoom) {
  Claim("1", "1 - p");
  SetCatalog("x", "1", "1");
  Add("1", 1);
  room_ = 0;
  Start();
  RunUntilTold(1);
  Add("1", 2);
  for (int i = 0; i < 50; ++i) {
    redis_.Serve();
    loop_.Turn();
  }
  EXPECT_EQ(told_.size(), 1u);
  room_ = 1 << 30;
  RunUntilTold(2);
}

TEST_F(RedisReaderTest, GoesOnWhereItWasWhenTheConnectionIsLost) {
  StartBehindAnEvent();
  Add("1", 2);
  RunUntilTold(2);
  redis_.CloseConnections();
  RunUntil([&] { return !state_.trouble.empty(); });
  Add("1", 3);
  RunUntilTold(3);
  EXPECT_THAT(told_, ElementsAre("catalog x", "1:2", "1:3"));
}

// A command and what it is answered.
class SpoiledRedisReaderTest
    : public RedisReaderTest,
      public testing::WithParamInterface<std::tuple<const char*, std::string>> {};

TEST_P(SpoiledRedisReaderTest, OutlivesTheAnswerAndGoesOn) {
  Claim("1", "1 - p");
  SetCatalog("x", "1", "1");
  Add("1", 1);
  spoiled_ = {{std::get<0>(GetParam()), std::get<1>(GetParam())}};
  Start();
  for (int i = 0; i < 30; ++i) {
    redis_.Serve();
    loop_.Turn();
  }
  spoiled_.clear();
  const auto has_last = [&] { return !told_.empty() && told_.back() == "1:1000"; };
  RunUntil([&] { return reader_ != nullptr && state_.is_connected; });
  Add("1", 1000);
  RunUntil(has_last);
}

INSTANTIATE_TEST_SUITE_P(
    Answers, SpoiledRedisReaderTest,
    testing::Combine(
        testing::Values("HGETALL", "HGET", "HMGET", "XINFO", "XREAD", "SET", "ZADD"),
        testing::Values("*0\r\n", ":7\r\n", "+x\r\n", "-ERR no\r\n", "?",
                        Array({Array({Bulk("k"), "*0\r\n"})}),
                        Array({Array({Bulk("k"), Array({Bulk("1-0")})})}),
                        Array({Array({Bulk("k"), Array({Array({Bulk("9-0"), "*-1\r\n"})})})}),
                        Array({Bulk("last-generated-id"), "*0\r\n"}),
                        Array({Bulk("a"), Bulk("b"), Bulk("c")}),
                        "*5\r\n$-1\r\n$-1\r\n$-1\r\n$1\r\nx\r\n*0\r\n")));

}  // namespace
}  // namespace fsubs
