#include "worker/socket/ws_session.hpp"

#include <utility>

#include "worker/socket/close_code.hpp"
#include "worker/socket/ws_frame.hpp"

namespace fsubs {

WsSession::WsSession(Connection* connection, std::string_view subprotocol, HttpRequest handshake)
    : connection_(connection),
      peer_(connection->host()->OnOpen(WsSocket(this), subprotocol, std::move(handshake))) {}

void WsSession::OnBytes(std::span<unsigned char> bytes) {
  peer_->OnHeard();
  while (!bytes.empty() && !deaf_) {
    std::string payload;
    const auto event = receiver_.Next(&bytes, connection_->host()->max_message_size(), &payload);
    Handle(event, payload);
  }
  if (!deaf_) return;
  if (closing_) {
    connection_->Linger();
  } else {
    connection_->Expect(DeadlineKind::kClose);
  }
}

void WsSession::Handle(WsReceiver::Event event, const std::string& payload) {
  using Event = WsReceiver::Event;
  deaf_ = event == Event::kTooBig || event == Event::kClose || event == Event::kFailed;
  if (closing_) return;
  switch (event) {
    case Event::kNothing:
    case Event::kPong:
      return;
    case Event::kText:
      peer_->OnText(payload);
      return;
    case Event::kBinary:
      peer_->OnBinary();
      return;
    case Event::kPing:
      peer_->OnPing(payload);
      return;
    case Event::kTooBig:
      peer_->OnTooBig();
      return;
    case Event::kClose:
      peer_->OnClose(receiver_.code(), {});
      return;
    case Event::kFailed:
      peer_->OnClose(receiver_.code(), receiver_.code() == kCloseInvalidPayload
                                           ? "Message is not UTF-8"
                                           : "Protocol error");
      return;
  }
}

void WsSession::OnWritable() {
  peer_->OnWritable();
}

void WsSession::ExpectClose() {
  closing_ = true;
  connection_->Expect(DeadlineKind::kClose);
  // Its answer came, or would not be understood.
  if (deaf_) connection_->Soon();
}

void WsSession::OnSoon() {
  // What the connection spoke before may have asked for this.
  if (deaf_ && closing_) connection_->Linger();
}

void WsSession::OnFault() {
  if (!closing_) {
    const std::string payload = CloseCodeBytes(kCloseInternalServerError) + "Internal server error";
    std::string frame;
    AppendFrameHeader(Opcode::kClose, payload.size(), &frame);
    (void)connection_->Write(frame += payload);
  }
  connection_->Linger();
}

WriteResult WsSocket::Write(std::string_view frames) {
  return session_->Write(frames);
}

size_t WsSocket::pending() const {
  return session_->pending();
}

size_t WsSocket::unacknowledged() const {
  return session_->unacknowledged();
}

void WsSocket::SetReading(bool reading) {
  session_->SetReading(reading);
}

void WsSocket::ExpectClose() {
  session_->ExpectClose();
}

void WsSocket::Abort() {
  session_->Abort();
}

std::string WsSocket::Peer() const {
  return session_->Peer();
}

}  // namespace fsubs
