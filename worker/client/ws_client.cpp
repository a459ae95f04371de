#include "worker/client/ws_client.hpp"

#include "worker/socket/close_code.hpp"

namespace fsubs {
namespace {

// What keeping a message takes beside its bytes.
constexpr size_t kHeldOverhead = 64;

}  // namespace

WsClient::WsClient(ClientHost* host, WsSocket socket, uint64_t id, std::string_view subprotocol,
                   HttpRequest handshake)
    : Client(host, id),
      socket_(socket),
      handshake_(std::make_unique<HttpRequest>(std::move(handshake))),
      protocol_(MakeWsProtocol(subprotocol, this)) {
  host_->counters()->connections.Add();
  host_->counters()->connections_accepted.Add();
  if (subprotocol.empty()) {
    protocol_->Close(kCloseSubprotocolNotAcceptable, "Subprotocol not acceptable");
  }
}

WsClient::~WsClient() {
  host_->counters()->connections.Subtract();
}

void WsClient::OnText(std::string_view message) {
  // What came in one piece with the message that was too much.
  if (closing_) return;
  host_->counters()->messages_received.Add();
  if (!TakeMessage()) {
    OnLimited(LimitKey::kMessagesPerConnection);
    return;
  }
  // A subscription that a client asks for after it was registered must be known, so what was
  // committed before this message came is read first.
  ++held_messages_;
  held_bytes_ += message.size() + kHeldOverhead;
  if (host_->AdmitOrHold(this, message)) {
    Handle(message);
  } else if (held_messages_ > 0 && memory() > host_->options().max_connection_memory) {
    SetReading(false);
  }
}

void WsClient::Handle(std::string_view message) {
  --held_messages_;
  held_bytes_ -= message.size() + kHeldOverhead;
  if (held_messages_ == 0) SetReading(true);
  // WebSocket++ overlooks a character that the last of several fragments leaves unfinished.
  if (!IsUtf8(message)) {
    protocol_->Close(kCloseInvalidPayload, "Message is not UTF-8");
    return;
  }
  protocol_->OnText(message, host_->scratch());
}

void WsClient::OnBinary() {
  protocol_->OnBinary();
}

void WsClient::OnTooBig() {
  protocol_->Close(
      kCloseMessageTooBig,
      "Message is larger than " + std::to_string(host_->options().max_message_size) + " bytes");
}

void WsClient::OnPing(std::string_view payload) {
  if (closing_) return;
  if (TakeMessage()) {
    Append(Opcode::kPong, payload, {}, {}, ClientHost::Flush::kWithAnswers);
  } else {
    OnLimited(LimitKey::kMessagesPerConnection);
  }
}

void WsClient::OnLimited(LimitKey limit) {
  protocol_->Close(kCloseTryAgainLater, KindOf(limit).key);
}

void WsClient::OnClose(uint16_t code, std::string_view reason) {
  protocol_->Close(code, reason);
}

void WsClient::OnInitTimeout() {
  host_->counters()->init_timeouts.Add();
  protocol_->OnInitTimeout();
}

void WsClient::OnKeepalive() {
  if (closing_) return;
  if (!reading_ || queued_bytes() > 0) {
    // A ping would stand behind what waits, whose progress CheckProgress sees to.
    pinged_ = false;
    return;
  }
  protocol_->OnKeepalive();
  if (pinged_ && !heard_) {
    host_->counters()->keepalive_timeouts.Add();
    protocol_->Close(kCloseGoingAway, "No answer to a ping");
    return;
  }
  pinged_ = true;
  heard_ = false;
  Append(Opcode::kPing, {}, {}, {}, ClientHost::Flush::kWithAnswers);
}

void WsClient::OnOptionsChanged() {
  if (!host_->options().allow_anonymous) protocol_->Close(kCloseForbidden, "Forbidden");
}

void WsClient::Drain() {
  // No `complete`: clients take it for the end of a subscription, and would not start it again when
  // they have connected anew.
  protocol_->Close(kCloseGoingAway, "Going away");
}

void WsClient::Send(std::string_view message) {
  Append(Opcode::kText, message, {}, {}, ClientHost::Flush::kWithAnswers);
}

void WsClient::SendResponse(std::string_view head, std::string_view response) {
  Append(Opcode::kText, head, response, "}", ClientHost::Flush::kWithEvents);
}

void WsClient::SetReading(bool reading) {
  if (reading == reading_) return;
  reading_ = reading;
  socket_.SetReading(reading);
}

void WsClient::Append(Opcode opcode, std::string_view head, std::string_view body,
                      std::string_view tail, ClientHost::Flush when) {
  // There is always room to say goodbye.
  const size_t room = opcode == Opcode::kClose                  ? SIZE_MAX
                      : when == ClientHost::Flush::kWithAnswers ? RoomForAnswers()
                                                                : Room();
  const bool queued = Queue(outbox()->AppendFrame(opcode, head, body, tail, room), when);
  if (queued && opcode == Opcode::kText) CountMessage();
}

void WsClient::CloseSlow() {
  protocol_->Close(kCloseSlowConsumer, "Slow consumer");
  // The close frame may never be read, and the socket must not stay until it is.
  socket_.ExpectClose();
}

void WsClient::OnFlushed(WriteResult result) {
  if (closing_ && result != WriteResult::kBroken) socket_.ExpectClose();
}

void WsClient::Close(uint16_t code, std::string_view reason) {
  const std::string bytes = code == kCloseNoStatus ? std::string() : CloseCodeBytes(code);
  Append(Opcode::kClose, bytes, reason, {}, ClientHost::Flush::kWithAnswers);
  closing_ = true;
  SetReading(true);  // up to the answer
}

void WsClient::Authorize(const std::optional<JsonValue>&) {
  handshake_.reset();
  host_->Authenticate(this, {});
}

void WsClient::OnAuthenticated(std::shared_ptr<const Identity> identity, const std::string&) {
  if (!identity) {
    protocol_->Refuse();
    return;
  }
  SetIdentity(std::move(identity));
  protocol_->Accept();
}

Client::Status WsClient::Describe() const {
  const bool acknowledged = protocol_->state() == WsProtocol::State::kAcknowledged;
  return {protocol_->name(),
          closing_       ? "closing"
          : acknowledged ? "acknowledged"
                         : "connected",
          socket_.Peer()};
}

}  // namespace fsubs
