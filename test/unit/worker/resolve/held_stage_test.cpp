#include "worker/resolve/held_stage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/unit/worker/client/fake_host.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Kind = ResolveResult::Kind;

constexpr char kOrders[] = "subscription { orderUpdated { id } }";

std::string SnapshotWith(const std::string& resolver) {
  std::string snapshot = kServedSnapshot;
  snapshot.pop_back();
  return snapshot + R"(, "resolvers": [)" + resolver + "]}";
}

std::string ResolverOf(const std::string& field, const std::string& per = "plan",
                       const std::string& on_error = "null") {
  return R"({"field":")" + field + R"(","function":null,"per":")" + per +
         R"(","timeout_ms":1000,"retries":0,"idempotent":false,"on_error":")" + on_error +
         R"(","concurrency":null})";
}

class HeldStageTest : public testing::Test {
 protected:
  HeldStageTest() { Serve(ResolverOf("orderUpdated")); }

  void Serve(const std::string& resolvers) { host_.Serve(SnapshotWith(resolvers)); }

  void Publish(int id, const std::string& more = "") {
    host_.Publish("orders", "{\"id\":" + std::to_string(id) + more + "}");
  }

  // The calls that were made since the last look.
  std::vector<ResolveCall> Calls() { return host_.stage.TakeOrder().calls; }

  static ResolveResult Value(const ResolveCall& call, const std::string& id) {
    return {.number = call.number, .kind = Kind::kValue, .text = "{\"id\":" + id + "}"};
  }

  static std::string Line(const std::string& id, const std::string& value) {
    return id + R"( {"data":{"orderUpdated":{"id":")" + value + R"("}},"extensions":{"position":)";
  }

  // What the client was sent since the last look: the beginnings of its lines.
  std::vector<std::string> Written(FakeClient* client) {
    host_.FlushAll();
    std::vector<std::string> lines;
    std::string text = std::exchange(client->written, {});
    for (size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
      const std::string line = text.substr(0, end);
      lines.push_back(line.substr(0, line.find("\"position\":") + 11));
    }
    return lines;
  }

  FakeHost host_;
  FakeClient client_{&host_, 1};
};

TEST_F(HeldStageTest, OneCallIsMadeForAnEventHoweverManySubscriptionsShareIt) {
  FakeClient other(&host_, 2);
  client_.Subscribe("1", kOrders);
  client_.Subscribe("2", kOrders);
  other.Subscribe("1", kOrders);
  Publish(7);
  const auto calls = Calls();
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_THAT(*calls[0].event, HasSubstr(R"("data":{"id":7})"));
  EXPECT_EQ(calls[0].audience->variables, "{}");
  EXPECT_EQ(calls[0].rule->field, "orderUpdated");
  EXPECT_THAT(Written(&client_), IsEmpty());
  host_.Resolve({Value(calls[0], "8")});
  EXPECT_THAT(Written(&client_), testing::UnorderedElementsAre(Line("1", "8"), Line("2", "8")));
  EXPECT_THAT(Written(&other), ElementsAre(Line("1", "8")));
  EXPECT_EQ(host_.counters()->payloads_encoded.get(), 1u);
  EXPECT_EQ(host_.counters()->resolver_calls.get(), 1u);
}

TEST_F(HeldStageTest, ArgumentsMakeACallOfTheirOwn) {
  client_.Subscribe("1", "subscription { orderUpdated(id: 7) { id } }");
  client_.Subscribe("2", "subscription { orderUpdated(status: NEW) { id } }");
  client_.Subscribe("3", "subscription { orderUpdated(id: \"7\") { id } }");
  Publish(7, R"(,"status":"NEW")");
  std::vector<std::string> variables;
  for (const ResolveCall& call : Calls()) variables.push_back(call.audience->variables);
  // The documents of the first and the third differ.
  EXPECT_THAT(variables, testing::UnorderedElementsAre(R"({"id":"7"})", R"({"status":"NEW"})",
                                                       R"({"id":"7"})"));
}

