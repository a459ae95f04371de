#include "worker/ws_server.hpp"

#include <arpa/inet.h>
#include <libwebsockets.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "worker/close_code.hpp"
#include "worker/log.hpp"
#include "worker/ws_frame.hpp"

namespace fsubs {

static_assert(kWriteHeadroom >= LWS_PRE);

// One accepted WebSocket. Made when it opens, destroyed when libwebsockets has closed it.
struct WsSession {
  lws* wsi = nullptr;
  std::unique_ptr<WsClient> client;
  std::string message;   // fragments of an unfinished message
  bool closing = false;  // our close frame is written: messages are not for the client any more
};

namespace {

// A peer that neither reads nor answers our close frame is cut off after this.
constexpr int kCloseTimeoutSeconds = 5;

// Clients accepted before the others get their turn, and the wait when there are no descriptors.
constexpr size_t kAcceptsPerTurn = 64;
constexpr uint64_t kAcceptAgainMs = 100;

// A client has this long for its request head and its share of a TLS or WebSocket handshake.
constexpr unsigned kHandshakeTimeoutSeconds = 10;

// libwebsockets keeps a receive buffer of this size per connection and hands messages over in
// pieces of it; clients' messages are mostly smaller.
constexpr size_t kReceiveBuffer = 512;

// One write() may carry this much; libwebsockets otherwise cuts at the receive buffer's size.
constexpr size_t kMaxWrite = size_t{1} << 20;

constexpr char kSubprotocol[] = "graphql-transport-ws";
constexpr size_t kMaxSpareName = 63;

// A response to GET that waits for its socket to become writable. Owned by the wsi's user data.
struct HttpExchange {
  HttpReply reply;
};

}  // namespace

struct WsServer::Impl {
  WsHost* host;
  lws_context* context = nullptr;
  // libwebsockets takes the loops by pointer to an array.
  void* loops[1];
  // Name of the protocol for clients that offer none of ours: see NameSpareProtocol. It is empty
  // while a handshake is answered, so that no Sec-WebSocket-Protocol header claims that we speak
  // it.
  char spare_name[kMaxSpareName + 1] = "";
  lws_protocols protocols[4];
  lws_vhost* vhost = nullptr;
  int listener = -1;
  uv_poll_t listening;
  uv_timer_t accept_again;
};

namespace {

WsServer::Impl* ImplOf(lws* wsi) {
  return static_cast<WsServer::Impl*>(lws_context_user(lws_get_context(wsi)));
}

WsSession* SessionOf(lws* wsi) {
  return static_cast<WsSession*>(lws_get_opaque_user_data(wsi));
}

// libwebsockets refuses a handshake that offers only subprotocols it has not. The protocol asks for
// a close with 4406 instead, so the spare protocol takes the name of the first one offered.
void NameSpareProtocol(lws* wsi) {
  char offered[256];
  const int length = lws_hdr_copy(wsi, offered, sizeof(offered), WSI_TOKEN_PROTOCOL);
  if (length <= 0) return;
  std::string_view name(offered, static_cast<size_t>(length));
  if (name.find(kSubprotocol) != std::string_view::npos) return;
  name = name.substr(0, name.find_first_of(", \t"));
  char* const spare = ImplOf(wsi)->spare_name;
  const size_t size = std::min(name.size(), kMaxSpareName);
  std::memcpy(spare, name.data(), size);
  spare[size] = '\0';
}

int ConfirmUpgrade(lws* wsi) {
  const unsigned refused = ImplOf(wsi)->host->OnUpgrade();
  if (refused != 0) {
    // A positive return tells libwebsockets that the response is complete, a negative one to hang
    // up.
    return lws_return_http_status(wsi, refused, nullptr) != 0 ? -1 : 1;
  }
  NameSpareProtocol(wsi);
  return 0;
}

int Open(lws* wsi) {
  WsServer::Impl* const impl = ImplOf(wsi);
  const bool agreed = lws_get_protocol(wsi)->name == kSubprotocol &&
                      lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0;
  auto session = std::make_unique<WsSession>();
  session->wsi = wsi;
  WsSession* const raw = session.release();
  lws_set_opaque_user_data(wsi, raw);
  raw->client = impl->host->OnOpen(WsSocket(raw), agreed ? kSubprotocol : "");
  return 0;
}

void Receive(WsSession* session, const char* bytes, size_t length) {
  lws* const wsi = session->wsi;
  session->client->OnHeard();
  if (session->closing) return;
  if (session->message.size() + length > ImplOf(wsi)->host->max_message_size()) {
    session->message = {};
    session->client->OnTooBig();
    return;
  }
  const bool complete = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
  if (lws_frame_is_binary(wsi)) {
    if (complete) session->client->OnBinary();
    return;
  }
  if (complete && session->message.empty()) {
    session->client->OnText({bytes, length});
    return;
  }
  session->message.append(bytes, length);
  if (!complete) return;
  const std::string message = std::exchange(session->message, {});
  session->client->OnText(message);
}

int StartHttpReply(lws* wsi, const char* path) {
  if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) <= 0) {
    if (lws_return_http_status(wsi, HTTP_STATUS_METHOD_NOT_ALLOWED, nullptr) != 0) return -1;
    return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
  }
  auto exchange = std::make_unique<HttpExchange>();
  exchange->reply = ImplOf(wsi)->host->OnGet(path);
  const HttpReply& reply = exchange->reply;

