// A graphql-transport-ws client that costs as little as possible.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "bench/tls_client.hpp"
#include "bench/websocket.hpp"
#include "bench/wire.hpp"

namespace fsubs::bench {

// Failures are thrown.
class Subscriber {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // A client's subscriptions stand: it is to receive what is committed from now on.
    virtual void OnSubscribed() = 0;
    virtual void OnNext(size_t subscription, int64_t sequence, int64_t sent_at,
                        int64_t received_at) = 0;
    virtual void OnUnexpected(std::string_view message) = 0;
  };

  // Alike for all subscribers of a run.
  struct Options {
    std::string address = "127.0.0.1";
    uint16_t port = 4000;
    SSL_CTX* tls = nullptr;   // null: without TLS
    bool filtered = false;    // each subscription is to the events of one id, instead of to all
    std::string field;        // with its arguments; empty: that whose argument is the id
    bool any_layout = false;  // messages may have their members in any order, and spaces
  };

  // Connects and sends the handshake. The client will present the token, unless it is empty, and
  // have `count` subscriptions with the numbers `first`, `first + stride` and so on, each to the
  // events whose id is its number, or with `filtered` unset to all events. REQUIRES: first <
  // stride; options and token outlive the subscriber; with `filtered` and a `field` that field's
  // rules choose the events.
  Subscriber(size_t first, size_t count, size_t stride, const Options& options,
             std::string_view token)
      : first_(first),
        count_(count),
        stride_(stride),
        options_(options),
        token_(token),
        socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (socket_ < 0) ThrowErrno("socket");
    const std::string& address = options.address;
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(options.port);
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
    if (options.tls != nullptr) {
      session_ = MakeTlsSession(options.tls, socket_);
      if (SSL_do_handshake(session_.get()) != 1) {
        throw std::runtime_error("the TLS handshake failed");
      }
    }
    fcntl(socket_, F_SETFL, O_NONBLOCK);
    Send("GET / HTTP/1.1\r\nHost: " + address + ":" + std::to_string(options.port) +
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
    const size_t received = Read(scratch.subspan(rest_.size()));
    if (received == 0) return;
    const int64_t now = NowNs();
    std::string_view bytes(scratch.data(), rest_.size() + received);
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

  // Returns 0 if there is nothing yet. What TLS has decrypted no socket tells of, so all of it is
  // taken.
  size_t Read(std::span<char> to) {
    if (!session_) {
      const ssize_t received = recv(socket_, to.data(), to.size(), 0);
      if (received == 0) throw std::runtime_error("the server closed a connection");
      if (received < 0 && errno != EAGAIN && errno != EINTR) ThrowErrno("recv");
      return received < 0 ? 0 : static_cast<size_t>(received);
    }
    size_t total = 0;
    for (;;) {
      size_t length = 0;
      if (SSL_read_ex(session_.get(), to.data() + total, to.size() - total, &length) != 1) break;
      total += length;
      if (total == to.size()) throw std::runtime_error("more came than can be read at a time");
    }
    if (SSL_get_error(session_.get(), 0) != SSL_ERROR_WANT_READ) {
      throw std::runtime_error("the server closed a connection");
    }
    return total;
  }

  void Send(std::string_view bytes) {
    if (session_) {
      size_t sent = 0;
      if (SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &sent) != 1) {
        throw std::runtime_error("the server takes nothing");
      }
      return;
    }
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
    std::string init = R"({"type":"connection_init")";
    if (!token_.empty()) init += R"(,"payload":{"authToken":")" + std::string(token_) + "\"}";
    Send(MaskedFrame(kText, init + "}"));
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
    if (state_ == State::kInitialising && IsOfType("connection_ack", message)) {
      std::string requests;
      for (size_t i = 0; i < count_; ++i) {
        requests += MaskedFrame(kText, Request(first_ + i * stride_));
      }
      Send(requests + MaskedFrame(kText, R"({"type":"ping"})"));
      state_ = State::kSubscribing;
    } else if (state_ == State::kSubscribing && IsOfType("pong", message)) {
      received_bytes_ = 0;
      state_ = State::kSubscribed;
      sink->OnSubscribed();
    } else {
      throw std::runtime_error("unexpected answer: " + std::string(message));
    }
  }

  std::string Request(size_t subscription) const {
    std::string selected = "($id: ID) { tick(id: $id)";
    std::string variables = "{}";
    if (!options_.field.empty()) {
      selected = " { tick: ";
      for (const char c : options_.field) selected += c == '"' ? R"(\")" : std::string(1, c);
    } else if (options_.filtered) {
      variables = R"({"id":")" + std::to_string(subscription) + "\"}";
    }
    return R"({"id":")" + SubscriptionId(subscription) +
           R"(","type":"subscribe","payload":{"query":"subscription)" + selected +
           R"( { seq sentAt id text } }","variables":)" + variables + "}}";
  }

  void HandleNext(std::string_view message, int64_t now, Sink* sink) {
    size_t subscription = 0;
    int64_t sequence = 0, sent_at = 0;
    if (options_.any_layout) {
      if (std::string_view rest;
          IsOfType("next", message) && TakeMember(R"("id":)", message, &rest) &&
          Take("\"", &rest) && TakeSubscriptionId(&rest, &subscription) &&
          TakeMember(R"("seq":)", message, &rest) && TakeNumber(&rest, &sequence) &&
          TakeMember(R"("sentAt":)", message, &rest) && Take("\"", &rest) &&
          TakeNumber(&rest, &sent_at) && IsOwn(subscription)) {
        return sink->OnNext(subscription, sequence, sent_at, now);
      }
      return sink->OnUnexpected(message);
    }
    if (std::string_view rest = message;
        Take(kBeforeId, &rest) && TakeSubscriptionId(&rest, &subscription) &&
        Take(kAfterId, &rest) && Take(kBeforeSequence, &rest) && TakeNumber(&rest, &sequence) &&
        Take(kBeforeSentAt, &rest) && TakeNumber(&rest, &sent_at) && IsOwn(subscription)) {
      sink->OnNext(subscription, sequence, sent_at, now);
    } else {
      sink->OnUnexpected(message);
    }
  }

  bool IsOfType(std::string_view type, std::string_view message) const {
    if (!options_.any_layout) {
      return message.starts_with(R"({"type":")" + std::string(type) + '"');
    }
    std::string_view rest;
    return TakeMember(R"("type":)", message, &rest) && Take("\"", &rest) && Take(type, &rest) &&
           Take("\"", &rest);
  }

  bool IsOwn(size_t subscription) const {
    return subscription % stride_ == first_ && subscription / stride_ < count_;
  }

  // Each removes what it has recognised from the front of `rest`.
  static bool Take(std::string_view text, std::string_view* rest) {
    if (!rest->starts_with(text)) return false;
    rest->remove_prefix(text.size());
    return true;
  }

  // Leaves in `rest` what begins with the value of the first member of that name. With the events
  // and ids of a benchmark no text looks like a name.
  static bool TakeMember(std::string_view name, std::string_view message, std::string_view* rest) {
    const size_t at = message.find(name);
    if (at == std::string_view::npos) return false;
    *rest = message.substr(at + name.size());
    while (rest->starts_with(' ')) rest->remove_prefix(1);
    return true;
  }

  static bool TakeNumber(std::string_view* rest, int64_t* number) {
    const auto [end, error] = std::from_chars(rest->data(), rest->data() + rest->size(), *number);
    rest->remove_prefix(static_cast<size_t>(end - rest->data()));
    return error == std::errc{};
  }

  static bool TakeSubscriptionId(std::string_view* rest, size_t* subscription) {
    const std::string_view id = rest->substr(0, kSubscriptionIdLength);
    rest->remove_prefix(id.size());
    return ParseSubscriptionId(id, subscription);
  }

  size_t first_;
  size_t count_;
  size_t stride_;
  const Options& options_;
  std::string_view token_;
  int socket_;
  TlsSessionPtr session_;  // null: without TLS
  State state_ = State::kUpgrading;
  std::string rest_;  // of a frame or handshake not yet complete
  uint64_t received_bytes_ = 0;
};

}  // namespace fsubs::bench
