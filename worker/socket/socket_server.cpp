#include "worker/socket/socket_server.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/socket/connection.hpp"
#include "worker/socket/proxy_gate.hpp"
#include "worker/socket/tcp_stream.hpp"
#include "worker/socket/tls_stream.hpp"

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
  Impl(uv_loop_t* on_loop, SocketServerHost* host, PeerCounts* all_peers, Access reached_by,
       std::span<const char* const> subprotocols)
      : loop(on_loop),
        context{host, subprotocols, Deadlines(on_loop), SoonList(on_loop)},
        peers(all_peers),
        access(std::move(reached_by)),
        read_turns(on_loop),
        handshake_turns(on_loop),
        buffer(kReadBuffer),
        tls_shared{&read_turns, std::vector<unsigned char>(kReadBuffer), {}, [host] {
                     host->OnHandshakeFailed();
                   }} {}

  void StartAccepting();
  void Accept();
  void Begin(int fd, const sockaddr_storage& address);
  std::optional<PeerCounts::Share> Admit(const sockaddr_storage& address);
  std::unique_ptr<StreamUser> AwaitClient(TcpStream* stream, bool has_address);
  std::unique_ptr<StreamUser> Serve(TcpStream* stream, bool has_handshake,
                                    std::optional<PeerCounts::Share> share);
  void OnNoDescriptors(int why);

  uv_loop_t* const loop;
  ConnectionContext context;
  PeerCounts* const peers;
  Access access;
  ReadTurns read_turns;
  // Handshakes take a thousand times as long as other messages, and whoever waits for a turn waits
  // for all who came before.
  ReadTurns handshake_turns;
  TcpStream::ReadBuffer buffer;
  TlsStream::Shared tls_shared;
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
  const bool has_address = address.ss_family != AF_UNIX;
  if (has_address) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  TcpStream* stream = nullptr;
  try {
    const bool is_proxy = access.proxies.Contain(address);
    const bool is_counted = has_address && !is_proxy;
    auto share = is_counted ? Admit(address) : std::nullopt;
    if (is_counted && !share) {
      close(fd);
      return;
    }
    const bool has_handshake = access.tls && has_address;
    stream = new TcpStream(loop, has_handshake ? &handshake_turns : &read_turns, &buffer, fd);
    stream->Start(is_proxy ? AwaitClient(stream, has_address)
                           : Serve(stream, has_handshake, std::move(share)));
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "cannot serve a client: %s", error.what());
    if (stream != nullptr) {
      stream->Close();
    } else {
      close(fd);
    }
  }
}

// Who is refused is so without a word: a reply would hold the connection until it has been read.
std::optional<PeerCounts::Share> SocketServer::Impl::Admit(const sockaddr_storage& address) {
  auto share = peers->Admit(address, context.host->peer_limits(), MonotonicUs());
  if (!share) context.host->OnPeerRefused();
  return share;
}

// What a proxy itself holds is not limited, since it holds it for others.
std::unique_ptr<StreamUser> SocketServer::Impl::AwaitClient(TcpStream* stream, bool has_address) {
  return std::make_unique<ProxyGate>(
      &context.deadlines, stream,
      [this, stream, has_address](const sockaddr_storage* client) -> std::unique_ptr<StreamUser> {
        auto share = client != nullptr ? Admit(*client) : std::nullopt;
        if (client != nullptr && !share) return nullptr;
        return Serve(stream, access.tls && has_address, std::move(share));
      });
}

std::unique_ptr<StreamUser> SocketServer::Impl::Serve(TcpStream* stream, bool has_handshake,
                                                      std::optional<PeerCounts::Share> share) {
  if (!has_handshake) return std::make_unique<Connection>(&context, stream, std::move(share));
  auto tls = std::make_unique<TlsStream>(*access.tls, &tls_shared, stream);
  tls->Start(std::make_unique<Connection>(&context, tls.get(), std::move(share)));
  return tls;
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
                                                 Access access,
                                                 std::span<const char* const> subprotocols,
                                                 std::string* error) {
  const int listener = OpenListener(listen, PortSharing::kWithOtherShards, error);
  if (listener < 0) return nullptr;
  auto impl = std::make_unique<Impl>(loop, host, peers, std::move(access), subprotocols);
  impl->listener = listener;
  uv_poll_init(loop, &impl->listening, listener);
  impl->listening.data = impl.get();
  uv_timer_init(loop, &impl->accept_again);
  impl->accept_again.data = impl.get();
  impl->StartAccepting();
  return std::unique_ptr<SocketServer>(new SocketServer(std::move(impl)));
}

void SocketServer::SetAccess(Access access) {
  impl_->access = std::move(access);
}

void SocketServer::Adopt(int fd) {
  impl_->Begin(fd, {.ss_family = AF_UNIX});
}

}  // namespace fsubs
