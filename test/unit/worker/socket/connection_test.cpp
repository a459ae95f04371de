#include "worker/socket/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "test/unit/worker/socket/memory_stream.hpp"
#include "test/unit/worker/test_loop.hpp"
#include "worker/socket/close_code.hpp"
#include "worker/socket/ws_frame.hpp"

namespace fsubs {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kHandshake =
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// A masked text frame without payload.
constexpr std::string_view kText("\x81\x80\0\0\0\0", 6);

std::string CloseFrame(uint16_t code, std::string_view reason) {
  std::string frame;
  const std::string payload = CloseCodeBytes(code).append(reason);
  AppendFrameHeader(Opcode::kClose, payload.size(), &frame);
  return frame + payload;
}

struct ThrowingWsPeer final : WsPeer {
  void OnText(std::string_view) override { throw std::runtime_error("of the test"); }
  void OnBinary() override {}
  void OnTooBig() override {}
  void OnPing(std::string_view) override {}
  void OnClose(uint16_t, std::string_view) override {}
  void OnHeard() override {}
  void OnWritable() override {}
};

struct ThrowingHttpPeer final : HttpPeer {
  void OnRequest(HttpRequest) override { throw 1; }
  void OnWritable() override {}
};

// Replies with whether the connection may have one request an hour.
struct CountingHttpPeer final : HttpPeer {
  explicit CountingHttpPeer(HttpSocket its_socket) : socket(its_socket) {}
  void OnRequest(HttpRequest) override {
    const LimitValue rate{.count = 1, .burst = 1, .period_us = 3'600'000'000};
    const auto retry_after_s = socket.CountRequest(rate, 0);
    HttpReply reply;
    reply.body = retry_after_s ? "after " + std::to_string(*retry_after_s) + " s\n" : "yes\n";
    socket.Reply(std::move(reply));
  }
  void OnWritable() override {}

  HttpSocket socket;
};

struct Host final : SocketServerHost {
  std::optional<HttpReply> OnUpgrade(const HttpRequest&) override { return refuses_with; }
  std::unique_ptr<WsPeer> OnOpen(WsTransport*, std::string_view, HttpRequest) override {
    if (open_throws) throw std::bad_alloc();
    return std::make_unique<ThrowingWsPeer>();
  }
  std::unique_ptr<HttpPeer> OnHttp(HttpSocket socket) override {
    if (counts_requests) return std::make_unique<CountingHttpPeer>(socket);
    return std::make_unique<ThrowingHttpPeer>();
  }
  size_t max_message_size() const override { return 1024; }
  bool wants_headers() const override { return true; }
  PeerLimits peer_limits() const override { return {}; }
  void OnPeerRefused() override {}
  HttpReply OnPeerLimited(const HttpRequest&, const std::string&, const PeerRefusal&) override {
    return {};
  }
  void OnHandshakeFailed() override {}

  std::optional<HttpReply> refuses_with;
  bool open_throws = false;
  bool counts_requests = false;
};

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    context_.reset(
        new ConnectionContext{&host_, {}, Deadlines(loop_.get()), SoonList(loop_.get())});
    const sockaddr_storage address{.ss_family = AF_INET};
    connection_ = std::make_unique<Connection>(context_.get(), &stream_,
                                               *peers_.Admit(address, PeerLimits(), 0));
  }

  void Send(std::string_view text) {
    std::string bytes(text);
    connection_->OnBytes({reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()});
  }

  Host host_;
  PeerCounts peers_;
  std::unique_ptr<ConnectionContext> context_;
  TestLoop loop_;
  MemoryStream stream_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(ConnectionTest, ARequestWhoseOwnerThrowsIsAnsweredBy500AndTheEnd) {
  Send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(stream_.sent(), StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
  EXPECT_THAT(stream_.sent(), HasSubstr("connection: close\r\n"));
  EXPECT_THAT(stream_.sent(), EndsWith("\r\n\r\nInternal Server Error\n"));
  EXPECT_TRUE(stream_.shut());
  EXPECT_FALSE(stream_.closed()) << "before the peer has read it";
  connection_->OnEnd();
  EXPECT_TRUE(stream_.closed());
}

TEST_F(ConnectionTest, RequestsOfAConnectionAreCountedTogether) {
  host_.counts_requests = true;
  const auto replies = [&](std::string_view body) {
    return stream_.sent().ends_with("\r\n\r\n" + std::string(body));
  };
  Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  loop_.RunUntil([&] { return replies("yes\n"); });
  Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  loop_.RunUntil([&] { return replies("after 3600 s\n"); });
}

TEST_F(ConnectionTest, AWebSocketWhoseOwnerThrowsIsClosedWith4500) {
  Send(std::string(kHandshake).append(kText).append(kText));
  EXPECT_THAT(stream_.sent(), StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(stream_.sent(), EndsWith("\r\n\r\n" + CloseFrame(kCloseInternalServerError,
                                                               "Internal server error")));
  EXPECT_TRUE(stream_.shut());
}

TEST_F(ConnectionTest, AWebSocketThatCannotBeOpenedIsCutOff) {
  host_.open_throws = true;
  Send(kHandshake);
  EXPECT_TRUE(stream_.closed());
}

TEST_F(ConnectionTest, AHandshakeIsRefusedWithTheHostsReply) {
  host_.refuses_with = {.status = kHttpServiceUnavailable, .body = "not now"};
  Send(kHandshake);
  EXPECT_THAT(stream_.sent(), AllOf(StartsWith("HTTP/1.1 503 Service Unavailable\r\n"),
                                    HasSubstr("\r\n\r\nnot now")));
  EXPECT_TRUE(stream_.shut());
}

TEST_F(ConnectionTest, WhatAPeerHasNotReadLeavesBeforeTheEnd) {
  stream_.SetStuck(true);
  Send("nonsense\r\n\r\n");
  EXPECT_EQ(stream_.sent(), "");
  EXPECT_FALSE(stream_.shut());
  stream_.SetStuck(false);
  ASSERT_TRUE(stream_.Drain());
  connection_->OnWritable();
  EXPECT_THAT(stream_.sent(), StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(stream_.shut());
}

TEST_F(ConnectionTest, ThoseThatAskForNothingAreFoundOldestFirst) {
  EXPECT_EQ(context_->deadlines.Longest(DeadlineKind::kIdle), nullptr);
  Timed* const waiting = context_->deadlines.Longest(DeadlineKind::kHead);
  ASSERT_NE(waiting, nullptr);
  waiting->GiveWay();
  EXPECT_TRUE(stream_.closed());
  EXPECT_EQ(context_->deadlines.Longest(DeadlineKind::kHead), nullptr);
}

}  // namespace
}  // namespace fsubs
