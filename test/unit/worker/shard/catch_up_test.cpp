#include "worker/shard/catch_up.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <sstream>

#include "contract/ring_writer.hpp"
#include "test/unit/worker/client/fake_host.hpp"
#include "worker/shard/ring_places.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;

constexpr char kOrders[] = "subscription { orderUpdated { id } }";

// A ring whose events the dispatcher of a host gets as a shard's does.
class CatchUpTest : public testing::Test {
 protected:
  static constexpr uint64_t kCapacity = 16 * 1024;

  CatchUpTest() : region_((kRingHeaderSize + kCapacity) / 8) {
    InitRing(ring(), kCapacity, 1);
    host_.Serve(kServedSnapshot);
    host_.mutable_options()->outbox_size = 300;
    feed_.emplace(ring());
    catch_up_.emplace(ring(), &host_.clients());
  }

  RingHeader* ring() { return reinterpret_cast<RingHeader*>(region_.data()); }

  void Publish(int id, const std::string& channel = "orders") {
    EventRecord record;
    record.channel = channel;
    record.event_type = "any";
    const std::string data = "{\"id\":" + std::to_string(id) + "}";
    record.data = data;
    Append(record);
  }

  void PublishLoss(const std::string& channel, int count) {
    EventRecord record;
    record.kind = RecordKind::kEventsLost;
    record.channel = channel;
    const std::string data = std::to_string(count);
    record.data = data;
    Append(record);
  }

  void Append(const EventRecord& record) {
    std::vector<uint64_t> bytes(EncodedSize(record) / 8);
    Encode(record, bytes.data());
    RingAppender appender(ring(), {});
    appender.Append(bytes.data());
    appender.Publish();
  }

  // What a shard does: everything that is in the ring goes to the dispatcher.
  void DispatchAll() {
    EventRecord record;
    uint64_t lost;
    while (feed_->Next(&record, &lost) == RingReader::Result::kRecord) {
      host_.Dispatch(record, FormatPosition(record.NameIn(1)));
    }
    host_.next_position = feed_->cursor();
  }

  EventPlace Dispatched() const { return {feed_->cursor(), feed_->next_sequence()}; }

  // The client subscribes, and so many events come that its socket cannot take.
  void FallBehind(FakeClient* client, int events) {
    client->Subscribe("a", kOrders);
    client->socket_room = 100;
    for (int i = 1; i <= events; ++i) Publish(i);
    DispatchAll();
    host_.FlushAll();
    ASSERT_TRUE(client->is_behind());
  }

  // Clients that can take more get it, so many units of work at a time.
  void CatchUpAll(size_t units = 1'000'000) {
    for (Client* client : std::exchange(host_.catching_up, {})) catch_up_->Add(client);
    for (bool done = false; !done;) {
      WorkBudget budget(units);
      done = catch_up_->Continue(Dispatched(), &budget);
      host_.FlushAll();
      for (Client* client : std::exchange(host_.catching_up, {})) {
        catch_up_->Add(client);
        done = false;
      }
    }
  }

  // The ids that a client got on a subscription, in order.
  static std::string Got(const FakeClient& client, const std::string& subscription) {
    std::istringstream lines(client.written);
    std::string ids;
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with(subscription + " ")) continue;
      const size_t at = line.find(R"("id":")");
      if (at == std::string::npos) {
        ids += "? ";
      } else {
        ids += line.substr(at + 6, line.find('"', at + 6) - at - 6) + " ";
      }
    }
    return ids;
  }

  std::vector<uint64_t> region_;
  FakeHost host_;
  std::optional<RingReader> feed_;
  std::optional<CatchUp> catch_up_;
};

std::string Numbers(int from, int to) {
  std::string numbers;
  for (int i = from; i <= to; ++i) numbers += std::to_string(i) + " ";
  return numbers;
}

