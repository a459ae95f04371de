#include "worker/connection.hpp"

#include "worker/close_code.hpp"
#include "worker/encode.hpp"
#include "worker/json_text.hpp"
#include "worker/shard.hpp"

namespace fsubs {

Connection::Connection(Shard* shard, WsSocket socket, uint64_t id, std::string_view subprotocol)
    : shard_(shard),
      socket_(socket),
      machine_(this),
      outbox_(shard->buffers(), kWriteHeadroom),
      id_(id),
      connected_at_us_(shard->NowUs()) {
  if (subprotocol.empty()) {
    machine_.Close(kCloseSubprotocolNotAcceptable, "Subprotocol not acceptable");
  }
}

Connection::~Connection() {
  for (auto& [id, subscription] : subscriptions_) shard_->dispatcher()->Remove(&subscription);
  shard_->counters()->subscriptions.Subtract(subscriptions_.size());
  shard_->Forget(this);
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
    machine_.Close(kCloseInvalidPayload, "Message is not UTF-8");
    return;
  }
  machine_.OnText(message, shard_->scratch());
}

void Connection::OnBinary() {
  machine_.OnBinary();
}

void Connection::OnTooBig() {
  machine_.Close(
      kCloseMessageTooBig,
      "Message is larger than " + std::to_string(shard_->options().max_message_size) + " bytes");
}

void Connection::OnWritable() {
  Flush();
}

void Connection::OnInitTimeout() {
  shard_->counters()->init_timeouts.Add();
  machine_.OnInitTimeout();
}

void Connection::OnKeepalive() {
  if (closing_) return;
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
    machine_.Close(kCloseGoingAway, "No answer to a ping");
  }
}

void Connection::Deliver(Subscription* subscription, std::string_view payload) {
  if (closing_) return;
  ++subscription->delivered;
  Append(Opcode::kText, subscription->head, payload, "}");
}

void Connection::ReportLoss(uint64_t count) {
  const std::string number = std::to_string(count);
  const std::string payload = R"({"data":null,"errors":[{"message":")" + number +
                              (count == 1 ? " event was" : " events were") +
                              R"( overwritten before they could be delivered","extensions":)" +
                              R"({"code":"EVENTS_LOST","count":)" + number + "}}]}";
  for (auto& [id, subscription] : subscriptions_) {
    if (closing_) return;
    Append(Opcode::kText, subscription.head, payload, "}");
  }
}

void Connection::Revalidate() {
  for (auto at = subscriptions_.begin(); at != subscriptions_.end();) {
    Subscription& subscription = at->second;
    OperationRequest request;
    request.query = *subscription.query;
    if (subscription.has_operation_name) request.operation_name = subscription.operation_name;
    JsonTree variables;
    if (!subscription.variables.empty() && variables.ParseCopy(subscription.variables)) {
      request.variables = variables.root();
    }
    PrepareResult prepared = shard_->Prepare(request);
    shard_->dispatcher()->Remove(&subscription);
    if (prepared.subscription) {
      shard_->dispatcher()->Add(&subscription, std::move(*prepared.subscription));
      ++at;
      continue;
    }
    const std::string id = at->first;
    at = subscriptions_.erase(at);
    shard_->counters()->subscriptions.Subtract();
    machine_.Error(id, prepared.errors);
  }
}

void Connection::Drain() {
  while (!subscriptions_.empty()) {
    const std::string id = subscriptions_.begin()->first;
    Unsubscribe(id);
    machine_.Complete(id);
  }
  machine_.Close(kCloseGoingAway, "Going away");
}

void Connection::Send(std::string_view message) {
  Append(Opcode::kText, message, {}, {});
}

