#include "worker/client/legacy_ws.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace fsubs {
namespace {

class LegacyWsTest : public testing::Test, public WsProtocolHost {
 protected:
  void Send(About, std::string_view, std::string_view message) override {
    sent_.emplace_back(message);
  }
  void Close(uint16_t code, std::string_view reason) override {
    closed_ = std::to_string(code) + " " + std::string(reason);
  }
  void Authorize(const std::optional<JsonValue>&) override {
    if (allowed_) {
      protocol_.Accept(R"({"connectionId":"1"})");
    } else {
      protocol_.Refuse("it is \"bad\"");
    }
  }
  void RenewByPing(std::string_view) override { ADD_FAILURE() << "it has no pings"; }
  void Renew(std::string_view id, RenewalRequest request) override {
    renewals_.push_back(std::string(id) + " " + request.token);
  }
  bool HasSubscription(std::string_view id) const override {
    return subscriptions_.count(std::string(id)) > 0;
  }
  StartResult StartOperation(std::string_view id, const OperationRequest& request) override {
    if (request.query == "bad") {
      return {.kind = StartResult::Kind::kRefused,
              .errors = {{R"(no "x")", kErrorValidationFailed}, {"nor y", kErrorValidationFailed}}};
    }
    if (request.query == "{now}") {
      return {.kind = StartResult::Kind::kExecuted, .response = R"({"data":{"now":1}})"};
    }
    if (request.query == "renew") {
      return {.kind = StartResult::Kind::kRenews, .renewal = RenewalRequest{.token = "t"}};
    }
    subscriptions_.emplace(id);
    return {};
  }
  void StopSubscription(std::string_view id) override { subscriptions_.erase(std::string(id)); }

  void Receive(std::string_view message) { protocol_.OnText(message, &tree_); }
  void Acknowledge() {
    Receive(R"({"type":"connection_init","payload":{}})");
    sent_.clear();
  }

  LegacyWs protocol_{this};
  JsonTree tree_;
  std::vector<std::string> sent_;
  std::set<std::string> subscriptions_;
  std::vector<std::string> renewals_;
  std::string closed_;
  bool allowed_ = true;
};

using Sent = std::vector<std::string>;

TEST_F(LegacyWsTest, ConnectionInitIsAcknowledgedAndKeptAlive) {
  Receive(R"({"type":"connection_init"})");
  EXPECT_EQ(sent_, (Sent{R"({"type":"connection_ack","payload":{"connectionId":"1"}})",
                         R"({"type":"ka"})"}));
  protocol_.OnKeepalive();
  EXPECT_EQ(sent_.back(), R"({"type":"ka"})");
  EXPECT_EQ(sent_.size(), 3u);
}

TEST_F(LegacyWsTest, ARefusedClientIsToldAndClosed) {
  allowed_ = false;
  Receive(R"({"type":"connection_init"})");
  EXPECT_EQ(
      sent_,
      Sent{R"({"type":"connection_error","payload":{"message":"Forbidden: it is \"bad\""}})"});
  EXPECT_EQ(closed_, R"(4403 Forbidden: it is "bad")");
}

TEST_F(LegacyWsTest, AMutationRenewsAndIsAnsweredByDataAndComplete) {
  Acknowledge();
  Receive(R"({"id":"1","type":"start","payload":{"query":"renew"}})");
  EXPECT_EQ(renewals_, std::vector<std::string>{"1 t"});
  protocol_.Answer("1", R"({"data":1})");
  EXPECT_EQ(sent_.front(), R"({"type":"data","id":"1","payload":{"data":1}})");
  EXPECT_EQ(sent_.size(), 2u);
}

TEST_F(LegacyWsTest, AnExpiryIsNotTold) {
  Acknowledge();
  protocol_.NoteExpiry(60);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(LegacyWsTest, AnOperationRunsFromStartToStop) {
  Acknowledge();
  Receive(R"({"id":"1","type":"start","payload":{"query":"q"}})");
  EXPECT_EQ(subscriptions_.count("1"), 1u);
  EXPECT_EQ(protocol_.ResponseHead("1"), R"({"type":"data","id":"1","payload":)");
  Receive(R"({"id":"1","type":"stop"})");
  EXPECT_TRUE(subscriptions_.empty());
  EXPECT_EQ(sent_, Sent{R"({"id":"1","type":"complete"})"});
}

TEST_F(LegacyWsTest, AQueryIsAnsweredByDataAndComplete) {
  Acknowledge();
  Receive(R"({"id":"1","type":"start","payload":{"query":"{now}"}})");
  EXPECT_EQ(sent_, (Sent{R"({"type":"data","id":"1","payload":{"data":{"now":1}}})",
                         R"({"id":"1","type":"complete"})"}));
}

TEST_F(LegacyWsTest, AnErrorHasTheFirstMessageAndAllErrors) {
  Acknowledge();
  Receive(R"({"id":"1","type":"start","payload":{"query":"bad"}})");
  EXPECT_EQ(sent_,
            Sent{R"({"id":"1","type":"error","payload":{"message":"no \"x\"","errors":)"
                 R"([{"message":"no \"x\"","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}},)"
                 R"({"message":"nor y","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}})"});
}

TEST_F(LegacyWsTest, AnIdInUseGoesToTheNewOperation) {
  Acknowledge();
  Receive(R"({"id":"1","type":"start","payload":{"query":"q"}})");
  Receive(R"({"id":"1","type":"start","payload":{"query":"r"}})");
  EXPECT_EQ(subscriptions_.size(), 1u);
  EXPECT_EQ(closed_, "");
}

TEST_F(LegacyWsTest, StartingBeforeTheAcknowledgementIsClosedWith4401) {
  Receive(R"({"id":"1","type":"start","payload":{"query":"q"}})");
  EXPECT_EQ(closed_, "4401 Unauthorized");
}

TEST_F(LegacyWsTest, ConnectionTerminateClosesTheConnection) {
  Acknowledge();
  Receive(R"({"type":"connection_terminate"})");
  EXPECT_EQ(closed_.substr(0, 5), "1000 ");
}

TEST_F(LegacyWsTest, WhatCannotBeUnderstoodIsAnErrorAndTheConnectionStays) {
  Acknowledge();
  for (const char* bad :
       {"{", "[]", R"({"type":"subscribe","id":"1"})", R"({"type":"start","id":"1"})",
        R"({"type":"start","payload":{"query":"q"}})",
        R"({"type":"start","id":"1","payload":{"query":1}})"}) {
    sent_.clear();
    Receive(bad);
    ASSERT_EQ(sent_.size(), 1u) << bad;
    EXPECT_NE(sent_.front().find(R"("type":"error")"), std::string::npos) << bad;
    EXPECT_EQ(closed_, "") << bad;
  }
  EXPECT_TRUE(subscriptions_.empty());
}

}  // namespace
}  // namespace fsubs
