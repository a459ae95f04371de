#include "worker/client/transport_ws.hpp"

#include "worker/client/operation_request.hpp"
#include "worker/client/transport_ws_message.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/socket/close_code.hpp"

namespace fsubs {

void TransportWs::OnText(std::string_view text, JsonTree* tree) {
  if (state_ == State::kClosed) return;
  ClientMessage message;
  const std::string problem = ParseClientMessage(text, tree, &message);
  if (!problem.empty()) {
    Close(kCloseBadRequest, problem);
    return;
  }
  switch (message.type) {
    case MessageType::kConnectionInit:
      OnConnectionInit(message.payload);
      break;
    case MessageType::kPing:
      OnPing(message.payload);
      break;
    case MessageType::kPong:
      break;
    case MessageType::kSubscribe:
      OnSubscribe(message.id, message.operation);
      break;
    case MessageType::kComplete:
      // Both sides may complete at once: one of them names an id that is gone already.
      if (host_->HasSubscription(message.id)) host_->StopSubscription(message.id);
      break;
    case MessageType::kServerOnly:
      Close(kCloseBadRequest,
            "Unexpected message of type " + std::string(message.type_name) + " received");
      break;
  }
}

void TransportWs::OnConnectionInit(const std::optional<JsonValue>& payload) {
  if (state_ != State::kConnected) {
    Close(kCloseTooManyInitialisationRequests, "Too many initialisation requests");
    return;
  }
  state_ = State::kAuthorizing;
  host_->Authorize(payload);
}

void TransportWs::Accept(std::string_view payload) {
  if (state_ != State::kAuthorizing) return;
  state_ = State::kAcknowledged;
  Send("connection_ack", {}, payload);
}

void TransportWs::Refuse(std::string_view reason) {
  if (state_ == State::kAuthorizing) Close(kCloseForbidden, Forbidden(reason));
}

void TransportWs::NoteExpiry(uint64_t seconds_left) {
  if (state_ != State::kAcknowledged) return;
  std::string payload;
  JsonWriter json(&payload);
  json.BeginObject();
  json.Key("expiresIn");
  json.Number(seconds_left);
  json.EndObject();
  Send("ping", {}, payload);
}

void TransportWs::OnPing(const std::optional<JsonValue>& payload) {
  const auto authorization = payload ? payload->Find("authorization") : std::nullopt;
  if (IsString(authorization)) {
    if (state_ == State::kAcknowledged) {
      host_->RenewByPing(authorization->text());
    } else {
      Pong(R"({"error":"there is nothing to renew before connection_ack"})");
    }
    return;
  }
  // The payload comes back, so that a client can tell its pings apart.
  Send("pong", {}, payload ? payload->raw() : std::string_view());
}

void TransportWs::OnSubscribe(std::string_view id, const OperationRequest& request) {
  if (state_ != State::kAcknowledged) {
    Close(kCloseUnauthorized, "Unauthorized");
    return;
  }
  if (host_->HasSubscription(id)) {
    Close(kCloseSubscriberExists, "Subscriber for " + std::string(id) + " already exists");
    return;
  }
  Start(id, request);
}

void TransportWs::Fail(std::string_view id, const std::vector<Error>& errors) {
  Send("error", id, ErrorsJson(errors));
}

std::string TransportWs::ResponseHead(std::string_view id) const {
  std::string head;
  JsonWriter json(&head);
  json.BeginObject();
  json.Key("id");
  json.String(id);
  json.Key("type");
  json.String("next");
  json.Key("payload");
  return head;
}

}  // namespace fsubs
