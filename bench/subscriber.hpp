// A graphql-transport-ws client with one subscription, made to cost as little as possible.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "bench/websocket.hpp"
#include "bench/wire.hpp"

namespace fsubs::bench {

// Failures are thrown.
class Subscriber {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // The subscription stands: events committed from now on are its own.
    virtual void OnSubscribed() = 0;
    virtual void OnNext(size_t index, int64_t sequence, int64_t sent_at, int64_t received_at) = 0;
    virtual void OnUnexpected(std::string_view message) = 0;
  };

  // Connects and sends the handshake. Receives the events whose id is `key`, all if it is empty.
  Subscriber(size_t index, const std::string& address, uint16_t port, std::string_view key)
      : index_(index),
        socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        next_prefix_(std::string(kBeforeId) + SubscriptionId(index) + std::string(kAfterId) +
                     std::string(kBeforeSequence)),
        variables_(key.empty() ? "{}" : R"({"id":")" + std::string(key) + "\"}") {
    if (socket_ < 0) ThrowErrno("socket");
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(port);
    if (inet_pton(AF_INET, address.c_str(), &server.sin_addr) != 1) {
      throw std::runtime_error("\"" + address + "\" is not an IPv4 address");
    }
    if (connect(socket_, reinterpret_cast<sockaddr*>(&server), sizeof(server)) != 0) {
      ThrowErrno("connect");
    }
    // Reset at close: ten thousand sockets in TIME_WAIT would use up the ports of the next run.
    const linger reset{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    Send("GET / HTTP/1.1\r\nHost: " + address + ":" + std::to_string(port) +
         "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Key: " +
         std::string(kKey) +
         "\r\n"
         "Sec-WebSocket-Protocol: " +
         std::string(kSubprotocol) + "\r\n\r\n");
  }

  ~Subscriber() { close(socket_); }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  int fd() const { return socket_; }
  uint64_t received_bytes() const { return received_bytes_; }

  // Read what there is, at most as much as `scratch` has room for, and tell `sink`.
  void Receive(std::span<char> scratch, Sink* sink) {
    std::memcpy(scratch.data(), rest_.data(), rest_.size());
    const ssize_t received =
        recv(socket_, scratch.data() + rest_.size(), scratch.size() - rest_.size(), MSG_DONTWAIT);
    if (received < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      ThrowErrno("recv");
    }
    if (received == 0) throw std::runtime_error("the server closed a connection");
    const int64_t now = NowNs();
    std::string_view bytes(scratch.data(), rest_.size() + static_cast<size_t>(received));
    if (state_ == State::kUpgrading && !FinishUpgrade(&bytes)) {
      rest_ = bytes;
      return;
    }
    for (Frame frame; ParseFrame(bytes, &frame);) {
      bytes.remove_prefix(frame.total_length);
      HandleFrame(frame, now, sink);
    }
    rest_ = bytes;
  }

 private:
  enum class State {
    kUpgrading,     // the HTTP response is awaited
    kInitialising,  // connection_ack is awaited
    kSubscribing,   // the pong that says that subscribe has been handled is awaited
    kSubscribed,
  };

  // The example of RFC 6455, section 1.3.
  static constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
  static constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

  [[noreturn]] static void ThrowErrno(const char* call) {
    throw std::system_error(errno, std::generic_category(), call);
  }

  void Send(std::string_view bytes) {
    if (send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(bytes.size())) {
      ThrowErrno("send");
    }
  }

  bool FinishUpgrade(std::string_view* bytes) {
    const size_t end = bytes->find("\r\n\r\n");
    if (end == std::string_view::npos) return false;
    const std::string_view head = bytes->substr(0, end);
    if (!head.starts_with("HTTP/1.1 101") || head.find(kAccept) == std::string_view::npos ||
        head.find(kSubprotocol) == std::string_view::npos) {
      throw std::runtime_error("the server refused the handshake: " + std::string(head));
    }
    bytes->remove_prefix(end + 4);
    Send(MaskedFrame(kText, R"({"type":"connection_init"})"));
    state_ = State::kInitialising;
    return true;
  }

  void HandleFrame(const Frame& frame, int64_t now, Sink* sink) {
    switch (frame.opcode) {
      case kText:
        received_bytes_ += frame.payload.size();
        if (state_ == State::kSubscribed) {
          HandleNext(frame.payload, now, sink);
        } else {
          HandleSetup(frame.payload, sink);
        }
        break;
      case kPing:
        Send(MaskedFrame(kPong, frame.payload));
        break;
      case kClose:
        throw std::runtime_error(
            "the server closed a connection: " +
            std::string(frame.payload.substr(std::min<size_t>(frame.payload.size(), 2))));
      default:
        sink->OnUnexpected(frame.payload);
    }
  }

  void HandleSetup(std::string_view message, Sink* sink) {
    if (state_ == State::kInitialising && message == R"({"type":"connection_ack"})") {
      Send(MaskedFrame(kText, R"({"id":")" + SubscriptionId(index_) +
                                  R"(","type":"subscribe","payload":{"query":)"
                                  R"("subscription($id: ID) { tick(id: $id) )"
                                  R"({ seq sentAt id text } }","variables":)" +
                                  variables_ + "}}") +
           MaskedFrame(kText, R"({"type":"ping"})"));
      state_ = State::kSubscribing;
    } else if (state_ == State::kSubscribing && message == R"({"type":"pong"})") {
      received_bytes_ = 0;
      state_ = State::kSubscribed;
      sink->OnSubscribed();
    } else {
      throw std::runtime_error("unexpected answer: " + std::string(message));
    }
  }

  void HandleNext(std::string_view message, int64_t now, Sink* sink) {
    if (!message.starts_with(next_prefix_)) return sink->OnUnexpected(message);
    const char* const end = message.data() + message.size();
    int64_t sequence = 0, sent_at = 0;
    const auto after = std::from_chars(message.data() + next_prefix_.size(), end, sequence);
    if (after.ec != std::errc{} || !std::string_view(after.ptr, end).starts_with(kBeforeSentAt) ||
        std::from_chars(after.ptr + kBeforeSentAt.size(), end, sent_at).ec != std::errc{}) {
      return sink->OnUnexpected(message);
    }
    sink->OnNext(index_, sequence, sent_at, now);
  }

  size_t index_;
  int socket_;
  State state_ = State::kUpgrading;
  std::string next_prefix_;
  std::string variables_;
  std::string rest_;  // of a frame or handshake not yet complete
  uint64_t received_bytes_ = 0;
};

}  // namespace fsubs::bench