TEST_F(CatchUpTest, AClientThatWasBehindGetsEveryEventOnceAndInOrder) {
  FakeClient client(&host_, 1);
  client.Subscribe("a", kOrders);
  client.Subscribe("b", kOrders);
  client.socket_room = 100;
  for (int i = 1; i <= 40; ++i) Publish(i);
  DispatchAll();
  host_.FlushAll();
  EXPECT_TRUE(client.is_behind());
  while (client.is_behind()) {
    client.Drained(700);
    CatchUpAll();
  }
  EXPECT_EQ(Got(client, "a"), Numbers(1, 40));
  EXPECT_EQ(Got(client, "b"), Numbers(1, 40));
  EXPECT_FALSE(client.slow);
}

TEST_F(CatchUpTest, AClientThatIsBehindIsToldOfLostEventsInTheirPlace) {
  FakeClient client(&host_, 1);
  FallBehind(&client, 10);
  PublishLoss("orders", 7);
  PublishLoss("others", 8);
  Publish(11);
  PublishLoss("", 9);
  DispatchAll();
  while (client.is_behind()) {
    client.Drained(400);
    CatchUpAll();
  }
  EXPECT_EQ(Got(client, "a"), Numbers(1, 10) + "? 11 ? ");
  EXPECT_THAT(client.written, HasSubstr(R"("count":7)"));
  EXPECT_THAT(client.written, HasSubstr(R"("count":9)"));
}

TEST_F(CatchUpTest, LostEventsForWhichThereIsNoRoomLetAClientFallBehind) {
  FakeClient client(&host_, 1);
  client.Subscribe("a", kOrders);
  client.socket_room = 100;
  for (int i = 1; i <= 20; ++i) {
    Publish(i);
    PublishLoss("orders", 1);
  }
  DispatchAll();
  host_.FlushAll();
  ASSERT_TRUE(client.is_behind());
  client.Drained(SIZE_MAX);
  CatchUpAll();
  std::string expected;
  for (int i = 1; i <= 20; ++i) expected += std::to_string(i) + " ? ";
  EXPECT_EQ(Got(client, "a"), expected);
}

TEST_F(CatchUpTest, EventsThatComeMeanwhileFollow) {
  FakeClient client(&host_, 1);
  client.Subscribe("a", kOrders);
  client.socket_room = 100;
  int last = 0;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 5; ++i) Publish(++last);
    DispatchAll();
    host_.FlushAll();
    client.Drained(400);
    CatchUpAll();
  }
  client.Drained(SIZE_MAX);
  CatchUpAll();
  EXPECT_FALSE(client.is_behind());
  Publish(++last);
  DispatchAll();
  host_.FlushAll();
  EXPECT_EQ(Got(client, "a"), Numbers(1, last));
}

TEST_F(CatchUpTest, ASubscriptionMadeMeanwhileGetsNothingOlderThanItself) {
  FakeClient client(&host_, 1);
  FallBehind(&client, 20);
  client.Subscribe("late", kOrders);
  Publish(21);
  DispatchAll();
  client.Drained(SIZE_MAX);
  CatchUpAll();
  EXPECT_EQ(Got(client, "a"), Numbers(1, 21));
  EXPECT_EQ(Got(client, "late"), "21 ");
}

TEST_F(CatchUpTest, FiltersAndChannelsHoldAsEver) {
  FakeClient client(&host_, 1);
  client.Subscribe("seven", "subscription { orderUpdated(id: 7) { id } }");
  client.Subscribe("a", kOrders);
  client.socket_room = 100;
  for (int i = 1; i <= 12; ++i) {
    Publish(i);
    Publish(i, "others");
  }
  DispatchAll();
  host_.FlushAll();
  ASSERT_TRUE(client.is_behind());
  client.Drained(SIZE_MAX);
  CatchUpAll();
  EXPECT_EQ(Got(client, "seven"), "7 ");
  EXPECT_EQ(Got(client, "a"), Numbers(1, 12));
}

