#include "worker/client/transport_ws.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "worker/socket/close_code.hpp"

namespace fsubs {
namespace {

class TransportWsTest : public testing::Test, public WsProtocolHost {
 protected:
  void Send(About, std::string_view, std::string_view message) override {
    sent_.emplace_back(message);
  }
  void Close(uint16_t code, std::string_view reason) override {
    closed_ = std::to_string(code) + " " + std::string(reason);
  }
  void Authorize(const std::optional<JsonValue>& payload) override {
    ++authorizations_;
    payload_ = payload ? std::string(payload->raw()) : "(none)";
    if (accept_at_once_) machine_->Accept(kAcknowledgement);
  }
  void RenewByPing(std::string_view authorization) override {
    renewals_.push_back("ping " + std::string(authorization));
  }
  void Renew(std::string_view id, RenewalRequest request) override {
    renewals_.push_back(std::string(id) + " " + request.token);
  }
  bool HasSubscription(std::string_view id) const override {
    return subscriptions_.count(std::string(id)) > 0;
  }
  StartResult StartOperation(std::string_view id, const OperationRequest& request) override {
    if (request.query == "bad") {
      return {.kind = StartResult::Kind::kRefused, .errors = {{"no", kErrorBadUserInput}}};
    }
    if (request.query == "{now}") {
      return {.kind = StartResult::Kind::kExecuted, .response = R"({"data":{"now":1}})"};
    }
    if (request.query == "renew") {
      return {.kind = StartResult::Kind::kRenews, .renewal = RenewalRequest{.token = "t"}};
    }
    subscriptions_[std::string(id)] =
        std::string(request.query) + "|" + std::string(request.operation_name.value_or("")) + "|" +
        (request.variables ? std::string(request.variables->raw()) : "");
    return {};
  }
  void StopSubscription(std::string_view id) override { subscriptions_.erase(std::string(id)); }

  void Receive(std::string_view message) { machine_->OnText(message, &tree_); }
  void Acknowledge() {
    Receive(R"({"type":"connection_init"})");
    sent_.clear();
  }
  // The close that one message causes on a fresh, acknowledged connection.
  std::string CloseAfter(std::string_view message) {
    machine_.emplace(this);
    closed_.clear();
    Acknowledge();
    Receive(message);
    return closed_;
  }

  static constexpr std::string_view kAcknowledgement = R"({"connectionId":"1"})";

  std::optional<TransportWs> machine_{std::in_place, this};
  JsonTree tree_;
  std::vector<std::string> sent_;
  std::map<std::string, std::string> subscriptions_;
  std::string closed_;
  std::string payload_;
  std::vector<std::string> renewals_;
  int authorizations_ = 0;
  bool accept_at_once_ = true;
};

using State = TransportWs::State;

TEST_F(TransportWsTest, ConnectionInitIsAcknowledged) {
  Receive(R"({"type":"connection_init","payload":{"token":"x"}})");
  EXPECT_EQ(sent_, std::vector<std::string>{
                       R"({"type":"connection_ack","payload":{"connectionId":"1"}})"});
  EXPECT_EQ(payload_, R"({"token":"x"})");
  EXPECT_EQ(machine_->state(), State::kAcknowledged);
}

TEST_F(TransportWsTest, AuthorizationMayTakeItsTime) {
  accept_at_once_ = false;
  Receive(R"({"type":"connection_init"})");
  EXPECT_EQ(machine_->state(), State::kAuthorizing);
  EXPECT_TRUE(sent_.empty());
  machine_->OnInitTimeout();
  EXPECT_EQ(closed_, "");
  machine_->Accept(kAcknowledgement);
  EXPECT_EQ(machine_->state(), State::kAcknowledged);
}

TEST_F(TransportWsTest, ARefusedClientIsClosedWith4403) {
  accept_at_once_ = false;
  Receive(R"({"type":"connection_init"})");
  machine_->Refuse({});
  EXPECT_EQ(closed_, "4403 Forbidden");
}

TEST_F(TransportWsTest, ARefusedClientIsToldWhy) {
  accept_at_once_ = false;
  Receive(R"({"type":"connection_init"})");
  machine_->Refuse("the token has expired");
  EXPECT_EQ(closed_, "4403 Forbidden: the token has expired");
  machine_->Accept(kAcknowledgement);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(TransportWsTest, WhileItIsDecidedPingsAreAnswered) {
  accept_at_once_ = false;
  Receive(R"({"type":"connection_init"})");
  Receive(R"({"type":"ping"})");
  Receive(R"({"type":"pong"})");
  EXPECT_EQ(sent_, std::vector<std::string>{R"({"type":"pong"})"});
  EXPECT_EQ(machine_->state(), State::kAuthorizing);
}

TEST_F(TransportWsTest, APingWithATokenRenewsAndIsNotEchoed) {
  Acknowledge();
  Receive(R"({"type":"ping","payload":{"authorization":"Bearer t","x":1}})");
  EXPECT_EQ(renewals_, std::vector<std::string>{"ping Bearer t"});
  EXPECT_TRUE(sent_.empty());
  machine_->Pong(R"({"expiresAt":null})");
  EXPECT_EQ(sent_, std::vector<std::string>{R"({"type":"pong","payload":{"expiresAt":null}})"});
}

TEST_F(TransportWsTest, APingWithSomethingElseForATokenIsEchoed) {
  Acknowledge();
  const std::string ping = R"({"type":"ping","payload":{"authorization":7}})";
  Receive(ping);
  EXPECT_EQ(sent_, std::vector<std::string>{R"({"type":"pong","payload":{"authorization":7}})"});
}

TEST_F(TransportWsTest, ThereIsNothingToRenewBeforeTheAcknowledgement) {
  accept_at_once_ = false;
  Receive(R"({"type":"ping","payload":{"authorization":"Bearer t"}})");
  Receive(R"({"type":"connection_init"})");
  Receive(R"({"type":"ping","payload":{"authorization":"Bearer t"}})");
  ASSERT_EQ(sent_.size(), 2u);
  for (const std::string& pong : sent_) EXPECT_EQ(pong.find("Bearer"), std::string::npos);
  EXPECT_TRUE(renewals_.empty());
}

TEST_F(TransportWsTest, AMutationRenewsAndIsAnsweredByNextAndComplete) {
  Acknowledge();
  Receive(R"({"id":"1","type":"subscribe","payload":{"query":"renew"}})");
  EXPECT_EQ(renewals_, std::vector<std::string>{"1 t"});
  EXPECT_TRUE(sent_.empty());
  machine_->Answer("1", R"({"data":1})");
  EXPECT_EQ(sent_, (std::vector<std::string>{R"({"id":"1","type":"next","payload":{"data":1}})",
                                             R"({"id":"1","type":"complete"})"}));
}

TEST_F(TransportWsTest, AnExpiryIsToldByAPing) {
  machine_->NoteExpiry(60);
  EXPECT_TRUE(sent_.empty());
  Acknowledge();
  machine_->NoteExpiry(59);
  EXPECT_EQ(sent_, std::vector<std::string>{R"({"type":"ping","payload":{"expiresIn":59}})"});
}

TEST_F(TransportWsTest, NothingIsSentOnceItIsClosed) {
  Acknowledge();
  machine_->Close(4403, "Token expired");
  machine_->Answer("1", "{}");
  machine_->Pong("{}");
  machine_->NoteExpiry(1);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(TransportWsTest, ASecondConnectionInitIsClosedWith4429) {
  EXPECT_EQ(CloseAfter(R"({"type":"connection_init"})"), "4429 Too many initialisation requests");
  EXPECT_EQ(authorizations_, 1);
  machine_.emplace(this);
  accept_at_once_ = false;
  Receive(R"({"type":"connection_init"})");
  Receive(R"({"type":"connection_init"})");
  EXPECT_EQ(closed_, "4429 Too many initialisation requests");
}

TEST_F(TransportWsTest, SubscribingBeforeTheAcknowledgementIsClosedWith4401) {
  Receive(R"({"id":"1","type":"subscribe","payload":{"query":"q"}})");
  EXPECT_EQ(closed_, "4401 Unauthorized");
  machine_.emplace(this);
  closed_.clear();
  accept_at_once_ = false;
  Receive(R"({"type":"connection_init"})");
  Receive(R"({"id":"1","type":"subscribe","payload":{"query":"q"}})");
  EXPECT_EQ(closed_, "4401 Unauthorized");
}

TEST_F(TransportWsTest, ALateConnectionInitIsClosedWith4408) {
  machine_->OnInitTimeout();
  EXPECT_EQ(closed_, "4408 Connection initialisation timeout");
}

TEST_F(TransportWsTest, TheInitTimeoutMeansNothingOnceInitialised) {
  Acknowledge();
  machine_->OnInitTimeout();
  EXPECT_EQ(closed_, "");
}

TEST_F(TransportWsTest, PingsAreAnsweredInEveryStateWithTheirPayload) {
  Receive(R"({"type":"ping"})");
  Acknowledge();
  Receive(R"({"type":"ping","payload":{"at": 1}})");
  Receive(R"({"type":"pong","payload":{"at":1}})");
  EXPECT_EQ(sent_, std::vector<std::string>{R"({"type":"pong","payload":{"at": 1}})"});
  EXPECT_EQ(closed_, "");
}

TEST_F(TransportWsTest, ASubscriptionStartsWithItsRequest) {
  Acknowledge();
  Receive(
      R"({"id":"1","type":"subscribe","payload":{"query":"q","operationName":"N","variables":{"a":1},"extensions":{}}})");
  EXPECT_EQ(subscriptions_["1"], R"(q|N|{"a":1})");
  EXPECT_TRUE(sent_.empty());
}

TEST_F(TransportWsTest, NullsInASubscribePayloadCountAsMissing) {
  Acknowledge();
  Receive(
      R"({"id":"1","type":"subscribe","payload":{"query":"q","operationName":null,"variables":null,"extensions":null}})");
  EXPECT_EQ(subscriptions_["1"], "q||");
}

TEST_F(TransportWsTest, AFailedSubscribeIsAnErrorMessageAndItsIdIsFree) {
  Acknowledge();
  Receive(R"({"id":"\"1\"","type":"subscribe","payload":{"query":"bad"}})");
  EXPECT_EQ(sent_, std::vector<std::string>{
                       R"({"id":"\"1\"","type":"error","payload":)"
                       R"([{"message":"no","extensions":{"code":"BAD_USER_INPUT"}}]})"});
  Receive(R"({"id":"\"1\"","type":"subscribe","payload":{"query":"q"}})");
  EXPECT_EQ(closed_, "");
}

TEST_F(TransportWsTest, AnIdInUseIsClosedWith4409) {
  Acknowledge();
  Receive(R"({"id":"a","type":"subscribe","payload":{"query":"q"}})");
  Receive(R"({"id":"a","type":"subscribe","payload":{"query":"q"}})");
  EXPECT_EQ(closed_, "4409 Subscriber for a already exists");
}

TEST_F(TransportWsTest, AnIdIsFreeAfterComplete) {
  Acknowledge();
  Receive(R"({"id":"a","type":"subscribe","payload":{"query":"q"}})");
  Receive(R"({"id":"a","type":"complete"})");
  EXPECT_TRUE(subscriptions_.empty());
  Receive(R"({"id":"a","type":"subscribe","payload":{"query":"q"}})");
  EXPECT_EQ(closed_, "");
}

TEST_F(TransportWsTest, CompletingWhatIsGoneIsIgnored) {
  Acknowledge();
  Receive(R"({"id":"gone","type":"complete"})");
  EXPECT_EQ(closed_, "");
  EXPECT_TRUE(sent_.empty());
}

TEST_F(TransportWsTest, WhatOnlyServersSendIsClosedWith4400) {
  for (const char* type : {"connection_ack", "next", "error"}) {
    EXPECT_EQ(CloseAfter(std::string(R"({"type":")") + type + "\"}"),
              std::string("4400 Unexpected message of type ") + type + " received");
  }
}

TEST_F(TransportWsTest, EveryMalformedMessageIsClosedWith4400AndSaysWhy) {
  EXPECT_EQ(CloseAfter("x"), "4400 Invalid message received");
  EXPECT_EQ(CloseAfter("[]"), "4400 Message is expected to be an object, but got array");
  EXPECT_EQ(CloseAfter("{}"), "4400 Message is missing the 'type' property");
  EXPECT_EQ(CloseAfter(R"({"type":1})"),
            "4400 Message is expects the 'type' property to be a string, but got number");
  EXPECT_EQ(CloseAfter(R"({"type":"start"})"), "4400 Invalid message 'type' property \"start\"");
  EXPECT_EQ(CloseAfter(R"({"type":"ping","payload":1})"),
            "4400 \"ping\" message expects the 'payload' property to be an object or nullish or "
            "missing, but got number");
  EXPECT_EQ(
      CloseAfter(R"({"type":"subscribe","payload":{"query":"q"}})"),
      "4400 \"subscribe\" message expects the 'id' property to be a string, but got undefined");
  EXPECT_EQ(CloseAfter(R"({"id":"","type":"subscribe","payload":{"query":"q"}})"),
            "4400 \"subscribe\" message requires a non-empty 'id' property");
  EXPECT_EQ(
      CloseAfter(R"({"id":"1","type":"subscribe","payload":{}})"),
      "4400 \"subscribe\" message payload expects the 'query' property to be a string, but got "
      "undefined");
  EXPECT_EQ(CloseAfter(R"({"id":"1","type":"subscribe","payload":{"query":"q","variables":[]}})")
                .substr(0, 66),
            "4400 \"subscribe\" message payload expects the 'variables' property ");
  EXPECT_EQ(CloseAfter(R"({"id":1,"type":"complete"})"),
            "4400 \"complete\" message expects the 'id' property to be a string, but got number");
}

TEST_F(TransportWsTest, BinaryMessagesAreClosedWith4400) {
  machine_->OnBinary();
  EXPECT_EQ(closed_, "4400 Invalid message received");
}

TEST_F(TransportWsTest, AReasonIsAtMost123BytesAndStaysUtf8) {
  Acknowledge();
  std::string id = "a";
  while (id.size() < 300) id += "\u00e9";
  const std::string subscribe =
      "{\"id\":\"" + id + "\",\"type\":\"subscribe\",\"payload\":{\"query\":\"q\"}}";
  Receive(subscribe);
  Receive(subscribe);
  ASSERT_EQ(closed_.substr(0, 5), "4409 ");
  const std::string reason = closed_.substr(5);
  EXPECT_LE(reason.size(), 123u);
  EXPECT_TRUE(IsUtf8(reason));
}

TEST_F(TransportWsTest, AClosedMachineSaysAndHearsNothing) {
  Acknowledge();
  machine_->Close(kCloseGoingAway, "bye");
  closed_.clear();
  Receive(R"({"type":"ping"})");
  Receive("x");
  machine_->OnBinary();
  machine_->Complete("1");
  machine_->Fail("1", {{"late", kErrorBadRequest}});
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(closed_, "");
}

TEST_F(TransportWsTest, AnIdIsEscapedInTheHeadOfAResponse) {
  EXPECT_EQ(machine_->ResponseHead("a\"\n"), R"({"id":"a\"\n","type":"next","payload":)");
}

TEST_F(TransportWsTest, AQueryIsAnsweredByNextAndComplete) {
  Acknowledge();
  Receive(R"({"id":"1","type":"subscribe","payload":{"query":"{now}"}})");
  EXPECT_EQ(sent_,
            (std::vector<std::string>{R"({"id":"1","type":"next","payload":{"data":{"now":1}}})",
                                      R"({"id":"1","type":"complete"})"}));
  EXPECT_TRUE(subscriptions_.empty());
}

}  // namespace
}  // namespace fsubs