  unsigned char head[LWS_PRE + 512];
  unsigned char* const start = head + LWS_PRE;
  unsigned char* next = start;
  unsigned char* const end = head + sizeof(head) - 1;
  if (lws_add_http_common_headers(wsi, reply.status, reply.content_type, reply.body.size(), &next,
                                  end) != 0 ||
      lws_finalize_write_http_header(wsi, start, &next, end) != 0) {
    return -1;
  }
  lws_set_opaque_user_data(wsi, exchange.release());
  lws_callback_on_writable(wsi);
  return 0;
}

int FinishHttpReply(lws* wsi) {
  std::unique_ptr<HttpExchange> exchange(static_cast<HttpExchange*>(lws_get_opaque_user_data(wsi)));
  if (!exchange) return 0;
  lws_set_opaque_user_data(wsi, nullptr);
  std::string& body = exchange->reply.body;
  const size_t length = body.size();
  body.insert(0, LWS_PRE, '\0');
  unsigned char* const bytes = reinterpret_cast<unsigned char*>(body.data()) + LWS_PRE;
  if (lws_write(wsi, bytes, length, LWS_WRITE_HTTP_FINAL) < 0) return -1;
  return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
}

int Handle(lws* wsi, lws_callback_reasons reason, void* in, size_t length) {
  switch (reason) {
    case LWS_CALLBACK_HTTP:
      return StartHttpReply(wsi, static_cast<const char*>(in));
    case LWS_CALLBACK_HTTP_WRITEABLE:
      return FinishHttpReply(wsi);
    case LWS_CALLBACK_CLOSED_HTTP:
      delete static_cast<HttpExchange*>(lws_get_opaque_user_data(wsi));
      lws_set_opaque_user_data(wsi, nullptr);
      return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
      return ConfirmUpgrade(wsi);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
      ImplOf(wsi)->spare_name[0] = '\0';
      return 0;
    case LWS_CALLBACK_ESTABLISHED:
      return Open(wsi);
    case LWS_CALLBACK_RECEIVE:
      Receive(SessionOf(wsi), static_cast<const char*>(in), length);
      return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
      SessionOf(wsi)->client->OnHeard();
      return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
      if (lws_partial_buffered(wsi) == 0) SessionOf(wsi)->client->OnWritable();
      return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
      // A close frame that answers ours is not answered again.
      return SessionOf(wsi)->closing ? -1 : 0;
    case LWS_CALLBACK_CLOSED:
      delete SessionOf(wsi);
      lws_set_opaque_user_data(wsi, nullptr);
      return 0;
    default:
      return 0;
  }
}

void SendInternalServerError(WsSession* session) {
  std::string frame(kWriteHeadroom, '\0');
  const std::string payload = CloseCodeBytes(kCloseInternalServerError) + "Internal server error";
  AppendFrameHeader(Opcode::kClose, payload.size(), &frame);
  frame += payload;
  WsSocket socket(session);
  // Behind a partly written frame it would be taken for data.
  if (session->closing || socket.pending()) return;
  (void)socket.Write(reinterpret_cast<unsigned char*>(frame.data()) + kWriteHeadroom,
                     frame.size() - kWriteHeadroom);
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
    SendInternalServerError(SessionOf(wsi));
  }
  return -1;
}

