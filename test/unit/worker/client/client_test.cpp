#include "worker/client/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/worker/client/fake_host.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;

constexpr char kOrders[] = "subscription { orderUpdated { id } }";
constexpr char kOrderMessage[] =
    R"(a {"data":{"orderUpdated":{"id":"1"}},"extensions":{"position":"1-0"}})"
    "\n";

class ClientTest : public testing::Test {
 protected:
  ClientTest() { host_.Serve(kServedSnapshot); }

  bool Revalidate(size_t units = 1'000'000) {
    WorkBudget budget(units);
    return client_.Revalidate(host_.catalog(), &budget);
  }

  FakeHost host_;
  FakeClient client_{&host_, 7};
};

TEST_F(ClientTest, IsTheHostsAsLongAsItLives) {
  EXPECT_TRUE(host_.clients().contains(7));
  {
    const FakeClient other(&host_, 8);
    EXPECT_TRUE(host_.clients().contains(8));
  }
  EXPECT_FALSE(host_.clients().contains(8));
}

TEST_F(ClientTest, WhatWaitsIsWrittenJoined) {
  EXPECT_TRUE(client_.Append("a"));
  EXPECT_TRUE(client_.Append("b"));
  EXPECT_EQ(client_.written, "");
  host_.FlushAll();
  EXPECT_EQ(client_.written, "ab");
  EXPECT_EQ(client_.flushes, 1u);
  EXPECT_EQ(host_.counters()->bytes_sent.get(), 2u);
}

TEST_F(ClientTest, ASocketThatTakesNothingGetsItLater) {
  client_.socket_room = 0;
  client_.Append("a");
  host_.FlushAll();
  client_.Append("b");
  host_.FlushAll();
  EXPECT_EQ(client_.written, "a");
  client_.Drained(SIZE_MAX);
  EXPECT_EQ(client_.written, "ab");
}

TEST_F(ClientTest, WhatIsNoEventAndDoesNotFitClosesIt) {
  host_.mutable_options()->outbox_size = 3;
  client_.socket_room = 0;
  EXPECT_TRUE(client_.Append("abc"));
  EXPECT_FALSE(client_.Append("d"));
  EXPECT_TRUE(client_.slow);
  host_.FlushAll();
  EXPECT_EQ(client_.written, "");
  EXPECT_EQ(host_.counters()->slow_consumers.get(), 1u);
}

TEST_F(ClientTest, AMessageLargerThanTheOutboxPassesAlone) {
  host_.mutable_options()->outbox_size = 3;
  EXPECT_TRUE(client_.Append("abcdef"));
  host_.FlushAll();
  EXPECT_EQ(client_.written, "abcdef");
}

TEST_F(ClientTest, AFullOutboxIsWrittenBeforeTheClientFallsBehind) {
  host_.mutable_options()->outbox_size = 200;
  client_.Subscribe("a", kOrders);
  for (int i = 0; i < 50; ++i) host_.Publish("orders", R"({"id":1})");
  host_.FlushAll();
  EXPECT_FALSE(client_.is_behind());
  EXPECT_EQ(host_.counters()->messages_sent.get(), 50u);
}

TEST_F(ClientTest, EventsForWhichThereIsNoRoomWaitInTheRing) {
  host_.mutable_options()->outbox_size = 200;
  client_.socket_room = 10;
  client_.Subscribe("a", kOrders);
  host_.Publish("orders", R"({"id":1})");
  host_.FlushAll();
  while (!client_.is_behind()) host_.Publish("orders", R"({"id":2})");
  const EventPlace first = client_.behind_from();
  EXPECT_EQ(first.position, host_.next_position - 8);
  host_.Publish("orders", R"({"id":3})");
  EXPECT_EQ(client_.behind_from().position, first.position);
  EXPECT_FALSE(client_.slow);
  EXPECT_TRUE(host_.catching_up.empty());
  client_.Drained(SIZE_MAX);
  EXPECT_EQ(host_.catching_up, std::vector<Client*>{&client_});
}

TEST_F(ClientTest, OneWhoseSocketStandsStillForATimeIsClosed) {
  client_.socket_room = 0;
  client_.Append("abc");
  host_.FlushAll();
  client_.CheckProgress(50, 100);
  client_.CheckProgress(99, 100);
  EXPECT_FALSE(client_.slow);
  client_.CheckProgress(1, 100);
  EXPECT_TRUE(client_.slow);
  // If it does not even read why, that is not waited for.
  EXPECT_FALSE(client_.cut_off);
  client_.CheckProgress(99, 100);
  EXPECT_FALSE(client_.cut_off);
  client_.CheckProgress(1, 100);
  EXPECT_TRUE(client_.cut_off);
}

TEST_F(ClientTest, OneThatReadsSlowlyStays) {
  client_.socket_room = 0;
  client_.Append("abc");
  host_.FlushAll();
  while (client_.socket_unsent > 0) {
    client_.CheckProgress(99, 100);
    --client_.socket_unsent;
  }
  client_.CheckProgress(99, 100);
  EXPECT_FALSE(client_.slow);
}

TEST_F(ClientTest, ALossIsToldWhenThereIsRoomForIt) {
  host_.mutable_options()->outbox_size = 300;
  client_.Subscribe("a", kOrders);
  client_.Subscribe("b", kOrders);
  client_.socket_room = 0;
  client_.Append(std::string(250, 'x'));
  host_.FlushAll();
  client_.ReportLoss(1);
  client_.ReportLoss(2);
  EXPECT_EQ(client_.handed_over(), 0u) << "whoever goes on from there would not hear of it";
  host_.FlushAll();
  EXPECT_FALSE(client_.slow);
  client_.Drained(SIZE_MAX);
  host_.FlushAll();
  EXPECT_FALSE(client_.slow);
  EXPECT_EQ(client_.handed_over(), host_.dispatched().sequence - 1);
  EXPECT_THAT(client_.written, HasSubstr("a {"));
  EXPECT_THAT(client_.written, HasSubstr("b {"));
  EXPECT_THAT(client_.written, HasSubstr(R"("count":3)"));
}

