#include "worker/client/ws_client.hpp"

#include "worker/shard/shard.hpp"
#include "worker/socket/close_code.hpp"

namespace fsubs {

WsClient::WsClient(Shard* shard, WsSocket socket, uint64_t id, std::string_view subprotocol)
    : Client(shard, id),
      socket_(socket),
      protocol_(MakeWsProtocol(subprotocol, this)),
      outbox_(shard->buffers(), kWriteHeadroom) {
  shard_->counters()->connections.Add();
  shard_->counters()->connections_accepted.Add();
  if (subprotocol.empty()) {
    protocol_->Close(kCloseSubprotocolNotAcceptable, "Subprotocol not acceptable");
  }
}

WsClient::~WsClient() {
  shard_->counters()->connections.Subtract();
}

void WsClient::OnText(std::string_view message) {
  shard_->counters()->messages_received.Add();
  // A subscription that a client asks for after it was registered must be known, so what was
  // committed before this message came is read first.
  if (!shard_->CatchUp()) {
    shard_->Defer(this, message);
    return;
  }
  Handle(message);
}

void WsClient::Handle(std::string_view message) {
  if (!IsUtf8(message)) {
    protocol_->Close(kCloseInvalidPayload, "Message is not UTF-8");
    return;
  }
  protocol_->OnText(message, shard_->scratch());
}

void WsClient::OnBinary() {
  protocol_->OnBinary();
}

void WsClient::OnTooBig() {
  protocol_->Close(
      kCloseMessageTooBig,
      "Message is larger than " + std::to_string(shard_->options().max_message_size) + " bytes");
}

void WsClient::OnInitTimeout() {
  shard_->counters()->init_timeouts.Add();
  protocol_->OnInitTimeout();
}

void WsClient::OnKeepalive() {
  if (closing_) return;
  protocol_->OnKeepalive();
  if (heard_) {
    heard_ = false;
    pinged_ = false;
  } else if (!pinged_) {
    pinged_ = true;
    // Not empty: libwebsockets does not report a pong without payload, and a pong repeats its
    // ping's.
    Append(Opcode::kPing, "?", {}, {});
  } else {
    shard_->counters()->keepalive_timeouts.Add();
    protocol_->Close(kCloseGoingAway, "No answer to a ping");
  }
}

void WsClient::Drain() {
  for (std::string id = StopAny(); !id.empty(); id = StopAny()) protocol_->Complete(id);
  protocol_->Close(kCloseGoingAway, "Going away");
}

void WsClient::Send(std::string_view message) {
  Append(Opcode::kText, message, {}, {});
}

void WsClient::SendResponse(std::string_view head, std::string_view response) {
  Append(Opcode::kText, head, response, "}");
}

void WsClient::Append(Opcode opcode, std::string_view head, std::string_view body,
                      std::string_view tail) {
  // There is always room to say goodbye.
  const size_t limit = opcode == Opcode::kClose ? SIZE_MAX : shard_->options().outbox_size;
  if (outbox_.AppendFrame(opcode, head, body, tail, limit) == Outbox::Result::kFull) {
    CloseSlow();
    return;
  }
  if (opcode == Opcode::kText) ++sent_messages_;
  if (!dirty_) {
    dirty_ = true;
    shard_->MarkDirty(this);
  }
}

void WsClient::CloseSlow() {
  if (closing_) return;
  shard_->counters()->slow_consumers.Add();
  // What waits would arrive without what does not fit, so none of it is sent.
  outbox_.Clear();
  protocol_->Close(kCloseSlowConsumer, "Slow consumer");
}

void WsClient::Flush() {
  dirty_ = false;
  if (outbox_.empty() || socket_.pending()) return;  // pending: OnWritable comes when it is not
  const size_t size = outbox_.size();
  const WriteResult result = socket_.Write(outbox_.bytes(), size);
  sent_bytes_ += size;
  shard_->counters()->bytes_sent.Add(size);
  outbox_.Written(result == WriteResult::kPending ? size : 0);
  if (closing_ && result != WriteResult::kBroken) socket_.ExpectClose();
}

void WsClient::Close(uint16_t code, std::string_view reason) {
  Append(Opcode::kClose, CloseCodeBytes(code), reason, {});
  closing_ = true;
}

void WsClient::Authorize(const std::optional<JsonValue>&) {
  if (shard_->options().allow_anonymous) {
    protocol_->Accept();
  } else {
    protocol_->Refuse();
  }
}

Client::Status WsClient::Describe() const {
  const bool acknowledged = protocol_->state() == WsProtocol::State::kAcknowledged;
  return {protocol_->name(), closing_ ? "closing" : acknowledged ? "acknowledged" : "connected",
          socket_.Peer(),    outbox_.queued_bytes(),
          sent_messages_,    sent_bytes_};
}

}  // namespace fsubs
