#include "worker/client/ws_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/worker/client/fake_host.hpp"
#include "test/unit/worker/socket/memory_stream.hpp"
#include "test/unit/worker/test_loop.hpp"
#include "worker/socket/connection.hpp"
#include "worker/socket/ws_session.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;

class WsClientTest : public testing::Test, private SocketServerHost {
 protected:
  WsClientTest() {
    context_.reset(new ConnectionContext{this, {}, Deadlines(loop_.get()), SoonList(loop_.get())});
    const sockaddr_storage address{.ss_family = AF_INET};
    connection_ = std::make_unique<Connection>(context_.get(), &stream_,
                                               *peers_.Admit(address, PeerLimits(), 0));
    session_ = std::make_unique<WsSession>(connection_.get(), kTransportWs, HttpRequest());
    host_.mutable_options()->max_connection_memory = 1000;
    host_.mutable_options()->allow_anonymous = true;
  }

  // What was written since the last call.
  std::string Written() {
    host_.FlushAll();
    const std::string written = stream_.sent().substr(read_);
    read_ = stream_.sent().size();
    return written;
  }

  static std::shared_ptr<Identity> Make(const std::string& user) {
    auto identity = std::make_shared<Identity>();
    identity->is_anonymous = false;
    identity->issuer = "i";
    identity->user = user;
    EXPECT_TRUE(identity->claims.ParseCopy("{}"));
    return identity;
  }

  // Connects `user`, whose log-ins from then on wait for an answer.
  void LogIn(std::shared_ptr<const Identity> identity) {
    host_.Serve(kServedSnapshot);
    host_.identify = [identity](Client* client) { client->OnAuthenticated(identity, {}); };
    client_->OnText(R"({"type":"connection_init","payload":{"token":"first"}})");
    host_.identify = [](Client*) {};
    Written();
  }

  void Renew(const std::string& id, const std::string& query) {
    client_->OnText(R"({"type":"subscribe","id":")" + id + R"(","payload":{"query":")" + query +
                    "\"}}");
  }

  static constexpr char kRenewingPing[] =
      R"({"type":"ping","payload":{"authorization":"Bearer second"}})";
  static constexpr char kRenewal[] =
      R"(mutation { r: fraiseqlRenew(token: \"second\") { expiresAt } })";

  std::string Ping(size_t bytes) {
    return R"({"type":"ping","payload":{"x":")" + std::string(bytes, 'x') + "\"}}";
  }

  FakeHost host_;
  PeerCounts peers_;
  std::unique_ptr<ConnectionContext> context_;
  TestLoop loop_;
  MemoryStream stream_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<WsSession> session_;
  WsClient* client_ = nullptr;
  size_t read_ = 0;  // bytes of what was written

 private:
  std::optional<HttpReply> OnUpgrade(const HttpRequest&) override { return {}; }
  std::unique_ptr<WsPeer> OnOpen(WsTransport* socket, std::string_view subprotocol,
                                 HttpRequest handshake) override {
    auto client = std::make_unique<WsClient>(&host_, socket, 1, subprotocol, std::move(handshake));
    client_ = client.get();
    return client;
  }
  std::unique_ptr<HttpPeer> OnHttp(HttpSocket) override { return nullptr; }
  size_t max_message_size() const override { return 64 * 1024; }
  bool wants_headers() const override { return true; }
  PeerLimits peer_limits() const override { return {}; }
  void OnPeerRefused() override {}
  HttpReply OnPeerLimited(const HttpRequest&, const std::string&, const PeerRefusal&) override {
    return {};
  }
  void OnHandshakeFailed() override {}
};

TEST_F(WsClientTest, IsNotReadWhileTooMuchOfItWaitsForTheCatalog) {
  host_.holds = true;
  client_->OnText(Ping(100));
  EXPECT_TRUE(stream_.reading());
  client_->OnText(Ping(1000));
  EXPECT_FALSE(stream_.reading());
  client_->Handle(Ping(100));
  EXPECT_FALSE(stream_.reading());
  client_->Handle(Ping(1000));
  EXPECT_TRUE(stream_.reading());
}

TEST_F(WsClientTest, SilenceIsNotHeldAgainstOneThatIsNotRead) {
  host_.holds = true;
  client_->OnText(Ping(1000));
  for (int i = 0; i < 3; ++i) client_->OnKeepalive();
  EXPECT_EQ(host_.counters()->keepalive_timeouts.get(), 0u);
  client_->Handle(Ping(1000));
  for (int i = 0; i < 2; ++i) {
    host_.FlushAll();
    client_->OnKeepalive();
  }
  EXPECT_EQ(host_.counters()->keepalive_timeouts.get(), 1u);
}

TEST_F(WsClientTest, OneThatIsClosedIsReadUpToItsAnswer) {
  host_.holds = true;
  client_->OnText(Ping(1000));
  EXPECT_FALSE(stream_.reading());
  client_->Drain();
  EXPECT_TRUE(stream_.reading());
}

