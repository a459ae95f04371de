// The sockets of one shard: HTTP and WebSocket over libwebsockets on a libuv loop. Only the files
// lws_*.cpp include libwebsockets.
//
// Loop thread only: every function here is called on, and every callback made from, the thread that
// runs the loop. Nothing a callback throws reaches libwebsockets: that connection is closed, a
// WebSocket with 4500.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "worker/socket/http.hpp"
#include "worker/socket/listener.hpp"

struct uv_loop_s;

namespace fsubs {

// Bytes in front of what Write sends that libwebsockets may use.
inline constexpr size_t kWriteHeadroom = 32;

enum class [[nodiscard]] WriteResult{
    kSent,     // all of it is in the kernel
    kPending,  // taken, but the peer reads slowly: write again only after OnWritable
    kBroken,   // the connection is gone; its owner will be destroyed
};

struct WsSession;
struct HttpSession;

// A WebSocket connection as its owner sees it. A handle: copy freely while the owner lives.
class WsSocket {
 public:
  explicit WsSocket(WsSession* session) : session_(session) {}

  // Send complete frames in one piece. REQUIRES: kWriteHeadroom writable bytes in front of `frames`
  // and no earlier write is pending.
  WriteResult Write(unsigned char* frames, size_t length);
  bool pending() const;

  // Call after writing a close frame: no more messages are delivered, and a peer that does not
  // answer is cut off after a few seconds.
  //
  // Close frames are written like any other because libwebsockets' own way does not work
  // everywhere: builds with _DEBUG, Debian 12's among them, close twice under libuv and so never
  // send the frame.
  void ExpectClose();

  // "address:port" of the peer.
  std::string Peer() const;

 private:
  WsSession* session_;
};

// What the owner of a WebSocket is told.
class WsPeer {
 public:
  virtual ~WsPeer() = default;
  virtual void OnText(std::string_view message) = 0;
  virtual void OnBinary() = 0;
  // A message passed max_message_size; the rest of it is not delivered.
  virtual void OnTooBig() = 0;
  // The peer sent something, a pong included.
  virtual void OnHeard() = 0;
  // A pending write has left.
  virtual void OnWritable() = 0;
};

// An HTTP request that waits for its reply. A handle: copy freely while the owner lives.
class HttpSocket {
 public:
  explicit HttpSocket(HttpSession* session) : session_(session) {}

  // Send the whole reply; the owner is destroyed when it has left. REQUIRES: neither Reply nor
  // StartStream was called.
  void Reply(HttpReply reply);

  // Send `reply` as the head of a body without a known end; OnWritable follows. REQUIRES: as Reply.
  void StartStream(HttpReply reply);

  // Send some of the body. REQUIRES: OnWritable was called after StartStream, kWriteHeadroom
  // writable bytes in front of `bytes`, and no earlier write is pending.
  WriteResult Write(unsigned char* bytes, size_t length);
  bool pending() const;

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

  // A client asks for a WebSocket. Returns 0 to go on or the HTTP status to refuse with.
  virtual unsigned OnUpgrade(std::string_view origin, std::string_view host) = 0;

  // A WebSocket is open. `subprotocol` is the one agreed on, empty if the client offered none of
  // ours. Return its owner, whom the server destroys when the connection has closed.
  virtual std::unique_ptr<WsPeer> OnOpen(WsSocket socket, std::string_view subprotocol) = 0;

  // An HTTP request begins. Return its owner, whom the server destroys when the reply has left or
  // the connection has closed.
  virtual std::unique_ptr<HttpPeer> OnHttp(HttpSocket socket) = 0;

  // Largest message or request body taken from a client, in bytes.
  virtual size_t max_message_size() const = 0;
};

class SocketServer {
 public:
  // Start to listen. Returns null, and says why in `*error`, if the address cannot be used.
  // `subprotocols` are what a WebSocket may agree on. `loop`, `host` and `subprotocols` outlive the
  // server, which lives until the process ends.
  static std::unique_ptr<SocketServer> Open(uv_loop_s* loop, SocketServerHost* host,
                                            const Listen& listen,
                                            std::span<const char* const> subprotocols,
                                            std::string* error);

  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;

  struct Impl;

 private:
  explicit SocketServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsubs
