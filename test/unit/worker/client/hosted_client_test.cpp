// A client whose transport is a link and no socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/worker/client/fake_host.hpp"
#include "worker/client/ws_client.hpp"

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Shows what it is to say: the kind, the operation, the sequence.
class FakeTransport final : public WsTransport {
 public:
  Outbox::Result Append(const WsMessage& message, size_t, Outbox*) override {
    static constexpr const char* kNames[] = {"message", "response", "end",    "ping",
                                             "pong",    "close",    "started"};
    std::string told = kNames[static_cast<int>(message.kind)];
    if (message.kind == WsMessage::Kind::kResponse) {
      told += " " + std::string(message.head.substr(0, message.head.find('|')));
    }
    if (!message.id.empty()) told += " " + std::string(message.id);
    if (message.sequence != 0) told += " " + std::to_string(message.sequence);
    if (message.code != 0) told += " " + std::to_string(message.code);
    said.push_back(told);
    text = std::string(message.head).append(message.body).append(message.tail);
    return Outbox::Result::kAppended;
  }
  std::string HeadOf(std::string_view id) const override { return std::string(id) + "|"; }
  bool is_hosted() const override { return true; }
  WriteResult Write(std::string_view) override { return WriteResult::kSent; }
  size_t pending() const override { return 0; }
  size_t unacknowledged() const override { return 0; }
  void SetReading(bool) override {}
  void ExpectClose() override {}
  void Abort() override {}
  std::string Peer() const override { return "192.0.2.1:1"; }

  std::vector<std::string> said;
  std::string text;  // of the last message
};

class HostedClientTest : public testing::Test {
 protected:
  HostedClientTest() { host_.Serve(kServedSnapshot); }

  void Open(std::optional<std::string> claims = std::nullopt) {
    HttpRequest handshake;
    handshake.authorization = "Basic dTpw";
    client_.emplace(&host_, &transport_, 1, "graphql-transport-ws", std::move(handshake),
                    std::move(claims));
  }
  void LogIn() {
    Open("{}");
    client_->OnText(R"({"type":"connection_init"})");
    transport_.said.clear();
  }
  static std::string Subscribe(const std::string& id) {
    return R"({"type":"subscribe","id":")" + id +
           R"(","payload":{"query":"subscription { orderUpdated { id } }"}})";
  }

  FakeHost host_;
  FakeTransport transport_;
  std::optional<WsClient> client_;
};

TEST_F(HostedClientTest, IsWhomItsHostVouchesForWhateverItPresents) {
  Open(R"({"sub":"alice"})");
  client_->OnText(R"({"type":"connection_init","payload":{"token":"some"}})");
  EXPECT_THAT(host_.vouched, ElementsAre(R"({"sub":"alice"})"));
  EXPECT_THAT(host_.presented, IsEmpty());
  EXPECT_THAT(transport_.text, HasSubstr("connection_ack"));
}

TEST_F(HostedClientTest, PresentsItselfWhereNobodyVouches) {
  Open();
  client_->OnText(R"({"type":"connection_init","payload":{"token":"some"}})");
  ASSERT_EQ(host_.presented.size(), 1u);
  EXPECT_EQ(host_.presented[0].token, "some");
  EXPECT_THAT(host_.vouched, IsEmpty());
}

TEST_F(HostedClientTest, SaysWhatEachMessageIsAbout) {
  LogIn();
  host_.next_position = 64;
  client_->OnText(Subscribe("a"));
  host_.Publish("orders", R"({"id":1})");
  client_->OnText(R"({"type":"ping"})");
  client_->OnText(R"({"type":"subscribe","id":"q","payload":{"query":"{ __typename }"}})");
  client_->OnText(R"({"type":"subscribe","id":"e","payload":{"query":"{ nothing }"}})");
  client_->Drain();
  EXPECT_THAT(transport_.said, ElementsAre("started a 63", "response a 9", "message", "response q",
                                           "end q", "end e", "close 1001"));
}

TEST_F(HostedClientTest, AResumedMessageThatWaitsForTheCatalogIsStillThatOne) {
  LogIn();
  std::vector<uint64_t> looked_for;
  host_.find_behind = [&](uint64_t sequence) {
    looked_for.push_back(sequence);
    return std::optional<ClientHost::Continuation>();
  };
  host_.holds = true;
  const std::vector<std::pair<uint64_t, std::string>> messages = {
      {0, R"({"type":"ping"})"}, {5, Subscribe("a")}, {0, Subscribe("b")}, {7, Subscribe("c")}};
  for (const auto& [sequence, message] : messages) {
    if (sequence == 0) {
      client_->OnText(message);
    } else {
      client_->OnResume(sequence, message);
    }
  }
  for (const auto& [sequence, message] : messages) client_->Handle(message);
  EXPECT_THAT(looked_for, ElementsAre(5, 7));
  // No message after them is.
  host_.holds = false;
  client_->OnText(Subscribe("d"));
  EXPECT_THAT(looked_for, ElementsAre(5, 7));
}

TEST_F(HostedClientTest, APingSaysUpToWhereItHasAll) {
  LogIn();
  host_.next_position = 640;
  client_->OnKeepalive();
  EXPECT_THAT(transport_.said, ElementsAre("ping 80"));
}

}  // namespace
}  // namespace fsubs