TEST_F(HeldStageTest, AClassOfAnAudienceIsWhoHasTheSameClaims) {
  Serve(ResolverOf("orderUpdated", "audience"));
  const auto become = [](FakeClient* client, const std::string& claims, const std::string& role) {
    auto identity = std::make_shared<Identity>();
    EXPECT_TRUE(identity->claims.ParseCopy(claims));
    identity->role = role;
    client->Become(std::move(identity));
  };
  FakeClient second(&host_, 2);
  FakeClient third(&host_, 3);
  FakeClient fourth(&host_, 4);
  become(&client_, R"({"sub":"a"})", "r");
  become(&second, R"({"sub":"a"})", "r");
  become(&third, R"({"sub":"b"})", "r");
  become(&fourth, R"({"sub":"a"})", "");
  for (FakeClient* client : {&client_, &second, &third, &fourth}) client->Subscribe("1", kOrders);
  Publish(1);
  std::vector<std::string> audiences;
  for (const ResolveCall& call : Calls()) {
    audiences.push_back(call.audience->claims + " " + call.audience->role);
  }
  EXPECT_THAT(audiences, testing::UnorderedElementsAre(R"({"sub":"a"} r)", R"({"sub":"b"} r)",
                                                       R"({"sub":"a"} )"));
}

TEST_F(HeldStageTest, ResultsAreHandedOnInTheOrderOfEventsWhateverTheirOwn) {
  client_.Subscribe("1", kOrders);
  for (int id = 1; id <= 3; ++id) Publish(id);
  const auto calls = Calls();
  host_.Resolve({Value(calls[2], "3")});
  host_.Resolve({Value(calls[1], "2")});
  EXPECT_THAT(Written(&client_), IsEmpty());
  EXPECT_EQ(host_.counters()->held_events.get(), 3u);
  host_.Resolve({Value(calls[0], "1")});
  EXPECT_THAT(Written(&client_), ElementsAre(Line("1", "1"), Line("1", "2"), Line("1", "3")));
  EXPECT_EQ(host_.counters()->held_events.get(), 0u);
  EXPECT_EQ(host_.counters()->held_bytes.get(), 0u);
}

TEST_F(HeldStageTest, SubscriptionsOfOtherClassesGoOnMeanwhile) {
  client_.Subscribe("1", kOrders);
  client_.Subscribe("2", "subscription { orderUpdated { id: id } }");
  Publish(1);
  const auto calls = Calls();
  ASSERT_THAT(calls, SizeIs(2));
  host_.Resolve({Value(calls[1], "1")});
  EXPECT_THAT(Written(&client_), SizeIs(1));
}

TEST_F(HeldStageTest, ASkippedEventMakesWay) {
  client_.Subscribe("1", kOrders);
  Publish(1);
  Publish(2);
  const auto calls = Calls();
  host_.Resolve({Value(calls[1], "2")});
  host_.Resolve({{.number = calls[0].number, .kind = Kind::kSkip}});
  EXPECT_THAT(Written(&client_), ElementsAre(Line("1", "2")));
}

TEST_F(HeldStageTest, AnErrorMakesTheFieldNullAndSaysWhy) {
  client_.Subscribe("1", kOrders);
  Publish(1);
  Publish(2);
  Publish(3);
  const auto calls = Calls();
  host_.Resolve({{.number = calls[0].number,
                  .kind = Kind::kError,
                  .text = "no",
                  .extensions = R"({"a":[1]})"},
                 {.number = calls[1].number, .kind = Kind::kMaskedError, .text = "e-1"},
                 {.number = calls[2].number, .kind = Kind::kTimeout, .text = "e-2"}});
  host_.FlushAll();
  EXPECT_THAT(
      client_.written,
      HasSubstr(R"({"data":{"orderUpdated":null},"errors":[{"message":"no","locations":)"
                R"([{"line":1,"column":16}],"path":["orderUpdated"],"extensions":{"a":[1]}}],)"
                R"("extensions":{"position":")"));
  EXPECT_THAT(client_.written, HasSubstr(R"({"code":"RESOLVER_FAILED","correlationId":"e-1"})"));
  EXPECT_THAT(client_.written, HasSubstr(R"({"code":"RESOLVER_TIMEOUT","correlationId":"e-2"})"));
  EXPECT_EQ(host_.counters()->resolver_errors.get(), 3u);
  EXPECT_EQ(host_.counters()->resolver_timeouts.get(), 1u);
}

TEST_F(HeldStageTest, WhereErrorsAreSkippedNothingIsTold) {
  Serve(ResolverOf("orderUpdated", "plan", "skip"));
  client_.Subscribe("1", kOrders);
  Publish(1);
  host_.Resolve({{.number = Calls()[0].number, .kind = Kind::kError, .text = "no"}});
  EXPECT_THAT(Written(&client_), IsEmpty());
  EXPECT_EQ(host_.counters()->held_events.get(), 0u);
}

TEST_F(HeldStageTest, WhereErrorsCompleteEachSubscriptionThatSharesTheCallEnds) {
  Serve(ResolverOf("orderUpdated", "plan", "complete"));
  FakeClient other(&host_, 2);
  client_.Subscribe("1", kOrders);
  client_.Subscribe("2", kOrders);
  other.Subscribe("1", kOrders);
  Publish(1);
  Publish(2);
  const auto calls = Calls();
  host_.Resolve({{.number = calls[0].number, .kind = Kind::kError, .text = "over"}});
  EXPECT_THAT(client_.errors, testing::UnorderedElementsAre("1 over", "2 over"));
  EXPECT_THAT(other.errors, ElementsAre("1 over"));
  // Nobody waits for the second any more.
  EXPECT_THAT(host_.stage.TakeOrder().cancelled, ElementsAre(calls[1].number));
  host_.Resolve({Value(calls[1], "2")});
  EXPECT_EQ(host_.counters()->held_bytes.get(), 0u);
}

TEST_F(HeldStageTest, WithTheLastWhoWaitsForItACallIsCancelled) {
  FakeClient other(&host_, 2);
  client_.Subscribe("1", kOrders);
  other.Subscribe("1", kOrders);
  Publish(1);
  const auto calls = Calls();
  client_.StopAll();
  EXPECT_THAT(host_.stage.TakeOrder().cancelled, IsEmpty());
  other.StopAll();
  EXPECT_THAT(host_.stage.TakeOrder().cancelled, ElementsAre(calls[0].number));
  EXPECT_EQ(host_.counters()->held_events.get(), 0u);
  EXPECT_EQ(host_.counters()->held_bytes.get(), 0u);
  EXPECT_GT(host_.room_made, 0u);
}

TEST_F(HeldStageTest, PastTheBoundEventsBecomeOneCountedLossBehindThoseThatAreHeld) {
  host_.stage.SetLimit(8 * 1024);
  client_.Subscribe("1", kOrders);
  const std::string note = R"(,"note":")" + std::string(500, 'x') + "\"";
  for (int id = 1; id <= 10; ++id) Publish(id, note);
  auto calls = Calls();
  // A quarter of the bound is what one class may hold.
  ASSERT_THAT(calls, SizeIs(1));
  EXPECT_EQ(host_.counters()->held_events_lost.get(), 9u);
  host_.Resolve({Value(calls[0], "1")});
  host_.FlushAll();
  EXPECT_THAT(client_.written, HasSubstr(R"("extensions":{"code":"EVENTS_LOST","count":9}}]})"));
  EXPECT_LT(client_.written.find("\"id\":\"1\""), client_.written.find("EVENTS_LOST"));
  Publish(11, note);
  calls = Calls();
  host_.Resolve({Value(calls.at(0), "11")});
  EXPECT_THAT(Written(&client_).back(), Line("1", "11"));
}