TEST_F(ClientTest, EventsReachItsSubscriptions) {
  EXPECT_EQ(client_.Subscribe("a", kOrders).kind, StartResult::Kind::kSubscribed);
  host_.Publish("orders", R"({"id":1})");
  host_.FlushAll();
  EXPECT_EQ(client_.written, kOrderMessage);
}

TEST_F(ClientTest, ACatalogThatStillFitsKeepsItsSubscriptions) {
  client_.Subscribe("a", kOrders);
  host_.Serve(kServedSnapshot);
  EXPECT_TRUE(Revalidate());
  EXPECT_TRUE(client_.errors.empty());
  host_.Publish("orders", R"({"id":1})");
  host_.FlushAll();
  EXPECT_EQ(client_.written, kOrderMessage);
}

TEST_F(ClientTest, ACatalogThatFitsNoMoreEndsThemWithTheReason) {
  client_.Subscribe("a", kOrders);
  host_.Serve(R"({"extension_version": "1", "server_version": "15", "types": "",
                  "subscriptions": [{"name": "other", "field": "other: Int", "channel": "c"}]})");
  EXPECT_TRUE(Revalidate());
  ASSERT_EQ(client_.errors.size(), 1u);
  EXPECT_THAT(client_.errors[0], HasSubstr("Cannot query field"));
  EXPECT_EQ(host_.counters()->subscriptions.get(), 0u);
}

TEST_F(ClientTest, ACatalogThatIsGoneEndsThemAndRefusesOthers) {
  client_.Subscribe("a", kOrders);
  host_.ServeNothing();
  EXPECT_TRUE(Revalidate());
  ASSERT_EQ(client_.errors.size(), 1u);
  EXPECT_THAT(client_.errors[0], HasSubstr("There is no catalog"));
  const StartResult refused = client_.Subscribe("b", kOrders);
  EXPECT_EQ(refused.kind, StartResult::Kind::kRefused);
  ASSERT_EQ(refused.errors.size(), 1u);
  EXPECT_EQ(refused.errors[0].code, kErrorServiceUnavailable);
  host_.Publish("orders", R"({"id":1})");
  EXPECT_EQ(client_.written, "");
  host_.Serve(kServedSnapshot);
  EXPECT_TRUE(Revalidate());
  EXPECT_EQ(client_.Subscribe("a", kOrders).kind, StartResult::Kind::kSubscribed);
}

TEST_F(ClientTest, ACatalogChangeIsWorkedOffInSlices) {
  for (const char* id : {"a", "b", "c"}) client_.Subscribe(id, kOrders);
  host_.Serve(kServedSnapshot);
  EXPECT_FALSE(Revalidate(1));
  EXPECT_FALSE(Revalidate(1));
  EXPECT_TRUE(Revalidate(1));
  host_.Publish("orders", R"({"id":1})");
  EXPECT_EQ(host_.counters()->messages_sent.get(), 3u);
}

TEST_F(ClientTest, ACatalogChangeWithLongDocumentsTakesMoreTurns) {
  constexpr size_t kSubscriptions = 300;
  host_.mutable_options()->max_subscriptions_per_connection = kSubscriptions;
  host_.mutable_options()->max_connection_memory = SIZE_MAX;
  const std::string padding(2000, '#');
  for (size_t i = 0; i < kSubscriptions; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_EQ(client_.Subscribe(id, kOrders + padding + id).kind, StartResult::Kind::kSubscribed);
  }
  host_.Serve(kServedSnapshot);
  size_t turns = 1;
  for (; !Revalidate(1000); ++turns) {
  }
  // A document is 2 kB, and a byte of it is 128 bytes of work: four fit into such a turn.
  EXPECT_GE(turns, kSubscriptions / 4 - 1);
  EXPECT_LE(turns, kSubscriptions / 3 + 1);
}

TEST_F(ClientTest, ClientsWithoutCredentialsAreWhomTheCatalogSays) {
  const std::string snapshot(kServedSnapshot);
  host_.Serve(R"json({"anonymous_claims":{"sub":"guest"},)json" + snapshot.substr(1));
  client_.OnCatalog(*host_.catalog());
  EXPECT_EQ(client_.disconnected, "");
  EXPECT_EQ(client_.audit_subject().user, "guest");
}

TEST_F(ClientTest, ClientsWithoutCredentialsAreDisconnectedWhereTheirClaimsMakeNobody) {
  client_.Subscribe("a", kOrders);
  const std::string snapshot(kServedSnapshot);
  host_.Serve(R"json({"anonymous_claims":{"sub":true},)json" + snapshot.substr(1));
  client_.OnCatalog(*host_.catalog());
  EXPECT_EQ(client_.disconnected, "4403 Forbidden");
  // It is on its way out, and still asks for things.
  EXPECT_TRUE(Revalidate(1));
}

TEST_F(ClientTest, LossIsToldToEachSubscription) {
  client_.Subscribe("a", kOrders);
  client_.Subscribe("b", kOrders);
  client_.ReportLoss(2);
  host_.FlushAll();
  EXPECT_THAT(client_.written, HasSubstr(R"(a {"data":{"orderUpdated":null},"errors":[)"));
  EXPECT_THAT(client_.written, HasSubstr(R"(b {"data":{"orderUpdated":null},"errors":[)"));
  EXPECT_THAT(client_.written, HasSubstr(R"("code":"EVENTS_LOST","count":2)"));
}

}  // namespace
}  // namespace fsubs
