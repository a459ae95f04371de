// Load generator: many graphql-transport-ws clients and the publisher, in one thread with epoll.
//
//   load --scenario fanout|latency|events|selective|idle --target ours|floor --port P --dsn DSN
//        [--connections N] [--events M] [--in-flight K] [--batch B] [--server-pid PID]
//
// Prints one line of JSON. Every event carries a number; each client checks that it gets the numbers it
// must get, once and in order. `own_cpu` is this process's share of its core: near 1 it is the
// bottleneck and the figure is a lower bound of what the server can do.
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "bench/frame_stream.hpp"

namespace {

struct Arguments {
  std::string scenario;
  std::string target = "ours";
  uint16_t port = 0;
  std::string dsn;
  size_t connections = 100;
  size_t events = 1000;
  size_t in_flight = 16;
  size_t batch = 1;
  int server_pid = 0;
};

double Now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double OwnCpu() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// User and system time of another process, in seconds.
double CpuOf(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  size_t at = text.rfind(')') + 2;
  for (int field = 3; field < 14; ++field) at = text.find(' ', at) + 1;
  char* next = nullptr;
  const double user = std::strtod(text.c_str() + at, &next);
  const double system = std::strtod(next, nullptr);
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

long ResidentKiB(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("Rss:", 0) == 0) return std::strtol(line.c_str() + 4, nullptr, 10);
  }
  return 0;
}

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "load: %s\n", message.c_str());
  std::exit(1);
}

struct Client {
  int fd = -1;
  bench::FrameStream stream;
  size_t index = 0;
  uint64_t received = 0;
  uint64_t last = 0;  // number of the last event
};