TEST_F(WsClientTest, TheAcknowledgementTellsTheConnectionAndItsEnd) {
  auto identity = Make("u");
  identity->expires_at_us = 1'700'000'000'250'000;
  host_.Serve(kServedSnapshot);
  host_.identify = [&](Client* client) { client->OnAuthenticated(identity, {}); };
  client_->OnText(R"({"type":"connection_init","payload":{"token":"t"}})");
  EXPECT_EQ(host_.presented.front().token, "t");
  EXPECT_THAT(
      Written(),
      HasSubstr(R"("payload":{"connectionId":"1","expiresAt":"2023-11-14T22:13:20.250000Z"}})"));
}

TEST_F(WsClientTest, AnAnonymousClientsIdentityDoesNotEnd) {
  host_.Serve(kServedSnapshot);
  client_->OnText(R"({"type":"connection_init"})");
  EXPECT_THAT(Written(), HasSubstr(R"("payload":{"connectionId":"1","expiresAt":null}})"));
}

TEST_F(WsClientTest, WhatCannotBeCredentialsIsRefusedAlsoWhereAnonymousClientsAreLetIn) {
  host_.Serve(kServedSnapshot);
  client_->OnText(R"({"type":"connection_init","payload":{"authorization":"Basic dTpw"}})");
  EXPECT_THAT(Written(), HasSubstr("Forbidden: the scheme of the credentials is not Bearer"));
  EXPECT_TRUE(host_.presented.empty());
  const auto malformed = static_cast<size_t>(LoginRefusal::kMalformed);
  EXPECT_EQ(host_.counters()->logins_refused[malformed].get(), 1u);
}

TEST_F(WsClientTest, APingWithAnotherTokenMovesTheEnd) {
  LogIn(Make("u"));
  client_->OnText(kRenewingPing);
  EXPECT_EQ(host_.presented.back().token, "second");
  EXPECT_EQ(Written(), "");
  size_t watched = 0;
  host_.watch_expiry = [&](Client*) { ++watched; };
  auto next = Make("u");
  next->expires_at_us = 1'700'000'000'000'000;
  client_->OnAuthenticated(next, {});
  EXPECT_THAT(
      Written(),
      HasSubstr(R"({"type":"pong","payload":{"expiresAt":"2023-11-14T22:13:20.000000Z"}})"));
  EXPECT_EQ(watched, 1u);
}

TEST_F(WsClientTest, AMutationDoesTheSame) {
  LogIn(Make("u"));
  Renew("7", kRenewal);
  EXPECT_EQ(host_.presented.back().token, "second");
  client_->OnAuthenticated(Make("u"), {});
  const std::string written = Written();
  EXPECT_THAT(written,
              HasSubstr(R"({"id":"7","type":"next","payload":{"data":{"r":{"expiresAt":null}}}})"));
  EXPECT_THAT(written, HasSubstr(R"({"id":"7","type":"complete"})"));
}

TEST_F(WsClientTest, ARefusedRenewalChangesNothing) {
  LogIn(Make("u"));
  client_->OnText(kRenewingPing);
  client_->OnAuthenticated(nullptr, "the token has expired");
  EXPECT_THAT(Written(), HasSubstr(R"("payload":{"error":"the token has expired"}})"));
  Renew("7", kRenewal);
  client_->OnAuthenticated(nullptr, "the token has expired");
  EXPECT_THAT(Written(), HasSubstr(R"("data":null,"errors":[{"message":"The token is refused: the )"
                                   R"(token has expired.",)"));
  client_->OnText(R"({"type":"ping"})");
  EXPECT_THAT(Written(), HasSubstr("pong"));
}

