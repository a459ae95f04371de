// The sockets of one shard: HTTP and WebSocket over libwebsockets on a libuv loop. The only file
// that includes libwebsockets.
//
// Loop thread only: every function here is called on, and every callback made from, the thread that
// runs the loop. Nothing a callback throws reaches libwebsockets: that connection is closed
// with 4500.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "worker/listener.hpp"

struct lws;
struct uv_loop_s;

namespace fsubs {

// Bytes in front of what WsSocket::Write sends that libwebsockets may use.
inline constexpr size_t kWriteHeadroom = 32;

struct WsSession;

// A WebSocket connection as its owner sees it. A handle: copy freely, use until OnClosed.
class WsSocket {
 public:
  enum class [[nodiscard]] WriteResult{
      kSent,     // all of it is in the kernel
      kPending,  // taken, but the peer reads slowly: write again only after OnWritable
      kBroken,   // the connection is gone; OnClosed follows
  };

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

// What the owner of a connection is told.
class WsClient {
 public:
  virtual ~WsClient() = default;
  virtual void OnText(std::string_view message) = 0;
  virtual void OnBinary() = 0;
  virtual void
  OnTooBig() = 0;              // a message passed max_message_size; the rest of it is not delivered
  virtual void OnHeard() = 0;  // the peer sent something, a pong included
  virtual void OnWritable() = 0;  // a pending write has left
};

struct HttpReply {
  unsigned status = 200;
  const char* content_type = "text/plain; charset=utf-8";
  std::string body;
};

// What the owner of the server answers.
class WsHost {
 public:
  virtual ~WsHost() = default;

  // A client asks for a WebSocket. Returns 0 to go on or the HTTP status to refuse with.
  virtual unsigned OnUpgrade() = 0;

  // A WebSocket is open. `subprotocol` is the one agreed on, empty if the client offered none of
  // ours. Return its owner, whom the server destroys when the connection has closed.
  virtual std::unique_ptr<WsClient> OnOpen(WsSocket socket, std::string_view subprotocol) = 0;

  virtual HttpReply OnGet(std::string_view path) = 0;

  // Largest message taken from a client, in bytes.
  virtual size_t max_message_size() const = 0;
};

class WsServer {
 public:
  // Start to listen. Returns null, and says why in `*error`, if the address cannot be used. `loop`
  // and `host` outlive the server, which lives until the process ends.
  static std::unique_ptr<WsServer> Open(uv_loop_s* loop, WsHost* host, const Listen& listen,
                                        std::string* error);

  ~WsServer();
  WsServer(const WsServer&) = delete;
  WsServer& operator=(const WsServer&) = delete;

  struct Impl;

 private:
  explicit WsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsubs
