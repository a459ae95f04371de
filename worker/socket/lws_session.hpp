// What the lws_*.cpp files share: libwebsockets' connections and what hangs on them. Private to
// them.
#pragma once

#include <libwebsockets.h>
#include <uv.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "worker/socket/socket_server.hpp"

namespace fsubs {

inline constexpr size_t kMaxSpareName = 63;

struct SocketServer::Impl {
  SocketServerHost* host;
  lws_context* context = nullptr;
  // libwebsockets takes the loops by pointer to an array.
  void* loops[1];
  // Name of the protocol for clients that offer none of ours: see NameSpareProtocol. It is empty
  // while a handshake is answered, so that no Sec-WebSocket-Protocol header claims that we speak
  // it.
  char spare_name[kMaxSpareName + 1] = "";
  std::span<const char* const> subprotocols;
  std::vector<lws_protocols> protocols;  // ended by one of zeros
  lws_vhost* vhost = nullptr;
  int listener = -1;
  uv_poll_t listening;
  uv_timer_t accept_again;
};

inline SocketServer::Impl* ImplOf(lws* wsi) {
  return static_cast<SocketServer::Impl*>(lws_context_user(lws_get_context(wsi)));
}

// The opaque user data of a wsi is an HttpSession until it is upgraded and a WsSession then.

// One accepted WebSocket. Made when it opens, destroyed when libwebsockets has closed it.
struct WsSession {
  lws* wsi = nullptr;
  std::unique_ptr<WsPeer> peer;
  std::string message;   // fragments of an unfinished message
  bool closing = false;  // our close frame is written: messages are not for the peer any more
};

// One HTTP request. Made when its head has come, destroyed when its reply has left.
struct HttpSession {
  enum class Stage : uint8_t { kReceiving, kWaiting, kReplying, kStarting, kStreaming, kEnding };

  lws* wsi = nullptr;
  std::unique_ptr<HttpPeer> peer;
  HttpRequest request;
  HttpReply reply;
  Stage stage = Stage::kReceiving;
  bool too_large = false;
};

inline WsSession* WsSessionOf(lws* wsi) {
  return static_cast<WsSession*>(lws_get_opaque_user_data(wsi));
}

inline HttpSession* HttpSessionOf(lws* wsi) {
  return static_cast<HttpSession*>(lws_get_opaque_user_data(wsi));
}

// Callbacks, in the files of their names. They return what libwebsockets wants of them.
int ConfirmUpgrade(lws* wsi);
int OpenWebSocket(lws* wsi);
void ReceiveMessage(WsSession* session, const char* bytes, size_t length);
void SendInternalServerError(WsSession* session);

int StartHttp(lws* wsi, const char* path);
int ReceiveBody(lws* wsi, const char* bytes, size_t length);
int FinishBody(lws* wsi);
int ContinueHttp(lws* wsi);
void CloseHttp(lws* wsi);

// Sends bytes to the peer as they are.
WriteResult WriteBytes(lws* wsi, unsigned char* bytes, size_t length);

// A header's value; empty if there is none.
std::string HeaderOf(lws* wsi, lws_token_indexes token);

std::string PeerOf(lws* wsi);

}  // namespace fsubs
