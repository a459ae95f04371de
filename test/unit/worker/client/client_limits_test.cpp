#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/worker/client/fake_host.hpp"
#include "test/unit/worker/limits/rate.hpp"
#include "worker/event/encode.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;

constexpr char kOrders[] = "subscription { orderUpdated { id } }";
constexpr char kSlowed[] = "subscription { slowed { id } }";

constexpr char kSnapshot[] = R"json({
  "extension_version": "0.1.0", "server_version": "15.1", "types": "type Order { id: ID! }",
  "subscriptions": [
    {"name": "orderUpdated", "field": "orderUpdated: Order", "channel": "orders"},
    {"name": "slowed", "field": "slowed: Order", "channel": "orders", "rate_limit": "1/s"}
  ]})json";

// What clients are sent.
std::string Order(std::string_view subscription, int id, std::string_view field = "orderUpdated") {
  return std::string(subscription) + R"( {"data":{")" + std::string(field) + R"(":{"id":")" +
         std::to_string(id) + R"("}},"extensions":{"position":"1-0"}})" + "\n";
}

std::string Cut(std::string_view subscription, int count, std::string_view field = "orderUpdated") {
  const std::string name(field);
  return std::string(subscription) + R"( {"data":{")" + name + R"(":null},"errors":[{"message":")" +
         std::to_string(count) + (count == 1 ? " event was" : " events were") +
         R"( cut by a rate limit","locations":[{"line":1,"column":16}],"path":[")" + name +
         R"("],"extensions":{"code":"RATE_LIMITED","count":)" + std::to_string(count) + "}}]}\n";
}

class ClientLimitsTest : public testing::Test {
 protected:
  ClientLimitsTest() { host_.Serve(kSnapshot); }

  // Limits of everybody, in force for the client.
  void Limit(std::initializer_list<std::pair<LimitKey, std::optional<LimitValue>>> values) {
    Limits limits;
    for (const auto& [key, value] : values) limits.Set(key, value);
    host_.rules = std::make_unique<LimitRules>(limits, std::span<const RoleLimits>());
    Revalidate();
  }

  void Revalidate() {
    WorkBudget budget(1'000'000);
    EXPECT_TRUE(client_.Revalidate(host_.catalog(), &budget));
  }

  void Become(const char* user) {
    auto identity = std::make_shared<Identity>();
    identity->user = user;
    EXPECT_EQ(client_.Admit(&table_, *identity), std::nullopt);
    client_.Become(std::move(identity));
  }

  void Publish(int id) { host_.Publish("orders", R"({"id": )" + std::to_string(id) + "}"); }

  // What was sent since the last call.
  std::string Sent() {
    host_.FlushAll();
    return std::exchange(client_.written, {});
  }

  // What the shard does when the second is over.
  void TellCuts() {
    for (Client* const client : std::exchange(host_.telling_cuts, {})) client->TellCuts();
  }

  LimitTable table_;
  FakeHost host_;
  FakeClient client_{&host_, 7};
};

TEST_F(ClientLimitsTest, WhatARateCutsIsToldBeforeTheNextEvent) {
  Limit({{LimitKey::kEventsPerSubscription, Rate("1/s burst 2")}});
  client_.Subscribe("a", kOrders);
  for (int id = 1; id <= 5; ++id) Publish(id);
  EXPECT_EQ(Sent(), Order("a", 1) + Order("a", 2));
  host_.clock_us += kSecondUs;
  Publish(6);
  EXPECT_EQ(Sent(), Cut("a", 3) + Order("a", 6));
  TellCuts();
  EXPECT_EQ(Sent(), "") << "it is told once";
  EXPECT_EQ(host_.counters()->limited[IndexOf(LimitKey::kEventsPerSubscription)].get(), 3u);
}

TEST_F(ClientLimitsTest, WhatARateCutsIsToldWhenASecondIsOver) {
  Limit({{LimitKey::kEventsPerSubscription, Rate("0/s")}});
  client_.Subscribe("a", kOrders);
  client_.Subscribe("b", kOrders);
  Publish(1);
  Publish(2);
  EXPECT_EQ(host_.telling_cuts.size(), 1u) << "of one client once";
  TellCuts();
  EXPECT_THAT(Sent(), testing::AllOf(HasSubstr(Cut("a", 2)), HasSubstr(Cut("b", 2))));
  EXPECT_TRUE(host_.telling_cuts.empty());
  Publish(3);
  TellCuts();
  EXPECT_THAT(Sent(), HasSubstr(Cut("a", 1)));
}

TEST_F(ClientLimitsTest, WhatIsCutCountsAsHandedOverOnceItIsTold) {
  Limit({{LimitKey::kEventsPerSubscription, Rate("1/s")}});
  client_.Subscribe("a", kOrders);
  Publish(1);
  EXPECT_EQ(client_.handed_over(), 1u);
  Publish(2);
  EXPECT_EQ(client_.handed_over(), 0u);
  TellCuts();
  EXPECT_EQ(client_.handed_over(), 2u);
}

TEST_F(ClientLimitsTest, ThereIsNoTellingWhatASubscriptionMissedThatHasEnded) {
  Limit({{LimitKey::kEventsPerSubscription, Rate("0/s")}});
  client_.Subscribe("a", kOrders);
  Publish(1);
  client_.StopAll();
  TellCuts();
  EXPECT_EQ(Sent(), "");
}

TEST_F(ClientLimitsTest, AFieldsRateHoldsForEachSubscriptionOfIt) {
  client_.Subscribe("a", kSlowed);
  client_.Subscribe("b", kOrders);
  Publish(1);
  Sent();
  Publish(2);
  EXPECT_EQ(Sent(), Order("b", 2));
  EXPECT_EQ(host_.counters()->limited[IndexOf(LimitKey::kRateLimit)].get(), 1u);
}

TEST_F(ClientLimitsTest, BothRatesHoldAndWhatOneCutsCountsForNeither) {
  Limit({{LimitKey::kEventsPerSubscription, Rate("1/h burst 2")}});
  client_.Subscribe("a", kSlowed);
  for (int id = 1; id <= 5; ++id) Publish(id);
  EXPECT_EQ(Sent(), Order("a", 1, "slowed"));
  host_.clock_us += kSecondUs;
  Publish(6);
  EXPECT_EQ(Sent(), Cut("a", 4, "slowed") + Order("a", 6, "slowed"));
  host_.clock_us += kSecondUs;
  Publish(7);
  EXPECT_EQ(Sent(), "");
}

TEST_F(ClientLimitsTest, AUsersRateHoldsForAllItsSubscriptions) {
  Limit({{LimitKey::kEventsPerUser, Rate("1/h burst 3")}});
  Become("anna");
  client_.Subscribe("a", kOrders);
  client_.Subscribe("b", kOrders);
  Publish(1);
  Publish(2);
  TellCuts();
  const std::string sent = Sent();
  EXPECT_EQ(std::count(sent.begin(), sent.end(), '\n'), 4) << sent;
  EXPECT_THAT(sent, testing::AnyOf(HasSubstr(Cut("a", 1)), HasSubstr(Cut("b", 1))));
}

TEST_F(ClientLimitsTest, WhoIsNoUserHasNoLimitOfUsers) {
  Limit({{LimitKey::kEventsPerUser, Rate("0/s")},
         {LimitKey::kSubscriptionsPerUser, LimitValue{.count = 0}}});
  EXPECT_EQ(client_.Subscribe("a", kOrders).kind, StartResult::Kind::kSubscribed);
  Publish(1);
  EXPECT_EQ(Sent(), Order("a", 1));
}

TEST_F(ClientLimitsTest, EventsThatAreLostAreToldWhateverTheRate) {
  Limit({{LimitKey::kEventsPerSubscription, Rate("0/s")}});
  client_.Subscribe("a", kOrders);
  EventRecord record;
  record.kind = RecordKind::kEventsLost;
  record.channel = "orders";
  record.data = "7";
  host_.Dispatch(record, "1-0");
  EXPECT_THAT(Sent(), HasSubstr(R"("code":"EVENTS_LOST","count":7)"));
}

TEST_F(ClientLimitsTest, AnEventThatFindsNoRoomTakesNothing) {
  Limit({{LimitKey::kEventsPerSubscription, Rate("1/h burst 2")}});
  client_.Subscribe("a", kOrders);
  host_.mutable_options()->outbox_size = 10;
  client_.socket_room = 0;
  Publish(1);
  host_.FlushAll();
  Publish(2);
  EXPECT_TRUE(client_.is_behind());
  client_.Drained(SIZE_MAX);
  client_.SetCurrent();
  Sent();
  Publish(3);
  Publish(4);
  EXPECT_EQ(Sent(), Order("a", 3));
}

TEST_F(ClientLimitsTest, WhatCannotBeToldNowIsToldLater) {
  Limit({{LimitKey::kEventsPerSubscription, Rate("1/h burst 1")}});
  client_.Subscribe("a", kOrders);
  host_.mutable_options()->outbox_size = 10;
  client_.socket_room = 0;
  Publish(1);
  host_.FlushAll();
  Publish(2);
  EXPECT_FALSE(client_.is_behind()) << "what is cut needs no room";
  client_.written.clear();
  TellCuts();
  EXPECT_EQ(Sent(), "");
  client_.Drained(SIZE_MAX);
  TellCuts();
  EXPECT_EQ(Sent(), Cut("a", 1));
}

TEST_F(ClientLimitsTest, ARateHoldsAtOnceForWhatIsSubscribed) {
  client_.Subscribe("a", kOrders);
  Publish(1);
  Limit({{LimitKey::kEventsPerSubscription, Rate("1/h burst 1")}});
  Publish(2);
  Publish(3);
  EXPECT_EQ(Sent(), Order("a", 1) + Order("a", 2));
  Limit({});
  Publish(4);
  EXPECT_EQ(Sent(), Cut("a", 1) + Order("a", 4)) << "what was cut before is told all the same";
}

TEST_F(ClientLimitsTest, ABucketGoesOnWhenTheCatalogChanges) {
  client_.Subscribe("a", kSlowed);
  Publish(1);
  host_.Serve(kSnapshot);
  Revalidate();
  Publish(2);
  EXPECT_EQ(Sent(), Order("a", 1, "slowed"));
}

TEST_F(ClientLimitsTest, ASubscriptionTooManyIsRefusedWithTheKey) {
  Limit({{LimitKey::kSubscriptionsPerUser, LimitValue{.count = 1}},
         {LimitKey::kSubscriptionsCreatedPerUser, Rate("1/h burst 2")}});
  Become("anna");
  EXPECT_EQ(client_.Subscribe("a", kOrders).kind, StartResult::Kind::kSubscribed);
  const StartResult second = client_.Subscribe("b", kOrders);
  ASSERT_EQ(second.kind, StartResult::Kind::kRefused);
  EXPECT_EQ(second.errors.front().code, kErrorLimitExceeded);
  EXPECT_EQ(std::get<std::string>(second.errors.front().extensions.front().value),
            "subscriptions_per_user");
  client_.StopAll();
  EXPECT_EQ(client_.Subscribe("a", kOrders).kind, StartResult::Kind::kSubscribed);
  client_.StopAll();
  const StartResult fourth = client_.Subscribe("a", kOrders);
  ASSERT_EQ(fourth.kind, StartResult::Kind::kRefused);
  EXPECT_EQ(fourth.errors.front().code, kErrorRateLimited);
  EXPECT_EQ(std::get<std::string>(fourth.errors.front().extensions.front().value),
            "subscriptions_created_per_user");
  EXPECT_EQ(client_.Subscribe("q", "{ __typename }").kind, StartResult::Kind::kExecuted)
      << "a query is no subscription";
}

TEST_F(ClientLimitsTest, WhatTheCatalogEndsIsNoSubscriptionAnyMore) {
  Limit({{LimitKey::kSubscriptionsPerUser, LimitValue{.count = 1}}});
  Become("anna");
  client_.Subscribe("a", kOrders);
  host_.ServeNothing();
  Revalidate();
  host_.Serve(kSnapshot);
  EXPECT_EQ(client_.Subscribe("b", kOrders).kind, StartResult::Kind::kSubscribed);
}

TEST_F(ClientLimitsTest, AConnectionMaySendMessagesAtARate) {
  EXPECT_TRUE(client_.Sends());
  Limit({{LimitKey::kMessagesPerConnection, Rate("1/s burst 2")}});
  EXPECT_TRUE(client_.Sends());
  EXPECT_TRUE(client_.Sends());
  EXPECT_FALSE(client_.Sends());
  host_.clock_us += kSecondUs;
  EXPECT_TRUE(client_.Sends());
  FakeClient other(&host_, 8);
  EXPECT_TRUE(other.Sends());
}

TEST_F(ClientLimitsTest, ASecondIdentityIsNoSecondConnection) {
  Limit({{LimitKey::kConnectionsPerUser, LimitValue{.count = 1}}});
  Become("anna");
  Become("anna");
}

}  // namespace
}  // namespace fsubs
