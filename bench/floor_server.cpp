// The floor: the least that a server fed by LISTEN can do. It speaks just enough graphql-transport-ws
// for the load generator, filters by one id, wraps the notification's text in a frame and sends it to
// every subscriber, from one thread with epoll. No GraphQL, no limits, no checks.
//
//   floor_server --port P --dsn DSN --send each|joined
//
// `each` makes one send() per message; `joined` one per connection for all that arrived together.
#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/frame_stream.hpp"
#include "bench/websocket_key.hpp"

namespace {

struct Client {
  int fd;
  bool upgraded = false;
  bool blocked = false;  // waits for the socket to take more
  bool dirty = false;
  std::string head;  // of the HTTP request
  bench::FrameStream stream;
  std::string pending;  // to be sent
};

class FloorServer {
 public:
  FloorServer(uint16_t port, const char* dsn, bool joined) : joined_(joined) {
    epoll_ = epoll_create1(0);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(listener_, 4096) != 0) {
      std::perror("listen");
      std::exit(1);
    }
    Watch(listener_, &listener_);
    db_ = PQconnectdb(dsn);
    PQclear(PQexec(db_, "LISTEN tick"));
    if (PQstatus(db_) != CONNECTION_OK) {
      std::fprintf(stderr, "%s", PQerrorMessage(db_));
      std::exit(1);
    }
    Watch(PQsocket(db_), &db_);
  }

  void Run() {
    epoll_event events[512];
    for (;;) {
      const int ready = epoll_wait(epoll_, events, 512, -1);
      for (int i = 0; i < ready; ++i) {
        if (events[i].data.ptr == &listener_) {
          Accept();
        } else if (events[i].data.ptr == &db_) {
          Notified();
        } else {
          auto* const client = static_cast<Client*>(events[i].data.ptr);
          if ((events[i].events & EPOLLOUT) != 0) Send(client);
          if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Read(client);
        }
      }
    }
  }

 private:
  void Watch(int fd, void* data) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = data;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void Accept() {
    for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      Watch(fd, new Client{fd, {}, {}, {}, {}, {}, {}});
    }
  }

  void Read(Client* client) {
    static char buffer[65536];
    const ssize_t length = recv(client->fd, buffer, sizeof(buffer), 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) {
      // The load generator closes everything at once when it is done.
      std::erase(all_, client);
      for (auto& [id, clients] : by_id_) std::erase(clients, client);
      close(client->fd);
      delete client;
      return;
    }
    if (!client->upgraded) {
      client->head.append(buffer, static_cast<size_t>(length));
      if (client->head.find("\r\n\r\n") == std::string::npos) return;
      const std::string marker = "Sec-WebSocket-Key: ";
      const size_t at = client->head.find(marker) + marker.size();
      client->pending = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                        "Upgrade\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n"
                        "Sec-WebSocket-Accept: " +
                        bench::AcceptKey(client->head.substr(at, client->head.find("\r", at) - at)) +
                        "\r\n\r\n";
      client->upgraded = true;
      client->head = {};
      Send(client);
      return;
    }
    client->stream.Feed(buffer, static_cast<size_t>(length), [&](int opcode, std::string_view text) {
      if (opcode == 1) Message(client, text);
    });
    Send(client);
  }

  void Message(Client* client, std::string_view text) {
    if (text.find("connection_init") != std::string_view::npos) {
      client->pending += bench::Frame(R"({"type":"connection_ack"})", false);
    } else if (text.find("\"ping\"") != std::string_view::npos) {
      client->pending += bench::Frame(R"({"type":"pong"})", false);
    } else if (text.find("subscribe") != std::string_view::npos) {
      const std::string_view id = bench::Between(text, "\"key\":\"");
      (id.empty() ? all_ : by_id_[std::string(id)]).push_back(client);
    }
  }

  void Notified() {
    PQconsumeInput(db_);
    dirty_.clear();
    while (PGnotify* const notify = PQnotifies(db_)) {
      const std::string_view data(notify->extra);
      frame_ = bench::Frame(
          std::string(R"({"id":"1","type":"next","payload":{"data":{"tick":)") + notify->extra +
              R"(},"extensions":{"position":"0000000000000-0000000"}}})",
          false);
      for (Client* client : all_) Add(client);
      const auto keyed = by_id_.find(std::string(bench::Between(data, "\"id\": \"")));
      if (keyed != by_id_.end()) {
        for (Client* client : keyed->second) Add(client);
      }
      PQfreemem(notify);
    }
    for (Client* client : dirty_) {
      client->dirty = false;
      Send(client);
    }
  }

  void Add(Client* client) {
    if (!joined_ && client->pending.empty()) {
      const ssize_t sent = send(client->fd, frame_.data(), frame_.size(), MSG_NOSIGNAL);
      if (sent == static_cast<ssize_t>(frame_.size())) return;
      client->pending.assign(frame_, sent > 0 ? static_cast<size_t>(sent) : 0);
    } else {
      client->pending += frame_;
    }
    if (!client->dirty) dirty_.push_back(client);
    client->dirty = true;
  }

  void Send(Client* client) {
    if (client->pending.empty()) return;
    const ssize_t sent = send(client->fd, client->pending.data(), client->pending.size(), MSG_NOSIGNAL);
    const bool was_blocked = client->blocked;
    if (sent > 0) client->pending.erase(0, static_cast<size_t>(sent));
    const bool blocked = !client->pending.empty();
    if (blocked != was_blocked) {
      epoll_event event{};
      event.events = EPOLLIN | (blocked ? EPOLLOUT : 0u);
      event.data.ptr = client;
      epoll_ctl(epoll_, EPOLL_CTL_MOD, client->fd, &event);
      client->blocked = blocked;
    }
    if (!blocked) client->pending.clear();
  }

  const bool joined_;
  int epoll_;
  int listener_;
  PGconn* db_;
  std::string frame_;
  std::vector<Client*> all_;
  std::unordered_map<std::string, std::vector<Client*>> by_id_;
  std::vector<Client*> dirty_;
};

}  // namespace

int main(int argc, char** argv) {
  uint16_t port = 0;
  const char* dsn = "";
  bool joined = true;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--port") port = static_cast<uint16_t>(std::atoi(argv[i + 1]));
    if (option == "--dsn") dsn = argv[i + 1];
    if (option == "--send") joined = std::string_view(argv[i + 1]) == "joined";
  }
  if (port == 0) {
    std::fprintf(stderr, "usage: floor_server --port P --dsn DSN --send each|joined\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  FloorServer(port, dsn, joined).Run();
}