TEST_F(CatchUpTest, WhatTheRingLostMeanwhileIsTold) {
  FakeClient client(&host_, 1);
  FallBehind(&client, 10);
  for (int i = 11; i <= 1000; ++i) {
    Publish(i);
    DispatchAll();
  }
  client.Drained(SIZE_MAX);
  CatchUpAll();
  EXPECT_THAT(client.written, HasSubstr("EVENTS_LOST"));
  const std::string got = Got(client, "a");
  EXPECT_THAT(got, HasSubstr("? "));
  EXPECT_TRUE(got.ends_with(" 1000 "));
  // All that did not come was counted.
  const size_t at = client.written.find(R"("count":)");
  const size_t lost = std::stoul(client.written.substr(at + 8));
  const auto received = static_cast<size_t>(std::count(got.begin(), got.end(), ' ') - 1);
  EXPECT_EQ(received + lost, 1000u);
}

TEST_F(CatchUpTest, WhatBothItAndTheDispatcherWillMissIsToldOnce) {
  FakeClient client(&host_, 1);
  FallBehind(&client, 40);
  const uint64_t unread = Dispatched().sequence - client.behind_from().sequence;
  // The ring goes round and the dispatcher has not come to that yet.
  for (int i = 41; i <= 2000; ++i) Publish(i);
  client.written.clear();
  client.Drained(SIZE_MAX);
  CatchUpAll();
  EXPECT_FALSE(client.is_behind());
  EXPECT_THAT(client.written, HasSubstr(R"("count":)" + std::to_string(unread)));
  EXPECT_TRUE(Got(client, "a").ends_with(" ? "));
}

TEST_F(CatchUpTest, AnEventThatTakesManySlicesIsDoneThoughOthersWait) {
  FakeClient first(&host_, 1);
  FakeClient second(&host_, 2);
  for (FakeClient* client : {&first, &second}) {
    for (int i = 0; i < 5; ++i) {
      const std::string wanted = std::to_string(i < 4 ? 1000 + i : 40);
      client->Subscribe("s" + std::to_string(i),
                        "subscription { orderUpdated(where: {id: {in: [\"" + wanted +
                            "\"]}, or: [{id: {ne: \"x\"}}]}) { id } }");
    }
    client->Subscribe("a", kOrders);
    client->socket_room = 100;
  }
  for (int i = 1; i <= 40; ++i) Publish(i);
  DispatchAll();
  host_.FlushAll();
  first.Drained(SIZE_MAX);
  second.Drained(SIZE_MAX);
  // Each slice is too small for an event.
  CatchUpAll(1);
  EXPECT_FALSE(first.is_behind() || second.is_behind());
  EXPECT_EQ(Got(first, "a"), Numbers(1, 40));
  EXPECT_EQ(Got(second, "a"), Numbers(1, 40));
}

TEST_F(CatchUpTest, ItIsDoneInSlicesAndInTurns) {
  FakeClient first(&host_, 1);
  FakeClient second(&host_, 2);
  for (FakeClient* client : {&first, &second}) {
    client->Subscribe("a", kOrders);
    client->socket_room = 100;
  }
  for (int i = 1; i <= 100; ++i) Publish(i);
  DispatchAll();
  host_.FlushAll();
  first.Drained(SIZE_MAX);
  second.Drained(SIZE_MAX);
  for (Client* client : std::exchange(host_.catching_up, {})) catch_up_->Add(client);
  const auto slice = [&] {
    WorkBudget budget(10);
    return catch_up_->Continue(Dispatched(), &budget);
  };
  EXPECT_FALSE(slice());
  EXPECT_FALSE(slice());
  // Neither waits for the other to be done.
  EXPECT_TRUE(first.is_behind() && second.is_behind());
  EXPECT_GT(first.behind_from().position, 0u);
  CatchUpAll(10);
  EXPECT_EQ(Got(first, "a"), Numbers(1, 100));
  EXPECT_EQ(Got(second, "a"), Numbers(1, 100));
}

TEST_F(CatchUpTest, AClientThatLeavesIsForgotten) {
  {
    FakeClient client(&host_, 1);
    FallBehind(&client, 40);
    client.Drained(SIZE_MAX);
    for (Client* behind : std::exchange(host_.catching_up, {})) catch_up_->Add(behind);
    WorkBudget budget(3);
    EXPECT_FALSE(catch_up_->Continue(Dispatched(), &budget));
  }
  WorkBudget budget(1000);
  EXPECT_TRUE(catch_up_->Continue(Dispatched(), &budget));
}

