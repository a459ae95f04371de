#include "worker/connection.hpp"

#include "worker/close_code.hpp"
#include "worker/shard.hpp"

namespace fsubs {

Connection::Connection(Shard* shard, WsSocket socket, uint64_t id, std::string_view subprotocol)
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

Connection::~Connection() {
  shard_->counters()->connections.Subtract();
}

void Connection::OnText(std::string_view message) {
  shard_->counters()->messages_received.Add();
  // A subscription that a client asks for after it was registered must be known, so what was
  // committed before this message came is read first.
  if (!shard_->CatchUp()) {
    shard_->Defer(this, message);
    return;
  }
  Handle(message);
}

void Connection::Handle(std::string_view message) {
  if (!IsUtf8(message)) {
    protocol_->Close(kCloseInvalidPayload, "Message is not UTF-8");
    return;
  }
  protocol_->OnText(message, shard_->scratch());
}

void Connection::OnBinary() {
  protocol_->OnBinary();
}

void Connection::OnTooBig() {
  protocol_->Close(
      kCloseMessageTooBig,
      "Message is larger than " + std::to_string(shard_->options().max_message_size) + " bytes");
}

void Connection::OnInitTimeout() {
  shard_->counters()->init_timeouts.Add();
  protocol_->OnInitTimeout();
}

void Connection::OnKeepalive() {
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

void Connection::Drain() {
  for (std::string id = StopAny(); !id.empty(); id = StopAny()) protocol_->Complete(id);
  protocol_->Close(kCloseGoingAway, "Going away");
}

void Connection::Send(std::string_view message) {
  Append(Opcode::kText, message, {}, {});
}

void Connection::SendResponse(std::string_view head, std::string_view response) {
  Append(Opcode::kText, head, response, "}");
}

void Connection::Append(Opcode opcode, std::string_view head, std::string_view body,
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

void Connection::CloseSlow() {
  if (closing_) return;
  shard_->counters()->slow_consumers.Add();
  // What waits would arrive without what does not fit, so none of it is sent.
  outbox_.Clear();
  protocol_->Close(kCloseSlowConsumer, "Slow consumer");
}

void Connection::Flush() {
  dirty_ = false;
  if (outbox_.empty() || socket_.pending()) return;  // pending: OnWritable comes when it is not
  const size_t size = outbox_.size();
  const WriteResult result = socket_.Write(outbox_.bytes(), size);
  sent_bytes_ += size;
  shard_->counters()->bytes_sent.Add(size);
  outbox_.Written(result == WriteResult::kPending ? size : 0);
  if (closing_ && result != WriteResult::kBroken) socket_.ExpectClose();
}

void Connection::Close(uint16_t code, std::string_view reason) {
  Append(Opcode::kClose, CloseCodeBytes(code), reason, {});
  closing_ = true;
}

void Connection::Authorize(const std::optional<JsonValue>&) {
  if (shard_->options().allow_anonymous) {
    protocol_->Accept();
  } else {
    protocol_->Refuse();
  }
}

Client::Status Connection::Describe() const {
  const bool acknowledged = protocol_->state() == WsProtocol::State::kAcknowledged;
  return {protocol_->name(), closing_ ? "closing" : acknowledged ? "acknowledged" : "connected",
          socket_.Peer(),    outbox_.queued_bytes(),
          sent_messages_,    sent_bytes_};
}

}  // namespace fsubs