void Connection::Append(Opcode opcode, std::string_view head, std::string_view body,
                        std::string_view tail) {
  // There is always room to say goodbye.
  const size_t limit = opcode == Opcode::kClose ? SIZE_MAX : shard_->options().outbox_size;
  if (outbox_.Append(opcode, head, body, tail, limit) == Outbox::Result::kFull) {
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
  machine_.Close(kCloseSlowConsumer, "Slow consumer");
}

void Connection::Flush() {
  dirty_ = false;
  if (outbox_.empty() || socket_.pending()) return;  // pending: OnWritable comes when it is not
  const size_t size = outbox_.size();
  const WsSocket::WriteResult result = socket_.Write(outbox_.frames(), size);
  sent_bytes_ += size;
  shard_->counters()->bytes_sent.Add(size);
  outbox_.Written(result == WsSocket::WriteResult::kPending ? size : 0);
  if (closing_ && result != WsSocket::WriteResult::kBroken) socket_.ExpectClose();
}

void Connection::Close(uint16_t code, std::string_view reason) {
  Append(Opcode::kClose, CloseCodeBytes(code), reason, {});
  closing_ = true;
}

void Connection::Authorize(const std::optional<JsonValue>&) {
  if (shard_->options().allow_anonymous) {
    machine_.Accept();
  } else {
    machine_.Refuse();
  }
}

bool Connection::HasSubscription(std::string_view id) const {
  return subscriptions_.find(id) != subscriptions_.end();
}

std::string Connection::Subscribe(std::string_view id, const OperationRequest& request) {
  PrepareResult prepared;
  const size_t limit = shard_->options().max_subscriptions_per_connection;
  if (subscriptions_.size() >= limit) {
    AppendErrors(
        {{"A connection may have at most " + std::to_string(limit) + " subscriptions.", {}}},
        "SUBSCRIPTION_LIMIT", &prepared.errors);
  } else {
    prepared = shard_->Prepare(request);
  }
  if (!prepared.subscription) {
    shard_->counters()->subscribe_errors.Add();
    return prepared.errors;
  }
  Subscription& subscription = subscriptions_[std::string(id)];
  subscription.connection = this;
  subscription.head = NextMessageHead(id);
  subscription.query = shard_->Intern(request.query);
  subscription.has_operation_name = request.operation_name.has_value();
  subscription.operation_name = request.operation_name.value_or("");
  if (request.variables) subscription.variables = request.variables->raw();
  subscription.started_at_us = shard_->NowUs();
  shard_->dispatcher()->Add(&subscription, std::move(*prepared.subscription));
  shard_->counters()->subscriptions.Add();
  return {};
}

void Connection::Unsubscribe(std::string_view id) {
  const auto found = subscriptions_.find(id);
  shard_->dispatcher()->Remove(&found->second);
  subscriptions_.erase(found);
  shard_->counters()->subscriptions.Subtract();
}

void Connection::AppendRow(size_t shard, std::string* rows) const {
  const char* const state = closing_                                                ? "closing"
                            : machine_.state() == TransportWs::State::kAcknowledged ? "acknowledged"
                                                                                    : "connected";
  const auto number = [&](const char* name, uint64_t value) {
    rows->append(",\"").append(name).append("\":").append(std::to_string(value));
  };
  if (rows->size() > 1) *rows += ',';
  *rows += "{\"id\":" + std::to_string(id_);
  number("shard", shard);
  *rows += ",\"peer\":";
  AppendJsonString(socket_.Peer(), rows);
  rows->append(R"(,"protocol":"graphql-transport-ws","state":")").append(state).append("\"");
  number("connected_at", static_cast<uint64_t>(connected_at_us_));
  number("subscriptions", subscriptions_.size());
  number("queued_bytes", outbox_.queued_bytes());
  number("sent_messages", sent_messages_);
  number("sent_bytes", sent_bytes_);
  *rows += '}';
}

void Connection::AppendSubscriptionRows(std::string* rows) const {
  for (const auto& [id, subscription] : subscriptions_) {
    const PreparedSubscription& prepared = subscription.subscription();
    if (rows->size() > 1) *rows += ',';
    *rows += "{\"connection_id\":" + std::to_string(id_) + ",\"subscription_id\":";
    AppendJsonString(id, rows);
    *rows += ",\"field\":";
    AppendJsonString(prepared.field->name, rows);
    *rows += ",\"channel\":";
    AppendJsonString(prepared.field->channel, rows);
    *rows += ",\"operation_name\":";
    if (prepared.operation_name.empty()) {
      *rows += "null";
    } else {
      AppendJsonString(prepared.operation_name, rows);
    }
    *rows += ",\"started_at\":" + std::to_string(subscription.started_at_us);
    *rows += ",\"delivered\":" + std::to_string(subscription.delivered) + "}";
  }
}

}  // namespace fsubs