// What libwebsockets calls errors are mostly clients' mistakes; a hostile one must not fill the
// log.
void LogFromLibrary(int, const char* line) {
  Log(LogLevel::kDebug, "libwebsockets: %s", line);
}

void Accept(WsServer::Impl* impl);

void StartAccepting(WsServer::Impl* impl) {
  uv_poll_start(&impl->listening, UV_READABLE, [](uv_poll_t* handle, int, int) {
    Accept(static_cast<WsServer::Impl*>(handle->data));
  });
}

// libwebsockets can listen by itself, but version 4.1 shares a port only between its own threads.
void Accept(WsServer::Impl* impl) {
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
          [](uv_timer_t* timer) { StartAccepting(static_cast<WsServer::Impl*>(timer->data)); },
          kAcceptAgainMs, 0);
      return;
    } else if (errno == EAGAIN) {
      return;
    }
  }
}

}  // namespace

WsSocket::WriteResult WsSocket::Write(unsigned char* frames, size_t length) {
  // On a WebSocket connection LWS_WRITE_HTTP hands the bytes to the transport as they are: several
  // ready-made frames leave in one system call. No extension is negotiated that would want to see
  // them.
  const int sent = lws_write(session_->wsi, frames, length, LWS_WRITE_HTTP);
  if (sent < 0) {
    lws_set_timeout(session_->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    return WriteResult::kBroken;
  }
  return pending() ? WriteResult::kPending : WriteResult::kSent;
}

bool WsSocket::pending() const {
  return lws_partial_buffered(session_->wsi) != 0;
}

void WsSocket::ExpectClose() {
  session_->closing = true;
  lws_set_timeout(session_->wsi, PENDING_TIMEOUT_USER_REASON_BASE, kCloseTimeoutSeconds);
  // With libuv, libwebsockets arms its timers only after an event of its own.
  lws_callback_on_writable(session_->wsi);
}

std::string WsSocket::Peer() const {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  char host[INET6_ADDRSTRLEN] = "";
  if (getpeername(lws_get_socket_fd(session_->wsi), reinterpret_cast<sockaddr*>(&address),
                  &length) != 0) {
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

WsServer::WsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

WsServer::~WsServer() = default;

std::unique_ptr<WsServer> WsServer::Open(uv_loop_s* loop, WsHost* host, const Listen& listen,
                                         std::string* error) {
  const int listener = OpenListener(listen, PortSharing::kWithOtherShards, error);
  if (listener < 0) return nullptr;
  lws_set_log_level(LLL_ERR | LLL_WARN, LogFromLibrary);

  auto impl = std::make_unique<Impl>();
  impl->host = host;
  impl->loops[0] = loop;
  // The first protocol serves plain HTTP, and WebSockets whose client offered no subprotocol.
  const char* const names[] = {"http", kSubprotocol, impl->spare_name};
  for (size_t i = 0; i < 3; ++i) {
    lws_protocols& protocol = impl->protocols[i];
    protocol = {};
    protocol.name = names[i];
    protocol.callback = OnCallback;
    protocol.rx_buffer_size = kReceiveBuffer;
    protocol.tx_packet_size = kMaxWrite;
  }
  impl->protocols[3] = {};

  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  info.protocols = impl->protocols;
  info.foreign_loops = impl->loops;
  info.user = impl.get();
  info.gid = static_cast<gid_t>(-1);
  info.uid = static_cast<uid_t>(-1);
  info.timeout_secs = kHandshakeTimeoutSeconds;
  info.keepalive_timeout = kHandshakeTimeoutSeconds;
  info.max_http_header_pool = 64;
  info.vhost_name = "default";
  info.options =
      LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_HTTP_HEADERS_SECURITY_BEST_PRACTICES_ENFORCE;
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
  return std::unique_ptr<WsServer>(new WsServer(std::move(impl)));
}

}  // namespace fsubs