// A field whose rows are of tenants, for clients of tenant "t", and another without rules.
constexpr char kAccessSnapshot[] = R"json({
  "extension_version": "0.1.0", "server_version": "15.1",
  "types": "type Change { id: ID row: Row old: Row } type Row { tenant: String note: String tags: [String!] }",
  "subscriptions": [
    {"name": "change", "field": "change(where: ChangeFilter): Change", "channel": "changes", "event_types": null,
     "row_filter": {"tenant": "$.tenant", "tags": "$.tags"}},
    {"name": "any", "field": "any: Change", "channel": "changes", "event_types": null}],
  "anonymous_claims": {"tenant": ["t", "v"], "tags": ["a", "b"]}})json";

TEST_F(CatchUpTest, AccessRulesHoldAsEver) {
  host_.Serve(kAccessSnapshot);
  FakeClient client(&host_, 1);
  client.OnAuthenticated(host_.catalog()->anonymous(), {});
  client.Subscribe("mine", "subscription { change { id row { note } old { note } } }");
  client.Subscribe("was", R"(subscription { change(where: {old: {exists: true}}) { id } })");
  client.Subscribe("any", "subscription { any { id } }");
  client.socket_room = 100;
  const auto publish = [&](const std::string& data, const std::string& subgraph = "") {
    EventRecord record;
    record.channel = "changes";
    record.subgraph = subgraph;
    record.data = data;
    Append(record);
  };
  for (int i = 0; i < 3; ++i) publish(R"({"id": 0, "row": {"note": "to fill the outbox"}})");
  publish(R"({"id": 1, "row": {"tenant": "t", "tags": ["x", "b", "a"]}})");
  publish(R"({"id": 2, "row": {"tenant": "u", "tags": ["a"]}})");
  publish(R"({"id": 3, "row": {"tenant": "t", "tags": []}})");
  publish(R"({"id": 4, "row": {"tenant": "t", "tags": ["a"]}})", "s");
  publish(R"({"id": 5, "row": {"tenant": "t", "tags": ["a"]},)"
          R"( "old": {"tenant": "u", "note": "secret", "tags": ["a"]}})");
  publish(R"({"id": 6, "row": {"tenant": "v", "tags": ["a"]},)"
          R"( "old": {"tenant": "v", "note": "own", "tags": ["a"]}})");
  DispatchAll();
  host_.FlushAll();
  ASSERT_TRUE(client.is_behind());
  client.Drained(SIZE_MAX);
  CatchUpAll();
  EXPECT_EQ(Got(client, "mine"), "1 5 6 ");
  EXPECT_EQ(Got(client, "was"), "6 ");
  EXPECT_EQ(Got(client, "any"), "0 0 0 1 2 3 5 6 ");
  EXPECT_THAT(client.written, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(client.written, HasSubstr(R"("old":{"note":"own"})"));
}

// What clients of hosts resume from.
class ResumeTest : public CatchUpTest {
 protected:
  ResumeTest() {
    host_.mutable_options()->outbox_size = 100'000;
    host_.find_behind = [this](uint64_t sequence) {
      return RingPlaces(ring()).FindBehind(sequence);
    };
  }
  void Settle(FakeClient* client) {
    host_.FlushAll();
    client->Drained(SIZE_MAX);
    CatchUpAll();
  }
};

TEST_F(ResumeTest, GetsEachEventBehindItsPlaceOnce) {
  for (int i = 1; i <= 9; ++i) Publish(i);
  DispatchAll();
  FakeClient client(&host_, 1);
  client.Resume("a", kOrders, 4);
  EXPECT_TRUE(client.is_behind());
  Publish(10);
  DispatchAll();
  Settle(&client);
  EXPECT_FALSE(client.is_behind());
  Publish(11);
  DispatchAll();
  host_.FlushAll();
  EXPECT_EQ(Got(client, "a"), Numbers(5, 11));
  EXPECT_EQ(client.sequences, (std::vector<uint64_t>{5, 6, 7, 8, 9, 10, 11}));
}

TEST_F(ResumeTest, TellsFromWhereItsEventsCount) {
  for (int i = 1; i <= 9; ++i) Publish(i);
  DispatchAll();
  FakeClient client(&host_, 1);
  client.Resume("a", kOrders, 4);
  client.Resume("b", kOrders, 9);
  client.Resume("c", kOrders, 0);
  client.Subscribe("d", kOrders);
  const std::string head = std::to_string(ring()->head.load());
  EXPECT_THAT(client.started, testing::ElementsAre(testing::EndsWith(" 4"), "b " + head + " 9",
                                                   "c " + head + " ?", "d " + head + " ?"));
}

TEST_F(ResumeTest, OthersOfItsClientGetNothingAgain) {
  FakeClient client(&host_, 1);
  client.Subscribe("live", kOrders);
  for (int i = 1; i <= 5; ++i) Publish(i);
  DispatchAll();
  host_.FlushAll();
  client.Resume("first", kOrders, 3);
  client.Resume("second", kOrders, 1);
  Publish(6);
  DispatchAll();
  Settle(&client);
  EXPECT_EQ(Got(client, "live"), Numbers(1, 6));
  EXPECT_EQ(Got(client, "first"), Numbers(4, 6));
  EXPECT_EQ(Got(client, "second"), Numbers(2, 6));
}

TEST_F(ResumeTest, WhatTheOthersDidNotWantThenIsNotForThemLater) {
  host_.Serve(kAccessSnapshot);
  FakeClient client(&host_, 1);
  client.OnAuthenticated(host_.catalog()->anonymous(), {});
  client.Subscribe("mine", "subscription { change { id } }");
  EventRecord record;
  record.channel = "changes";
  record.data = R"({"id": 1, "row": {"tenant": "u", "tags": ["a"]}})";
  Append(record);
  DispatchAll();
  auto other = std::make_shared<Identity>();
  EXPECT_TRUE(other->claims.ParseCopy(R"({"tenant": ["u"], "tags": ["a"]})"));
  client.Become(std::move(other));
  WorkBudget budget(1'000'000);
  ASSERT_TRUE(client.Revalidate(host_.catalog(), &budget));
  client.Resume("again", "subscription { any { id } }", 0);
  host_.find_behind = [&](uint64_t) {
    return ClientHost::Continuation{.place = {.position = 0, .sequence = 1}};
  };
  client.Resume("any", "subscription { any { id } }", 7);
  Settle(&client);
  EXPECT_EQ(Got(client, "any"), "1 ");
  EXPECT_EQ(Got(client, "mine"), "");
}

TEST_F(ResumeTest, WhatHasLeftTheRingIsCountedForItAlone) {
  FakeClient client(&host_, 1);
  client.Subscribe("live", kOrders);
  for (int i = 1; i <= 300; ++i) {
    Publish(i);
    DispatchAll();
    Settle(&client);
  }
  ASSERT_GT(ring()->tail.load(), 0u);
  client.written.clear();
  client.Resume("a", kOrders, 10);
  Settle(&client);
  EXPECT_EQ(Got(client, "live"), "");
  const std::string got = Got(client, "a");
  EXPECT_THAT(got, testing::StartsWith("? "));
  const uint64_t lost = client.sequences.at(300) - 10;
  EXPECT_THAT(client.written, HasSubstr(std::to_string(lost) + " events were overwritten"));
  EXPECT_EQ(got, "? " + Numbers(static_cast<int>(10 + lost) + 1, 300));
}

TEST_F(ResumeTest, OneWhosePlaceIsNotKnownIsToldOfALossWithoutACount) {
  Publish(1);
  DispatchAll();
  FakeClient client(&host_, 1);
  client.Resume("a", kOrders, 77);
  EXPECT_FALSE(client.is_behind());
  Publish(2);
  DispatchAll();
  Settle(&client);
  EXPECT_EQ(Got(client, "a"), "? 2 ");
  EXPECT_THAT(client.written, HasSubstr("EVENTS_LOST"));
  EXPECT_THAT(client.written, testing::Not(HasSubstr("count")));
}

}  // namespace
}  // namespace fsubs
