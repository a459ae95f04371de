#include "worker/socket/ws_session.hpp"

#include <utility>

#include "worker/socket/close_code.hpp"
#include "worker/socket/ws_frame.hpp"

namespace fsubs {

WsSession::WsSession(Connection* connection, std::string_view subprotocol, HttpRequest handshake)
    : connection_(connection),
      peer_(connection->host()->OnOpen(this, subprotocol, std::move(handshake))) {}

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

Outbox::Result WsSession::Append(const WsMessage& message, size_t room_bytes, Outbox* outbox) {
  using Kind = WsMessage::Kind;
  switch (message.kind) {
    case Kind::kStarted:
      return Outbox::Result::kAppended;
    case Kind::kClose: {
      const std::string code =
          message.code == kCloseNoStatus ? std::string() : CloseCodeBytes(message.code);
      return outbox->AppendFrame(Opcode::kClose, code, message.body, {}, room_bytes);
    }
    case Kind::kPing:
    case Kind::kPong: {
      const Opcode opcode = message.kind == Kind::kPing ? Opcode::kPing : Opcode::kPong;
      return outbox->AppendFrame(opcode, message.head, message.body, message.tail, room_bytes);
    }
    default:
      return outbox->AppendFrame(Opcode::kText, message.head, message.body, message.tail,
                                 room_bytes);
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

}  // namespace fsubs
