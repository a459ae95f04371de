// WebSocket connections of the socket server.
#include <algorithm>
#include <cstring>
#include <utility>

#include "worker/socket/close_code.hpp"
#include "worker/socket/lws_session.hpp"
#include "worker/socket/ws_frame.hpp"

namespace fsubs {
namespace {

// A peer that neither reads nor answers our close frame is cut off after this.
constexpr int kCloseTimeoutSeconds = 5;

bool IsOurs(lws* wsi, std::string_view subprotocol) {
  const auto& ours = ImplOf(wsi)->subprotocols;
  return std::find(ours.begin(), ours.end(), subprotocol) != ours.end();
}

// libwebsockets refuses a handshake that offers only subprotocols it has not. The protocol asks for
// a close with 4406 instead, so the spare protocol takes the name of the first one offered.
void NameSpareProtocol(lws* wsi) {
  const std::string offered = HeaderOf(wsi, WSI_TOKEN_PROTOCOL);
  std::string_view rest(offered);
  std::string_view first;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find_first_of(", \t"), rest.size());
    const std::string_view name = rest.substr(0, end);
    if (IsOurs(wsi, name)) return;
    if (first.empty()) first = name;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  char* const spare = ImplOf(wsi)->spare_name;
  const size_t size = std::min(first.size(), kMaxSpareName);
  std::memcpy(spare, first.data(), size);
  spare[size] = '\0';
}

// libwebsockets does not know the request's version yet and would answer by HTTP/1.0, which
// WebSocket clients do not take.
int RefuseUpgrade(lws* wsi, unsigned status) {
  std::string reply(kWriteHeadroom, '\0');
  reply += "HTTP/1.1 " + std::to_string(status) +
           (status == kHttpForbidden ? " Forbidden" : " Service Unavailable") +
           "\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
  (void)WriteBytes(wsi, reinterpret_cast<unsigned char*>(reply.data()) + kWriteHeadroom,
                   reply.size() - kWriteHeadroom);
  return -1;  // hang up
}

}  // namespace

int ConfirmUpgrade(lws* wsi) {
  const unsigned refused =
      ImplOf(wsi)->host->OnUpgrade(HeaderOf(wsi, WSI_TOKEN_ORIGIN), HeaderOf(wsi, WSI_TOKEN_HOST));
  if (refused != 0) return RefuseUpgrade(wsi, refused);
  NameSpareProtocol(wsi);
  return 0;
}

int OpenWebSocket(lws* wsi) {
  const std::string_view name = lws_get_protocol(wsi)->name;
  const bool agreed = IsOurs(wsi, name) && lws_hdr_total_length(wsi, WSI_TOKEN_PROTOCOL) > 0;
  auto session = std::make_unique<WsSession>();
  session->wsi = wsi;
  WsSession* const raw = session.release();
  lws_set_opaque_user_data(wsi, raw);
  raw->peer = ImplOf(wsi)->host->OnOpen(WsSocket(raw), agreed ? name : std::string_view());
  return 0;
}

void ReceiveMessage(WsSession* session, const char* bytes, size_t length) {
  lws* const wsi = session->wsi;
  session->peer->OnHeard();
  if (session->closing) return;
  if (session->message.size() + length > ImplOf(wsi)->host->max_message_size()) {
    session->message = {};
    session->peer->OnTooBig();
    return;
  }
  const bool complete = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;
  if (lws_frame_is_binary(wsi)) {
    if (complete) session->peer->OnBinary();
    return;
  }
  if (complete && session->message.empty()) {
    session->peer->OnText({bytes, length});
    return;
  }
  session->message.append(bytes, length);
  if (!complete) return;
  const std::string message = std::exchange(session->message, {});
  session->peer->OnText(message);
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

WriteResult WsSocket::Write(unsigned char* frames, size_t length) {
  return WriteBytes(session_->wsi, frames, length);
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
  return PeerOf(session_->wsi);
}

}  // namespace fsubs