TEST_F(WsClientTest, ARenewalMakesNobodyElseOfAClient) {
  LogIn(Make("u"));
  client_->OnText(kRenewingPing);
  client_->OnAuthenticated(Make("v"), {});
  EXPECT_THAT(Written(), HasSubstr(R"({"error":"the token is another user's"})"));
  const auto other = static_cast<size_t>(LoginRefusal::kOtherIdentity);
  EXPECT_EQ(host_.counters()->logins_refused[other].get(), 1u);
  client_->OnText(kRenewingPing);
  client_->OnAuthenticated(Make("u"), {});
  EXPECT_THAT(Written(), HasSubstr(R"({"expiresAt":null})"));
}

TEST_F(WsClientTest, AnAnonymousClientHasNothingToRenew) {
  host_.Serve(kServedSnapshot);
  client_->OnText(R"({"type":"connection_init"})");
  Written();
  client_->OnText(kRenewingPing);
  EXPECT_THAT(Written(), HasSubstr("a client without a token has none to renew"));
  EXPECT_EQ(host_.presented.size(), 1u);
}

TEST_F(WsClientTest, OneRenewalIsUnderWayAtATime) {
  LogIn(Make("u"));
  client_->OnText(kRenewingPing);
  client_->OnText(kRenewingPing);
  EXPECT_THAT(Written(), HasSubstr(R"({"error":"another renewal is under way"})"));
  Renew("7", kRenewal);
  EXPECT_THAT(Written(), HasSubstr("another renewal is under way"));
  EXPECT_EQ(host_.presented.size(), 2u);
  client_->OnAuthenticated(Make("u"), {});
  EXPECT_THAT(Written(), HasSubstr(R"({"expiresAt":null})"));
}

TEST_F(WsClientTest, ARenewalWithoutATokenIsRefused) {
  LogIn(Make("u"));
  client_->OnText(R"({"type":"ping","payload":{"authorization":""}})");
  EXPECT_THAT(Written(), HasSubstr(R"({"error":"there is no token"})"));
  client_->OnText(R"({"type":"ping","payload":{"authorization":"Basic x"}})");
  EXPECT_THAT(Written(), HasSubstr("is not Bearer"));
  EXPECT_EQ(host_.presented.size(), 1u);
}

TEST_F(WsClientTest, ARenewalThatWasStoppedIsNotAnsweredButCounts) {
  LogIn(Make("u"));
  Renew("7", kRenewal);
  client_->OnText(R"({"type":"complete","id":"7"})");
  auto next = Make("u");
  next->roles = {"r"};
  client_->OnAuthenticated(next, {});
  EXPECT_EQ(Written(), "");
  client_->OnText(kRenewingPing);
  EXPECT_EQ(host_.presented.size(), 3u);
}

TEST_F(WsClientTest, TheIdOfARenewalThatIsUnderWayIsInUse) {
  LogIn(Make("u"));
  Renew("7", kRenewal);
  Renew("7", "{ serverVersion }");
  EXPECT_THAT(Written(), HasSubstr("Subscriber for 7 already exists"));
}

TEST_F(WsClientTest, WhatTheFunctionSawIsShownToItAgainWithTheNextToken) {
  host_.mutable_options()->authenticate = "f";
  host_.Serve(kServedSnapshot);
  auto identity = Make("u");
  host_.identify = [&](Client* client) { client->OnAuthenticated(identity, {}); };
  const std::string payload = R"({"token":"first","headers":{"x-hasura-role":"r"}})";
  client_->OnText(R"({"type":"connection_init","payload":)" + payload + "}");
  client_->OnText(kRenewingPing);
  ASSERT_EQ(host_.presented.size(), 2u);
  EXPECT_EQ(host_.presented[1].token, "second");
  // Without the first token.
  EXPECT_EQ(host_.presented[1].init_payload, R"({"headers":{"x-hasura-role":"r"}})");
  EXPECT_EQ(host_.presented[1].requested_role, "r");
}

TEST_F(WsClientTest, AnAnswerThatComesAfterTheEndMeansNothing) {
  LogIn(Make("u"));
  client_->OnText(kRenewingPing);
  EXPECT_TRUE(client_->Disconnect(4403, "Token expired"));
  EXPECT_FALSE(client_->Disconnect(4403, "Token expired"));
  EXPECT_THAT(Written(), HasSubstr("Token expired"));
  client_->OnAuthenticated(Make("u"), {});
  EXPECT_EQ(Written(), "");
}

TEST_F(WsClientTest, TurningAnonymousClientsOffEndsNobodyElse) {
  LogIn(Make("u"));
  host_.mutable_options()->allow_anonymous = false;
  client_->OnOptionsChanged();
  EXPECT_EQ(Written(), "");
}

TEST_F(WsClientTest, TurningAnonymousClientsOffEndsThem) {
  host_.Serve(kServedSnapshot);
  client_->OnText(R"({"type":"connection_init"})");
  Written();
  host_.mutable_options()->allow_anonymous = false;
  client_->OnOptionsChanged();
  EXPECT_THAT(Written(), HasSubstr("Forbidden"));
}

TEST_F(WsClientTest, WhoWasLetInByTheFunctionAloneIsEndedWithIt) {
  auto vouched = std::make_shared<Identity>();
  vouched->is_anonymous = false;
  EXPECT_TRUE(vouched->claims.ParseCopy("{}"));
  LogIn(vouched);
  client_->OnFunctionChanged();
  EXPECT_THAT(Written(), HasSubstr("Forbidden"));
}

TEST_F(WsClientTest, AnotherFunctionLeavesThoseWithATokenAndAnonymousOnes) {
  LogIn(Make("u"));
  client_->OnFunctionChanged();
  EXPECT_EQ(Written(), "");
  FakeClient anonymous(&host_, 2);
  anonymous.OnFunctionChanged();
  EXPECT_EQ(anonymous.disconnected, "");
}

TEST_F(WsClientTest, AClientWhoseIssuerIsGoneIsEnded) {
  LogIn(Make("u"));
  client_->OnCatalog(*host_.catalog());
  EXPECT_THAT(Written(), HasSubstr("Forbidden"));
}

}  // namespace
}  // namespace fsubs