class Load {
 public:
  explicit Load(const Arguments& arguments) : arguments_(arguments) {
    epoll_ = epoll_create1(0);
    db_ = PQconnectdb(arguments_.dsn.c_str());
    if (PQstatus(db_) != CONNECTION_OK) Fail(PQerrorMessage(db_));
    PQsetnonblocking(db_, 1);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, PQsocket(db_), &event);
  }

  void Run() {
    if (arguments_.scenario == "fanout") {
      FanOut();
    } else if (arguments_.scenario == "latency") {
      Latency();
    } else if (arguments_.scenario == "events" || arguments_.scenario == "selective") {
      Keyed();
    } else if (arguments_.scenario == "idle") {
      Idle();
    } else {
      Fail("unknown scenario \"" + arguments_.scenario + "\"");
    }
  }

 private:
  bool ours() const { return arguments_.target == "ours"; }

  // Connects and subscribes all clients; with `keyed`, client i to id i alone.
  void Connect(bool keyed) {
    clients_.resize(arguments_.connections);
    for (size_t i = 0; i < clients_.size(); ++i) {
      Client& client = clients_[i];
      client.index = i;
      client.fd = socket(AF_INET, SOCK_STREAM, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      // More clients than one address has ports.
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + static_cast<uint32_t>(i / 20000));
      bind(client.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      address.sin_port = htons(arguments_.port);
      if (connect(client.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
        Fail("cannot connect client " + std::to_string(i));
      }
      const int on = 1;
      setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      Write(client, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n");
      ReadUntil(client, "\r\n\r\n");
      Write(client, bench::Frame(R"({"type":"connection_init"})", true));
      ReadUntil(client, "connection_ack\"}");
      const std::string query =
          keyed ? R"(subscription($key: ID) { tick: tickById(id: $key) { id seq sentAt text } }","variables":{"key":")" +
                      std::to_string(i) + "\"}"
                : R"(subscription { tick { id seq sentAt text } }")";
      Write(client, bench::Frame(R"({"id":"1","type":"subscribe","payload":{"query":")" + query + "}}", true));
      // The pong tells that the subscription before it has been made.
      Write(client, bench::Frame(R"({"type":"ping"})", true));
      ReadUntil(client, "\"pong\"}");
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &client;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event);
    }
  }

  static void Write(const Client& client, std::string_view bytes) {
    if (send(client.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
      Fail("cannot write to the server");
    }
  }

  static void ReadUntil(const Client& client, std::string_view end) {
    std::string text;
    char buffer[4096];
    while (text.size() < end.size() || !text.ends_with(end)) {
      const ssize_t length = recv(client.fd, buffer, sizeof(buffer), 0);
      if (length <= 0) Fail("the server closed a connection after: " + text);
      text.append(buffer, static_cast<size_t>(length));
    }
  }

  // Publish events `first`..`last` in one transaction. Event n has id n modulo `ids`.
  void Publish(uint64_t first, uint64_t last, uint64_t ids) {
    char sent_at[32];
    std::snprintf(sent_at, sizeof(sent_at), "%.9f", Now());
    const std::string data = R"('{"id": "' || n % )" + std::to_string(ids) +
                             R"( || '", "seq": ' || n || ', "sentAt": ")" + sent_at +
                             R"(", "text": "..............."}')";
    const std::string call = ours() ? "fraiseql_publish('tick', 'tick', (" + data + ")::jsonb)"
                                    : "pg_notify('tick', " + data + ")";
    const std::string sql = "SELECT count(*) FROM (SELECT " + call + " FROM generate_series(" +
                            std::to_string(first) + "," + std::to_string(last) + ") AS n OFFSET 0) AS s";
    if (PQsendQuery(db_, sql.c_str()) == 0) Fail(PQerrorMessage(db_));
    busy_ = true;
    Flush();
  }

  void Flush() {
    while (PQflush(db_) > 0) {
    }
  }

  // Reads what has arrived for at most `timeout_ms`, calling on_message(client, number, text) per message.
  template <typename OnMessage>
  void Poll(int timeout_ms, OnMessage on_message) {
    epoll_event events[512];
    static char buffer[1 << 18];
    const int ready = epoll_wait(epoll_, events, 512, timeout_ms);
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.ptr == nullptr) {
        PQconsumeInput(db_);
        while (busy_ && PQisBusy(db_) == 0) {
          PGresult* const result = PQgetResult(db_);
          if (result == nullptr) {
            busy_ = false;
          } else if (PQresultStatus(result) != PGRES_TUPLES_OK) {
            Fail(PQresultErrorMessage(result));
          }
          PQclear(result);
        }
        continue;
      }
      Client& client = *static_cast<Client*>(events[i].data.ptr);
      const ssize_t length = recv(client.fd, buffer, sizeof(buffer), MSG_DONTWAIT);
      if (length < 0 && errno == EAGAIN) continue;
      if (length <= 0) Fail("the server closed client " + std::to_string(client.index));
      client.stream.Feed(buffer, static_cast<size_t>(length), [&](int opcode, std::string_view text) {
        if (opcode != 1) return;
        const size_t at = text.find("\"seq\":");
        if (at == std::string_view::npos) Fail("unexpected message: " + std::string(text));
        const char* digits = text.data() + at + 6;
        while (*digits == ' ') ++digits;
        uint64_t number = 0;
        std::from_chars(digits, text.data() + text.size(), number);
        ++client.received;
        ++received_;
        if (number == client.last) ++duplicated_;
        if (number < client.last) ++reordered_;
        client.last = number;
        message_bytes_ = text.size();
        on_message(client, number, text);
      });
    }
  }

  void Start() {
    start_ = Now();
    own_cpu_start_ = OwnCpu();
    if (arguments_.server_pid != 0) server_cpu_start_ = CpuOf(arguments_.server_pid);
  }

  // Prints the result; `fields` are the scenario's own, and each ends with a comma.
  void Report(const std::string& fields, uint64_t expected) {
    const double seconds = Now() - start_;
    const double own = (OwnCpu() - own_cpu_start_) / seconds;
    const double server = arguments_.server_pid != 0
                              ? (CpuOf(arguments_.server_pid) - server_cpu_start_) / seconds
                              : 0;
    std::printf("{\"scenario\":\"%s\",\"target\":\"%s\",%s\"seconds\":%.3f,\"messages\":%llu,"
                "\"message_bytes\":%zu,\"lost\":%lld,\"duplicated\":%llu,\"reordered\":%llu,"
                "\"own_cpu\":%.2f,\"server_cpu\":%.2f}\n",
                arguments_.scenario.c_str(), arguments_.target.c_str(), fields.c_str(), seconds,
                static_cast<unsigned long long>(received_), message_bytes_,
                static_cast<long long>(expected) - static_cast<long long>(received_),
                static_cast<unsigned long long>(duplicated_),
                static_cast<unsigned long long>(reordered_), own, server);
  }

  static std::string Field(const char* name, double value) {
    char text[64];
    std::snprintf(text, sizeof(text), "\"%s\":%.6g,", name, value);
    return text;
  }

  // Closed loop: `in_flight` events under way, each to all clients.
  void FanOut() {
    Connect(false);
    const uint64_t clients = clients_.size();
    std::vector<uint32_t> arrived(arguments_.events + 1, 0);
    uint64_t published = 0;
    uint64_t complete = 0;
    Start();
    while (complete < arguments_.events) {
      const uint64_t may = std::min<uint64_t>(arguments_.events, complete + arguments_.in_flight);
      if (!busy_ && may > published) {
        Publish(published + 1, may, 1);
        published = may;
      }
      Poll(1000, [&](Client&, uint64_t number, std::string_view) {
        if (number < arrived.size() && ++arrived[number] == clients) ++complete;
      });
      if (Now() - start_ > kMaxSeconds) break;
    }
    const double seconds = Now() - start_;
    Report(Field("messages_per_second", static_cast<double>(received_) / seconds),
           arguments_.events * clients);
  }

  // 200 events a second, one per transaction, each to all clients.
  void Latency() {
    Connect(false);
    std::vector<double> latencies;
    latencies.reserve(arguments_.events * clients_.size());
    const uint64_t expected = arguments_.events * clients_.size();
    uint64_t published = 0;
    Start();
    double next = Now();
    while (received_ < expected && Now() - start_ < kMaxSeconds) {
      const double now = Now();
      if (published < arguments_.events && !busy_ && now >= next) {
        Publish(published + 1, published + 1, 1);
        ++published;
        next += 1.0 / 200;
      }
      const double wait = std::max(0.0, next - Now());
      Poll(published < arguments_.events ? static_cast<int>(wait * 1000) : 100,
           [&](Client&, uint64_t, std::string_view text) {
             // The floor copies the data as it was published, with a space.
             std::string_view sent_at = bench::Between(text, "\"sentAt\":\"");
             if (sent_at.empty()) sent_at = bench::Between(text, "\"sentAt\": \"");
             latencies.push_back(Now() - std::strtod(sent_at.data(), nullptr));
           });
    }
    std::sort(latencies.begin(), latencies.end());
    const auto at = [&](double share) {
      return latencies[static_cast<size_t>(share * static_cast<double>(latencies.size() - 1))] * 1000;
    };
    Report(Field("p50_ms", at(0.5)) + Field("p99_ms", at(0.99)), expected);
  }

  // Event n goes to the client of id n modulo the number of clients. With a batch of 1 each event is a
  // transaction.
  void Keyed() {
    Connect(true);
    uint64_t published = 0;
    Start();
    while (received_ < arguments_.events && Now() - start_ < kMaxSeconds) {
      if (!busy_ && published < arguments_.events && published - received_ < arguments_.in_flight) {
        const uint64_t last = std::min<uint64_t>(arguments_.events, published + arguments_.batch);
        Publish(published + 1, last, clients_.size());
        published = last;
      }
      Poll(100, [](Client&, uint64_t, std::string_view) {});
    }
    const double seconds = Now() - start_;
    const double server =
        arguments_.server_pid != 0 ? CpuOf(arguments_.server_pid) - server_cpu_start_ : 0;
    const auto events = static_cast<double>(arguments_.events);
    Report(Field("events_per_second", events / seconds) +
               Field("server_us_per_event", server / events * 1e6),
           arguments_.events);
  }

  // Memory of clients that only wait; then one event to all of them, several times.
  void Idle() {
    const long before = ResidentKiB(arguments_.server_pid);
    Connect(false);
    const long after = ResidentKiB(arguments_.server_pid);
    std::vector<double> rounds;
    Start();
    for (uint64_t event = 1; event <= arguments_.events; ++event) {
      const double start = Now();
      Publish(event, event, 1);
      while (received_ < event * clients_.size() && Now() - start_ < kMaxSeconds) {
        Poll(100, [](Client&, uint64_t, std::string_view) {});
      }
      rounds.push_back((Now() - start) * 1000);
      while (busy_) Poll(100, [](Client&, uint64_t, std::string_view) {});
    }
    std::sort(rounds.begin(), rounds.end());
    Report(Field("bytes_per_connection",
                 static_cast<double>(after - before) * 1024 / static_cast<double>(clients_.size())) +
               Field("to_all_ms", rounds[rounds.size() / 2]),
           arguments_.events * clients_.size());
  }

  static constexpr double kMaxSeconds = 120;

  const Arguments arguments_;
  int epoll_ = -1;
  PGconn* db_ = nullptr;
  bool busy_ = false;  // a statement is under way
  std::vector<Client> clients_;
  uint64_t received_ = 0;
  uint64_t duplicated_ = 0;
  uint64_t reordered_ = 0;
  size_t message_bytes_ = 0;
  double start_ = 0;
  double own_cpu_start_ = 0;
  double server_cpu_start_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string option = argv[i];
    const std::string value = argv[i + 1];
    const auto number = [&] { return static_cast<size_t>(std::strtoull(value.c_str(), nullptr, 10)); };
    if (option == "--scenario") arguments.scenario = value;
    if (option == "--target") arguments.target = value;
    if (option == "--port") arguments.port = static_cast<uint16_t>(number());
    if (option == "--dsn") arguments.dsn = value;
    if (option == "--connections") arguments.connections = number();
    if (option == "--events") arguments.events = number();
    if (option == "--in-flight") arguments.in_flight = number();
    if (option == "--batch") arguments.batch = number();
    if (option == "--server-pid") arguments.server_pid = static_cast<int>(number());
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  Load(arguments).Run();
}
