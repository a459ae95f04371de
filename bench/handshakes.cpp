// Opens WebSockets and closes them again, as fast as the server takes them.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "bench/process_usage.hpp"
#include "bench/report.hpp"
#include "bench/tls_client.hpp"
#include "bench/wire.hpp"

namespace fsubs::bench {
namespace {

[[noreturn]] void ThrowErrno(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

// One connection: TCP, TLS where there is a context, the WebSocket's handshake.
class Handshake {
 public:
  Handshake(uint16_t port, SSL_CTX* tls, SSL_SESSION* resumed)
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    if (socket_ < 0) ThrowErrno("socket");
    // Reset at close: sockets in TIME_WAIT would use up the ports.
    const linger reset{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&server), sizeof(server)) != 0 &&
        errno != EINPROGRESS) {
      ThrowErrno("connect");
    }
    if (tls == nullptr) return;
    session_ = MakeTlsSession(tls, socket_);
    if (resumed != nullptr) SSL_set_session(session_.get(), resumed);
  }
  ~Handshake() { close(socket_); }
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  int fd() const { return socket_; }
  short events() const { return events_; }
  SSL* session() const { return session_.get(); }

  // Returns whether the server has agreed.
  bool Continue() {
    if (session_ && !SSL_is_init_finished(session_.get())) {
      const int result = SSL_do_handshake(session_.get());
      if (result != 1) {
        Await(result);
        return false;
      }
    }
    if (!sent_) {
      constexpr std::string_view kRequest =
          "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";
      const auto length = static_cast<int>(kRequest.size());
      const auto result = session_ ? SSL_write(session_.get(), kRequest.data(), length)
                                   : static_cast<int>(send(socket_, kRequest.data(), length, 0));
      if (result != length) {
        Await(result);
        return false;
      }
      sent_ = true;
    }
    char buffer[4096];
    const auto result = session_ ? SSL_read(session_.get(), buffer, sizeof(buffer))
                                 : static_cast<int>(recv(socket_, buffer, sizeof(buffer), 0));
    if (result <= 0) {
      Await(result);
      return false;
    }
    reply_.append(buffer, static_cast<size_t>(result));
    if (!reply_.starts_with(std::string_view("HTTP/1.1 101").substr(0, reply_.size()))) {
      throw std::runtime_error("the server refused: " + reply_);
    }
    return reply_.find("\r\n\r\n") != std::string::npos;
  }

 private:
  void Await(int result) {
    if (session_) {
      const int error = SSL_get_error(session_.get(), result);
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        events_ = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        return;
      }
      if (error != SSL_ERROR_SYSCALL) throw std::runtime_error("the TLS handshake failed");
    }
    if (result == 0) throw std::runtime_error("the server closed a connection");
    if (errno != EAGAIN && errno != ENOTCONN) ThrowErrno("socket");
    events_ = sent_ ? POLLIN : POLLOUT;
  }

  const int socket_;
  TlsSessionPtr session_;
  short events_ = POLLOUT;
  bool sent_ = false;
  std::string reply_;
};

struct Options {
  uint16_t port = 0;
  pid_t server_pid = 0;
  bool tls = false;
  bool resume = false;
  size_t at_once = 32;
  double seconds = 5;
};

using SessionPtr = std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)>;

// What a first connection leaves for those behind it.
SessionPtr FirstSession(const Options& options, SSL_CTX* tls) {
  Handshake first(options.port, tls, nullptr);
  while (!first.Continue()) {
    pollfd waiting{first.fd(), first.events(), 0};
    poll(&waiting, 1, 1000);
  }
  SSL_set_shutdown(first.session(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  return {SSL_get1_session(first.session()), SSL_SESSION_free};
}

Report Run(const Options& options) {
  const TlsContextPtr tls = options.tls ? MakeTlsContext() : nullptr;
  SessionPtr session(nullptr, SSL_SESSION_free);
  if (options.resume) session = FirstSession(options, tls.get());
  std::vector<std::unique_ptr<Handshake>> handshakes(options.at_once);
  for (auto& handshake : handshakes) {
    handshake = std::make_unique<Handshake>(options.port, tls.get(), session.get());
  }
  uint64_t done = 0;
  uint64_t resumed = 0;
  std::vector<pollfd> waiting(handshakes.size());
  const int64_t begun = NowNs();
  const int64_t server_begun = ProcessCpuNs(options.server_pid);
  const int64_t own_begun = ProcessCpuNs(getpid());
  int64_t now = begun;
  for (; now - begun < static_cast<int64_t>(options.seconds * 1e9); now = NowNs()) {
    for (size_t i = 0; i < handshakes.size(); ++i) {
      waiting[i] = {handshakes[i]->fd(), handshakes[i]->events(), 0};
    }
    if (poll(waiting.data(), waiting.size(), 1000) <= 0) {
      throw std::runtime_error("the server does not answer handshakes");
    }
    for (size_t i = 0; i < handshakes.size(); ++i) {
      if (waiting[i].revents == 0 || !handshakes[i]->Continue()) continue;
      ++done;
      if (tls && SSL_session_reused(handshakes[i]->session()) == 1) ++resumed;
      if (tls) {
        SSL_set_shutdown(handshakes[i]->session(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
      }
      handshakes[i] = std::make_unique<Handshake>(options.port, tls.get(), session.get());
    }
  }
  const auto elapsed = static_cast<double>(now - begun);
  const auto server = static_cast<double>(ProcessCpuNs(options.server_pid) - server_begun);
  const auto own = static_cast<double>(ProcessCpuNs(getpid()) - own_begun);
  Report report;
  report.Add("handshakes", done);
  report.Add("resumed", resumed);
  report.Add("handshakes_per_second", static_cast<double>(done) / elapsed * 1e9);
  report.Add("server_us_per_handshake", server / static_cast<double>(done) / 1e3);
  report.Add("server_cpu_share", server / elapsed);
  report.Add("load_cpu_share", own / elapsed);
  return report;
}

}  // namespace
}  // namespace fsubs::bench

int main(int argc, char** argv) {
  fsubs::bench::Options options;
  CLI::App app{"Opens WebSockets and closes them again, as fast as the server takes them"};
  app.add_option("--port", options.port, "of the server, on the loopback address")->required();
  app.add_option("--server-pid", options.server_pid, "whose CPU time to measure")->required();
  app.add_flag("--tls", options.tls);
  app.add_flag("--resume", options.resume, "TLS sessions, as clients do that come back");
  app.add_option("--at-once", options.at_once, "handshakes under way")->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "to measure");
  CLI11_PARSE(app, argc, argv);
  try {
    fsubs::bench::Run(options).PrintJson();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "handshakes: %s\n", error.what());
    return 1;
  }
}