TEST_F(HeldStageTest, ALossIsToldAlthoughNothingIsHeldForTheSubscription) {
  host_.stage.SetLimit(8 * 1024);
  FakeClient other(&host_, 2);
  client_.Subscribe("1", kOrders);
  Publish(1, R"(,"note":")" + std::string(20'000, 'x') + "\"");
  other.Subscribe("1", "subscription { orderUpdated { other: id } }");
  Publish(2);
  host_.Resolve({});
  host_.FlushAll();
  EXPECT_THAT(other.written, HasSubstr(R"("code":"EVENTS_LOST","count":1)"));
}

TEST_F(HeldStageTest, ATextCountsForAsLongAsAClassHoldsIt) {
  host_.stage.SetLimit(64 * 1024);
  client_.Subscribe("1", kOrders);
  client_.Subscribe("2", "subscription { orderUpdated { other: id } }");
  Publish(1, R"(,"note":")" + std::string(10'000, 'x') + "\"");
  const auto calls = Calls();
  ASSERT_THAT(calls, SizeIs(2));
  host_.Resolve({Value(calls[0], "1")});
  EXPECT_GT(host_.counters()->held_bytes.get(), 10'000u);
  host_.Resolve({Value(calls[1], "1")});
  EXPECT_EQ(host_.counters()->held_bytes.get(), 0u);
}

TEST_F(HeldStageTest, AnEventThatAloneIsLargerThanTheBoundIsHeld) {
  host_.stage.SetLimit(1024);
  client_.Subscribe("1", kOrders);
  Publish(1, R"(,"note":")" + std::string(5000, 'x') + "\"");
  EXPECT_THAT(Calls(), SizeIs(1));
}

TEST_F(HeldStageTest, AClientWhoseResponsesPileUpFallsBehindInsteadOfLosingThem) {
  host_.mutable_options()->outbox_size = 300;
  client_.Subscribe("1", "subscription { orderUpdated { note } }");
  client_.socket_room = 0;
  for (int id = 1; id <= 10 && !client_.is_behind(); ++id) {
    Publish(id);
    for (const ResolveCall& call : Calls()) {
      host_.Resolve({{.number = call.number,
                      .kind = Kind::kValue,
                      .text = "{\"note\":\"" + std::string(200, 'x') + "\"}"}});
    }
    host_.FlushAll();
  }
  EXPECT_TRUE(client_.is_behind());
  EXPECT_EQ(host_.counters()->held_events_lost.get(), 0u);
  EXPECT_THAT(host_.blocked, ElementsAre(&client_));
}

TEST_F(HeldStageTest, WhatHasNoRoomWaitsUntilTheSocketTakesMore) {
  host_.mutable_options()->outbox_size = 300;
  client_.Subscribe("1", kOrders);
  client_.socket_room = 0;
  std::vector<ResolveResult> results;
  for (int id = 1; id <= 6; ++id) {
    Publish(id);
    results.push_back(Value(Calls().at(0), std::to_string(id)));
  }
  host_.Resolve(std::move(results));
  host_.FlushAll();
  EXPECT_GT(host_.counters()->held_events.get(), 0u);
  for (int turn = 0; turn < 10; ++turn) {
    client_.Drained(SIZE_MAX);
    host_.FlushAll();
  }
  EXPECT_EQ(host_.counters()->held_events.get(), 0u);
  const auto lines = Written(&client_);
  ASSERT_THAT(lines, SizeIs(6));
  for (int id = 1; id <= 6; ++id) EXPECT_EQ(lines[id - 1], Line("1", std::to_string(id)));
}

TEST_F(HeldStageTest, WhatIsHeldIsNotHandedOver) {
  client_.Subscribe("1", kOrders);
  Publish(1);
  EXPECT_EQ(client_.handed_over(), 0u);
  host_.Resolve({Value(Calls().at(0), "1")});
  EXPECT_EQ(client_.handed_over(), 1u);
}

