#include "worker/client/ws_client.hpp"

#include <gtest/gtest.h>

#include "test/unit/worker/client/fake_host.hpp"
#include "test/unit/worker/socket/memory_stream.hpp"
#include "test/unit/worker/test_loop.hpp"
#include "worker/socket/connection.hpp"
#include "worker/socket/ws_session.hpp"

namespace fsubs {
namespace {

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

 private:
  std::optional<HttpReply> OnUpgrade(const HttpRequest&) override { return {}; }
  std::unique_ptr<WsPeer> OnOpen(WsSocket socket, std::string_view subprotocol,
                                 HttpRequest handshake) override {
    auto client = std::make_unique<WsClient>(&host_, socket, 1, subprotocol, std::move(handshake));
    client_ = client.get();
    return client;
  }
  std::unique_ptr<HttpPeer> OnHttp(HttpSocket) override { return nullptr; }
  size_t max_message_size() const override { return 64 * 1024; }
  PeerLimits peer_limits() const override { return {}; }
  void OnPeerRefused() override {}
  HttpReply OnPeerLimited(const HttpRequest&, const PeerRefusal&) override { return {}; }
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

}  // namespace
}  // namespace fsubs
