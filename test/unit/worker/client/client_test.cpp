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
  client_.writable = false;
  client_.Append("a");
  host_.FlushAll();
  EXPECT_EQ(client_.written, "");
  client_.writable = true;
  client_.Flush();
  EXPECT_EQ(client_.written, "a");
}

TEST_F(ClientTest, OneTooFarBehindIsClosedAndGetsNothingOfWhatWaited) {
  host_.mutable_options()->outbox_size = 3;
  EXPECT_TRUE(client_.Append("abc"));
  EXPECT_FALSE(client_.Append("d"));
  EXPECT_TRUE(client_.slow);
  EXPECT_FALSE(client_.Append("wxyz"));
  host_.FlushAll();
  EXPECT_EQ(client_.written, "");
  EXPECT_EQ(host_.counters()->slow_consumers.get(), 1u);
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
  client_.Revalidate();
  EXPECT_TRUE(client_.errors.empty());
  host_.Publish("orders", R"({"id":1})");
  host_.FlushAll();
  EXPECT_EQ(client_.written, kOrderMessage);
}

TEST_F(ClientTest, ACatalogThatFitsNoMoreEndsThemWithTheReason) {
  client_.Subscribe("a", kOrders);
  host_.Serve(R"({"extension_version": "1", "server_version": "15", "types": "",
                  "subscriptions": [{"name": "other", "field": "other: Int", "channel": "c"}]})");
  client_.Revalidate();
  ASSERT_EQ(client_.errors.size(), 1u);
  EXPECT_THAT(client_.errors[0], HasSubstr("Cannot query field"));
  EXPECT_EQ(host_.counters()->subscriptions.get(), 0u);
}

TEST_F(ClientTest, LossIsToldToEachSubscription) {
  client_.Subscribe("a", kOrders);
  client_.Subscribe("b", kOrders);
  client_.ReportLoss(2);
  host_.FlushAll();
  EXPECT_THAT(client_.written, HasSubstr("a {\"data\":null"));
  EXPECT_THAT(client_.written, HasSubstr("b {\"data\":null"));
  EXPECT_THAT(client_.written, HasSubstr(R"("code":"EVENTS_LOST","count":2)"));
}

}  // namespace
}  // namespace fsubs
