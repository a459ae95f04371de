#include "worker/socket/socket_server.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/socket/connection.hpp"
#include "worker/socket/tcp_stream.hpp"

namespace fsubs {
namespace {

// Clients accepted before the others get their turn, and the wait when there are no descriptors.
constexpr size_t kAcceptsPerTurn = 64;
constexpr uint64_t kAcceptAgainMs = 100;

// Connections dropped at a time when there are no descriptors.
constexpr size_t kDropsPerTurn = 16;

// One recv() takes this much at most. What it brings is handled in one go, so it is no more than a
// few documents of GraphQL.
constexpr size_t kReadBuffer = 4 * 1024;

}  // namespace

struct SocketServer::Impl {
  Impl(uv_loop_t* on_loop, SocketServerHost* host, PeerCounts* all_peers,
       std::span<const char* const> subprotocols)
      : loop(on_loop),
        context{host, subprotocols, Deadlines(on_loop), SoonList(on_loop)},
        peers(all_peers),
        read_turns(on_loop),
        buffer(kReadBuffer) {}

  void StartAccepting();
  void Accept();
  void Begin(int fd, const sockaddr_storage& address);
  void OnNoDescriptors(int why);

  uv_loop_t* const loop;
  ConnectionContext context;
  PeerCounts* const peers;
  ReadTurns read_turns;
  TcpStream::ReadBuffer buffer;
  int listener = -1;
  uv_poll_t listening;
  uv_timer_t accept_again;
};

void SocketServer::Impl::StartAccepting() {
  uv_poll_start(&listening, UV_READABLE,
                [](uv_poll_t* handle, int, int) { static_cast<Impl*>(handle->data)->Accept(); });
}

// libuv can accept by itself, but hangs up on clients when there are no descriptors.
void SocketServer::Impl::Accept() {
  for (size_t i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    const int fd = accept4(listener, reinterpret_cast<sockaddr*>(&address), &length,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Begin(fd, address);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      OnNoDescriptors(errno);
      return;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

void SocketServer::Impl::Begin(int fd, const sockaddr_storage& address) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  TcpStream* stream = nullptr;
  try {
    auto share = peers->Admit(address, context.host->peer_limits(), MonotonicUs());
    if (!share) {
      close(fd);
      context.host->OnPeerRefused();
      return;
    }
    stream = new TcpStream(loop, &read_turns, &buffer, fd);
    stream->Start(std::make_unique<Connection>(&context, stream, std::move(*share)));
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "cannot serve a client: %s", error.what());
    if (stream != nullptr) {
      stream->Close();
    } else {
      close(fd);
    }
  }
}

void SocketServer::Impl::OnNoDescriptors(int why) {
  Log(LogLevel::kWarning, "cannot accept a client: %s", std::strerror(why));
  // Connections that ask for nothing make room, the oldest first.
  for (size_t dropped = 0; dropped < kDropsPerTurn; ++dropped) {
    Timed* idle = context.deadlines.Longest(DeadlineKind::kIdle);
    if (idle == nullptr) idle = context.deadlines.Longest(DeadlineKind::kHead);
    if (idle == nullptr) break;
    idle->GiveWay();
  }
  // The client stays in the backlog; asking again at once would only burn time.
  uv_poll_stop(&listening);
  uv_timer_start(
      &accept_again, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->StartAccepting(); },
      kAcceptAgainMs, 0);
}

SocketServer::SocketServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SocketServer::~SocketServer() = default;

std::unique_ptr<SocketServer> SocketServer::Open(uv_loop_s* loop, SocketServerHost* host,
                                                 PeerCounts* peers, const Listen& listen,
                                                 std::span<const char* const> subprotocols,
                                                 std::string* error) {
  const int listener = OpenListener(listen, PortSharing::kWithOtherShards, error);
  if (listener < 0) return nullptr;
  auto impl = std::make_unique<Impl>(loop, host, peers, subprotocols);
  impl->listener = listener;
  uv_poll_init(loop, &impl->listening, listener);
  impl->listening.data = impl.get();
  uv_timer_init(loop, &impl->accept_again);
  impl->accept_again.data = impl.get();
  impl->StartAccepting();
  return std::unique_ptr<SocketServer>(new SocketServer(std::move(impl)));
}

}  // namespace fsubs
