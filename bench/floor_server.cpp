// The least a server can do: WebSocket clients that subscribed get ready-made messages, fed by
// NOTIFY. It knows no GraphQL and no JSON. Benchmarks compare with it.
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "bench/floor_messages.hpp"
#include "bench/websocket.hpp"
#include "bench/wire.hpp"
#include "worker/socket/ws_frame.hpp"

namespace fsubs::bench {
namespace {

enum class SendForm {
  kEach,    // one send() per message
  kJoined,  // one send() for all messages that a connection is due
};

struct Connection {
  int fd;
  bool upgraded = false;
  bool dirty = false;             // in FloorServer::dirty_
  std::vector<std::string> keys;  // of its subscriptions; empty: every event
  std::string received;           // not a whole frame or handshake yet
  std::string unsent;
};

struct Subscription {
  Connection* connection;
  std::string id;
};

[[noreturn]] void ThrowErrno(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

// The text between `before` and the next quotation mark, or nothing.
std::string_view TextAfter(std::string_view text, std::string_view before) {
  const size_t at = text.find(before);
  if (at == std::string_view::npos) return {};
  const size_t begin = at + before.size();
  return text.substr(begin, text.find('"', begin) - begin);
}

class FloorServer {
 public:
  FloorServer(uint16_t port, const std::string& conninfo, SendForm form)
      : form_(form),
        poll_(epoll_create1(EPOLL_CLOEXEC)),
        listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
        database_(PQconnectdb(conninfo.c_str()), PQfinish) {
    if (poll_ < 0 || listener_ < 0) ThrowErrno("socket");
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(listener_, SOMAXCONN) != 0) {
      ThrowErrno("listen");
    }
    Watch(listener_, EPOLLIN, &listener_);

    const std::unique_ptr<PGresult, decltype(&PQclear)> listening(
        PQexec(database_.get(), ("LISTEN " + std::string(kFloorChannel)).c_str()), PQclear);
    if (PQresultStatus(listening.get()) != PGRES_COMMAND_OK) {
      throw std::runtime_error(std::string("LISTEN: ") + PQerrorMessage(database_.get()));
    }
    Watch(PQsocket(database_.get()), EPOLLIN, database_.get());
  }

  [[noreturn]] void Run() {
    std::vector<epoll_event> events(1024);
    for (;;) {
      const int count = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
      if (count < 0 && errno != EINTR) ThrowErrno("epoll_wait");
      for (int i = 0; i < count; ++i) {
        if (events[i].data.ptr == &listener_) {
          Accept();
        } else if (events[i].data.ptr == database_.get()) {
          TakeNotifications();
        } else {
          Serve(static_cast<Connection*>(events[i].data.ptr), events[i].events);
        }
      }
      DeliverToAll();
      FlushDirty();
    }
  }

 private:
  void Watch(int fd, uint32_t events, void* data) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = data;
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) != 0) ThrowErrno("epoll_ctl");
  }

  void Accept() {
    for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      auto connection = std::make_unique<Connection>();
      connection->fd = fd;
      Watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, connection.get());
      connections_.emplace(connection.get(), std::move(connection));
    }
  }

  void Serve(Connection* connection, uint32_t events) {
    if ((events & EPOLLOUT) && !connection->unsent.empty()) MarkDirty(connection);
    if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP))) return;
    char bytes[4096];
    ssize_t received;
    while ((received = recv(connection->fd, bytes, sizeof(bytes), 0)) > 0) {
      connection->received.append(bytes, static_cast<size_t>(received));
    }
    if ((received < 0 && errno != EAGAIN) || received == 0 || !TakeInput(connection)) {
      Close(connection);
    }
  }

  // Returns false when the connection is to be closed.
  bool TakeInput(Connection* connection) {
    std::string_view bytes = connection->received;
    if (!connection->upgraded) {
      const size_t end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) return true;
      constexpr std::string_view kKeyHeader = "Sec-WebSocket-Key: ";
      const size_t at = bytes.find(kKeyHeader);
      if (at == std::string_view::npos) return false;
      const size_t key = at + kKeyHeader.size();
      Append(connection,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
                 AcceptKey(bytes.substr(key, bytes.find('\r', key) - key)) +
                 "\r\nSec-WebSocket-Protocol: " + std::string(kSubprotocol) + "\r\n\r\n");
      bytes.remove_prefix(end + 4);
      connection->upgraded = true;
    }
    for (Frame frame; ParseFrame(bytes, &frame);) {
      bytes.remove_prefix(frame.total_length);
      if (frame.opcode != kText || !TakeMessage(connection, Unmask(frame))) return false;
    }
    connection->received = std::string(bytes);
    return true;
  }

  bool TakeMessage(Connection* connection, std::string_view message) {
    const std::string_view type = TextAfter(message, R"("type":")");
    if (type == "connection_init") {
      AppendText(connection, R"({"type":"connection_ack"})");
    } else if (type == "ping") {
      AppendText(connection, R"({"type":"pong"})");
    } else if (type == "subscribe") {
      Subscription subscription{connection, std::string(TextAfter(message, kBeforeId))};
      if (subscription.id.size() != kSubscriptionIdLength) return false;
      connection->keys.emplace_back(TextAfter(message, R"("variables":{"id":")"));
      subscriptions_[connection->keys.back()].push_back(std::move(subscription));
    } else {
      return false;
    }
    return true;
  }

  void TakeNotifications() {
    if (PQconsumeInput(database_.get()) != 1) {
      throw std::runtime_error(std::string("database: ") + PQerrorMessage(database_.get()));
    }
    for (;;) {
      const std::unique_ptr<PGnotify, decltype(&PQfreemem)> notification(
          PQnotifies(database_.get()), PQfreemem);
      if (!notification) break;
      const std::string_view extra = notification->extra;
      const size_t space = extra.find(' ');
      if (space == std::string_view::npos) continue;
      const std::string_view payload = extra.substr(space + 1);
      DeliverToKey(std::string(extra.substr(0, space)), payload);
      to_all_.Append(payload);
      if (form_ == SendForm::kEach) DeliverToAll();
    }
  }

  void DeliverToKey(const std::string& key, std::string_view payload) {
    const auto found = subscriptions_.find(key);
    if (found == subscriptions_.end()) return;
    Messages message;
    message.Append(payload);
    for (const Subscription& subscription : found->second) {
      Append(subscription.connection, message.For(subscription.id));
      if (form_ == SendForm::kEach) Flush(subscription.connection);
    }
  }

  void DeliverToAll() {
    if (to_all_.empty()) return;
    for (const Subscription& subscription : subscriptions_[""]) {
      Connection* const connection = subscription.connection;
      const std::string_view bytes = to_all_.For(subscription.id);
      if (connection->unsent.empty()) {
        connection->unsent.append(bytes.substr(Send(connection, bytes)));
      } else {
        Append(connection, bytes);
      }
    }
    to_all_.Clear();
  }

  void AppendText(Connection* connection, std::string_view text) {
    std::string bytes;
    AppendFrameHeader(Opcode::kText, text.size(), &bytes);
    Append(connection, bytes.append(text));
  }

  void Append(Connection* connection, std::string_view bytes) {
    connection->unsent.append(bytes);
    MarkDirty(connection);
  }

  void MarkDirty(Connection* connection) {
    if (connection->dirty) return;
    connection->dirty = true;
    dirty_.push_back(connection);
  }

  void FlushDirty() {
    for (Connection* const connection : dirty_) {
      connection->dirty = false;
      Flush(connection);
    }
    dirty_.clear();
  }

  void Flush(Connection* connection) {
    if (connection->unsent.empty()) return;
    connection->unsent.erase(0, Send(connection, connection->unsent));
  }

  // Returns how much could be sent; the rest waits for EPOLLOUT. That a client has gone is seen by
  // reading.
  static size_t Send(Connection* connection, std::string_view bytes) {
    const ssize_t sent = send(connection->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return sent > 0 ? static_cast<size_t>(sent) : 0;
  }

  void Close(Connection* connection) {
    std::erase(dirty_, connection);
    for (const std::string& key : connection->keys) {
      std::erase_if(subscriptions_[key], [connection](const Subscription& subscription) {
        return subscription.connection == connection;
      });
    }
    close(connection->fd);
    connections_.erase(connection);
  }

  SendForm form_;
  int poll_;
  int listener_;
  std::unique_ptr<PGconn, decltype(&PQfinish)> database_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  std::unordered_map<std::string, std::vector<Subscription>> subscriptions_;  // by key
  Messages to_all_;                 // this turn, for the subscriptions without a key
  std::vector<Connection*> dirty_;  // with something to send this turn
};

}  // namespace
}  // namespace fsubs::bench

int main(int argc, char** argv) {
  using fsubs::bench::FloorServer;
  using fsubs::bench::SendForm;
  uint16_t port = 0;
  std::string conninfo;
  SendForm form = SendForm::kJoined;
  CLI::App app{"WebSocket server that does as little as possible"};
  app.add_option("--port", port, "where clients connect on the loopback address")->required();
  app.add_option("--database", conninfo, "libpq connection string")->required();
  app.add_option("--send", form,
                 "each: one send() per message; joined: one per connection and turn")
      ->required()
      ->transform(CLI::CheckedTransformer(std::map<std::string, SendForm>{
          {"each", SendForm::kEach}, {"joined", SendForm::kJoined}}));
  CLI11_PARSE(app, argc, argv);
  try {
    fsubs::bench::RaiseFileLimit();
    FloorServer server(port, conninfo, form);
    std::puts("listening");
    std::fflush(stdout);
    server.Run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "floor_server: %s\n", error.what());
    return 1;
  }
}
