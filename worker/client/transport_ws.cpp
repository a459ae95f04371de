#include "worker/client/transport_ws.hpp"

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
      // The payload comes back, so that a client can tell its pings apart.
      Send("pong", {}, message.payload ? message.payload->raw() : std::string_view());
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

void TransportWs::Accept() {
  if (state_ != State::kAuthorizing) return;
  state_ = State::kAcknowledged;
  Send("connection_ack", {}, {});
}

void TransportWs::Refuse() {
  if (state_ == State::kAuthorizing) Close(kCloseForbidden, "Forbidden");
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