TEST_F(HeldStageTest, WhoComesToAnEventLaterSharesWhatWasMadeOfIt) {
  client_.Subscribe("1", kOrders);
  Publish(1);
  host_.Resolve({Value(Calls().at(0), "1")});
  EXPECT_THAT(Written(&client_), SizeIs(1));

  // As one that is behind comes to it.
  FakeClient other(&host_, 2);
  host_.next_position = 0;
  other.Subscribe("1", kOrders);
  Subscription& subscription = other.subscriptions()->begin()->second;
  JsonTree data;
  ASSERT_TRUE(data.ParseCopy(R"({"id":1})"));
  EventRecord record;
  EXPECT_TRUE(
      other.TakeToHold(&subscription, {0, 1}, record, data.root(), HeldStage::Past::kWaits));
  EXPECT_THAT(Calls(), IsEmpty());
  host_.Resolve({});
  EXPECT_THAT(Written(&other), ElementsAre(Line("1", "1")));
}

TEST_F(HeldStageTest, OfAnEventThatManyClassesWantTheTextCountsOnce) {
  host_.stage.SetLimit(64 * 1024);
  FakeClient other(&host_, 2);
  client_.Subscribe("1", kOrders);
  for (int i = 0; i < 20; ++i) {
    other.Subscribe(std::to_string(i),
                    "subscription { orderUpdated { a" + std::to_string(i) + ": id } }");
  }
  Publish(1, R"(,"note":")" + std::string(10'000, 'x') + "\"");
  EXPECT_THAT(Calls(), SizeIs(21));
  EXPECT_EQ(host_.counters()->held_events_lost.get(), 0u);
  EXPECT_LT(host_.counters()->held_bytes.get(), 64u * 1024);
}

TEST_F(HeldStageTest, WhatIsHeldOutlivesAChangeOfTheCatalog) {
  client_.Subscribe("1", kOrders);
  Publish(1);
  const auto calls = Calls();
  Serve(ResolverOf("orderUpdated"));
  WorkBudget budget(1000);
  EXPECT_TRUE(client_.Revalidate(host_.catalog(), &budget));
  Publish(2);
  const auto more = Calls();
  ASSERT_THAT(more, SizeIs(1));
  host_.Resolve({Value(more[0], "2")});
  host_.Resolve({Value(calls[0], "1")});
  EXPECT_THAT(Written(&client_), ElementsAre(Line("1", "1"), Line("1", "2")));
}

TEST_F(HeldStageTest, WithoutAResolverEventsQueueBehindWhatIsHeld) {
  client_.Subscribe("1", kOrders);
  Publish(1);
  const auto calls = Calls();
  host_.Serve(kServedSnapshot);
  WorkBudget budget(1000);
  EXPECT_TRUE(client_.Revalidate(host_.catalog(), &budget));
  Publish(2);
  EXPECT_THAT(Written(&client_), IsEmpty());
  host_.Resolve({Value(calls[0], "1")});
  EXPECT_THAT(Written(&client_), ElementsAre(Line("1", "1"), Line("1", "2")));
  Publish(3);
  EXPECT_THAT(Written(&client_), ElementsAre(Line("1", "3")));
}

TEST_F(HeldStageTest, HandingOnStopsWhereTheBudgetIsSpentAndGoesOnThere) {
  FakeClient other(&host_, 2);
  client_.Subscribe("1", kOrders);
  other.Subscribe("1", kOrders);
  Publish(1);
  WorkBudget spent(0);
  host_.stage.Add({Value(Calls().at(0), "1")});
  host_.stage.Continue(&spent);
  EXPECT_FALSE(host_.stage.is_idle());
  EXPECT_THAT(Written(&client_), IsEmpty());
  host_.Resolve({});
  EXPECT_THAT(Written(&client_), SizeIs(1));
  EXPECT_THAT(Written(&other), SizeIs(1));
}

TEST_F(HeldStageTest, AResultForACallThatIsNotKnownIsNone) {
  client_.Subscribe("1", kOrders);
  Publish(1);
  host_.Resolve({{.number = 12345, .kind = Kind::kSkip}});
  EXPECT_EQ(host_.counters()->held_events.get(), 1u);
}

}  // namespace
}  // namespace fsubs
