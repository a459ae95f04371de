// The sockets of one shard: HTTP and WebSocket on a libuv loop.
//
// Loop thread only: every function here is called on, and every callback made from, the thread that
// runs the loop. Nothing a callback throws reaches libuv: that connection is closed, a WebSocket
// with 4500.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "contract/limit.hpp"
#include "worker/socket/http.hpp"
#include "worker/socket/listener.hpp"
#include "worker/socket/peer_limits.hpp"
#include "worker/socket/stream.hpp"
#include "worker/socket/tls_context.hpp"
#include "worker/socket/trusted_proxies.hpp"
#include "worker/socket/ws_transport.hpp"

struct uv_loop_s;

namespace fsubs {

class HttpSession;

// What the owner of a WebSocket is told.
class WsPeer {
 public:
  virtual ~WsPeer() = default;
  // Whether it is UTF-8 is for its owner to check.
  virtual void OnText(std::string_view message) = 0;
  virtual void OnBinary() = 0;
  // A message passed max_message_size. It and what follows are not delivered.
  virtual void OnTooBig() = 0;
  // To be answered by a pong with the same payload.
  virtual void OnPing(std::string_view payload) = 0;
  // The peer closes, or broke the protocol. To be answered by a close frame with that code, or
  // without one for kCloseNoStatus, behind what else is to be sent. Nothing more is delivered.
  virtual void OnClose(uint16_t code, std::string_view reason) = 0;
  // The peer sent something, a pong included.
  virtual void OnHeard() = 0;
  // A pending write has left.
  virtual void OnWritable() = 0;
};

// An HTTP request that waits for its reply. A handle: copy freely while the owner lives.
class HttpSocket {
 public:
  explicit HttpSocket(HttpSession* session) : session_(session) {}

  // Count a request of the connection, whose requests before count as well. Returns nothing, or, if
  // `rate` does not allow it, in how many seconds another may come.
  std::optional<uint64_t> CountRequest(const LimitValue& rate, uint64_t now_us);

  // Send the whole reply; the owner is destroyed when it has left. REQUIRES: neither Reply nor
  // StartStream was called.
  void Reply(HttpReply reply);

  // Send `reply` as the head of a body without a known end. REQUIRES: as Reply.
  void StartStream(HttpReply reply);

  // Send some of the body. REQUIRES: StartStream was called, and EndStream was not.
  WriteResult Write(std::string_view bytes);
  // As for a WebSocket.
  size_t pending() const;
  size_t unacknowledged() const;

  // End the stream when what was written has left; the owner is destroyed.
  void EndStream();

  // Cut the connection off, with whatever was not sent yet.
  void Abort();

  std::string Peer() const;

 private:
  HttpSession* session_;
};

// What the owner of an HTTP request is told.
class HttpPeer {
 public:
  virtual ~HttpPeer() = default;
  // The request is there, body included.
  virtual void OnRequest(HttpRequest request) = 0;
  // The stream may be written to.
  virtual void OnWritable() = 0;
};

// What the owner of the server answers.
class SocketServerHost {
 public:
  virtual ~SocketServerHost() = default;

  // A client asks for a WebSocket. Returns nothing to go on, or the reply to refuse with.
  virtual std::optional<HttpReply> OnUpgrade(const HttpRequest& handshake) = 0;

  // A WebSocket is open. `subprotocol` is the one agreed on, empty if the client offered none of
  // ours. Return its owner, whom the server destroys when the connection has closed. `socket` lives
  // as long as the owner.
  virtual std::unique_ptr<WsPeer> OnOpen(WsTransport* socket, std::string_view subprotocol,
                                         HttpRequest handshake) = 0;

  // An HTTP request begins. Return its owner, whom the server destroys when the reply has left or
  // the connection has closed.
  virtual std::unique_ptr<HttpPeer> OnHttp(HttpSocket socket) = 0;

  // Largest message or request body taken from a client, in bytes.
  virtual size_t max_message_size() const = 0;

  // Whether requests are to have all their headers, and not only those that the protocols need.
  virtual bool wants_headers() const = 0;

  // What one peer address may hold; asked whenever one connects.
  virtual PeerLimits peer_limits() const = 0;

  // A connection was closed without a word because its address holds as much as it may.
  virtual void OnPeerRefused() = 0;

  // One that its address may not have has asked for something. Returns the reply to that.
  virtual HttpReply OnPeerLimited(const HttpRequest& request, const std::string& peer,
                                  const PeerRefusal& refusal) = 0;
  // A TLS handshake failed: one side found what the other offers wanting.
  virtual void OnHandshakeFailed() = 0;
};

class SocketServer {
 public:
  // How clients reach it.
  struct Access {
    std::shared_ptr<const TlsContext> tls;  // null: without TLS
    TrustedProxies proxies{""};
  };

  // Start to listen. Returns null, and says why in `*error`, if the address cannot be used.
  // `peers` counts for all servers together. `subprotocols` are what a WebSocket may agree on. All
  // but `listen` outlive the server, which lives until the process ends.
  static std::unique_ptr<SocketServer> Open(uv_loop_s* loop, SocketServerHost* host,
                                            PeerCounts* peers, const Listen& listen, Access access,
                                            std::span<const char* const> subprotocols,
                                            std::string* error);

  // For connections to come.
  void SetAccess(Access access);

  // Serve a client that was accepted at a Unix socket. There is no TLS on it, and no address to
  // count for. Takes the socket, which does not block.
  void Adopt(int fd);

  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;

  struct Impl;

 private:
  explicit SocketServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsubs
