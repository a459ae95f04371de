#include "worker/socket/socket_server.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>

#include "worker/base/log.hpp"
#include "worker/socket/lws_session.hpp"

namespace fsubs {

static_assert(kWriteHeadroom >= LWS_PRE);

namespace {

// Clients accepted before the others get their turn, and the wait when there are no descriptors.
constexpr size_t kAcceptsPerTurn = 64;
constexpr uint64_t kAcceptAgainMs = 100;

// A client has this long for its request head and its share of a TLS or WebSocket handshake.
constexpr unsigned kHandshakeTimeoutSeconds = 10;

// Heads of requests that are being read at a time, and the largest: a GraphQL document may stand in
// the URL.
constexpr unsigned kRequestHeads = 64;
constexpr unsigned kMaxRequestHead = 16 * 1024;

// libwebsockets keeps a receive buffer of this size per connection and hands messages over in
// pieces of it; clients' messages are mostly smaller.
constexpr size_t kReceiveBuffer = 512;

// One write() may carry this much; libwebsockets otherwise cuts at the receive buffer's size.
constexpr size_t kMaxWrite = size_t{1} << 20;

int Handle(lws* wsi, lws_callback_reasons reason, void* in, size_t length) {
  switch (reason) {
    case LWS_CALLBACK_HTTP:
      return StartHttp(wsi, static_cast<const char*>(in));
    case LWS_CALLBACK_HTTP_BODY:
      return ReceiveBody(wsi, static_cast<const char*>(in), length);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
      return FinishBody(wsi);
    case LWS_CALLBACK_HTTP_WRITEABLE:
      return ContinueHttp(wsi);
    case LWS_CALLBACK_CLOSED_HTTP:
      CloseHttp(wsi);
      return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
      return ConfirmUpgrade(wsi);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
      ImplOf(wsi)->spare_name[0] = '\0';
      return 0;
    case LWS_CALLBACK_ESTABLISHED:
      return OpenWebSocket(wsi);
    case LWS_CALLBACK_RECEIVE:
      ReceiveMessage(WsSessionOf(wsi), static_cast<const char*>(in), length);
      return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
      WsSessionOf(wsi)->peer->OnHeard();
      return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
      if (lws_partial_buffered(wsi) == 0) WsSessionOf(wsi)->peer->OnWritable();
      return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
      // A close frame that answers ours is not answered again.
      return WsSessionOf(wsi)->closing ? -1 : 0;
    case LWS_CALLBACK_CLOSED:
      delete WsSessionOf(wsi);
      lws_set_opaque_user_data(wsi, nullptr);
      return 0;
    default:
      return 0;
  }
}

// Runs one callback so that no exception crosses libwebsockets' C frames.
int OnCallback(lws* wsi, lws_callback_reasons reason, void*, void* in, size_t length) {
  // Callbacks about the context or the vhost come without a usable connection.
  if (wsi == nullptr || lws_get_context(wsi) == nullptr) return 0;
  try {
    return Handle(wsi, reason, in, length);
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "closing a connection after an internal error: %s", error.what());
  } catch (...) {
    Log(LogLevel::kError, "closing a connection after an internal error of unknown type");
  }
  if (reason == LWS_CALLBACK_RECEIVE || reason == LWS_CALLBACK_SERVER_WRITEABLE) {
    SendInternalServerError(WsSessionOf(wsi));
  }
  return -1;
}

// What libwebsockets calls errors are mostly clients' mistakes; a hostile one must not fill the
// log.
void LogFromLibrary(int, const char* line) {
  Log(LogLevel::kDebug, "libwebsockets: %s", line);
}

void Accept(SocketServer::Impl* impl);

void StartAccepting(SocketServer::Impl* impl) {
  uv_poll_start(&impl->listening, UV_READABLE, [](uv_poll_t* handle, int, int) {
    Accept(static_cast<SocketServer::Impl*>(handle->data));
  });
}

// libwebsockets can listen by itself, but version 4.1 shares a port only between its own threads.
void Accept(SocketServer::Impl* impl) {
  for (size_t i = 0; i < kAcceptsPerTurn; ++i) {
    const int fd = accept4(impl->listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      // On failure libwebsockets has closed the socket.
      lws_adopt_socket_vhost(impl->vhost, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
      // The client stays in the backlog; asking again at once would only burn time.
      Log(LogLevel::kWarning, "cannot accept a client: %s", std::strerror(errno));
      uv_poll_stop(&impl->listening);
      uv_timer_start(
          &impl->accept_again,
          [](uv_timer_t* timer) { StartAccepting(static_cast<SocketServer::Impl*>(timer->data)); },
          kAcceptAgainMs, 0);
      return;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

}  // namespace

WriteResult WriteBytes(lws* wsi, unsigned char* bytes, size_t length) {
  // On a WebSocket connection LWS_WRITE_HTTP hands the bytes to the transport as they are: several
  // ready-made frames leave in one system call. No extension is negotiated that would want to see
  // them.
  const int sent = lws_write(wsi, bytes, length, LWS_WRITE_HTTP);
  if (sent < 0) {
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    return WriteResult::kBroken;
  }
  return lws_partial_buffered(wsi) != 0 ? WriteResult::kPending : WriteResult::kSent;
}

std::string HeaderOf(lws* wsi, lws_token_indexes token) {
  const int length = lws_hdr_total_length(wsi, token);
  if (length <= 0) return {};
  std::string value(static_cast<size_t>(length) + 1, '\0');
  const int copied = lws_hdr_copy(wsi, value.data(), length + 1, token);
  value.resize(copied > 0 ? static_cast<size_t>(copied) : 0);
  return value;
}

std::string PeerOf(lws* wsi) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  char host[INET6_ADDRSTRLEN] = "";
  if (getpeername(lws_get_socket_fd(wsi), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return {};
  }
  if (address.ss_family == AF_INET6) {
    const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
    return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6->sin6_port));
  }
  const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address);
  inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
  return std::string(host) + ":" + std::to_string(ntohs(v4->sin_port));
}

SocketServer::SocketServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SocketServer::~SocketServer() = default;

std::unique_ptr<SocketServer> SocketServer::Open(uv_loop_s* loop, SocketServerHost* host,
                                                 const Listen& listen,
                                                 std::span<const char* const> subprotocols,
                                                 std::string* error) {
  const int listener = OpenListener(listen, PortSharing::kWithOtherShards, error);
  if (listener < 0) return nullptr;
  lws_set_log_level(LLL_ERR | LLL_WARN, LogFromLibrary);

  auto impl = std::make_unique<Impl>();
  impl->host = host;
  impl->loops[0] = loop;
  // The first protocol serves plain HTTP, and WebSockets whose client offered no subprotocol.
  impl->subprotocols = subprotocols;
  const auto add = [&](const char* name) {
    lws_protocols& protocol = impl->protocols.emplace_back();
    protocol.name = name;
    protocol.callback = OnCallback;
    protocol.rx_buffer_size = kReceiveBuffer;
    protocol.tx_packet_size = kMaxWrite;
  };
  add("http");
  for (const char* const name : subprotocols) add(name);
  add(impl->spare_name);
  impl->protocols.emplace_back();

  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  info.protocols = impl->protocols.data();
  info.foreign_loops = impl->loops;
  info.user = impl.get();
  info.gid = static_cast<gid_t>(-1);
  info.uid = static_cast<uid_t>(-1);
  info.timeout_secs = kHandshakeTimeoutSeconds;
  info.keepalive_timeout = kHandshakeTimeoutSeconds;
  info.max_http_header_pool = kRequestHeads;
  info.max_http_header_data = kMaxRequestHead;
  info.vhost_name = "default";
  info.options = LWS_SERVER_OPTION_LIBUV;
  impl->context = lws_create_context(&info);
  if (impl->context == nullptr) {
    *error = "libwebsockets could not start; is its libuv plugin installed?";
    close(listener);
    return nullptr;
  }
  impl->vhost = lws_get_vhost_by_name(impl->context, info.vhost_name);
  impl->listener = listener;
  uv_poll_init(loop, &impl->listening, listener);
  impl->listening.data = impl.get();
  uv_timer_init(loop, &impl->accept_again);
  impl->accept_again.data = impl.get();
  StartAccepting(impl.get());
  return std::unique_ptr<SocketServer>(new SocketServer(std::move(impl)));
}

}  // namespace fsubs
