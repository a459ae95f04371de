#include "worker/client/legacy_ws.hpp"

#include "worker/client/operation_request.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/socket/close_code.hpp"

namespace fsubs {

void LegacyWs::OnText(std::string_view text, JsonTree* tree) {
  if (state_ == State::kClosed) return;
  if (!tree->ParseCopy(text) || tree->root().type() != JsonType::kObject) {
    Reject({}, "Message must be a JSON object.");
    return;
  }
  const JsonValue message = tree->root();
  const auto string = [&](std::string_view member) -> std::string_view {
    const auto value = message.Find(member);
    return value && value->type() == JsonType::kString ? value->text() : std::string_view();
  };
  const std::string_view type = string("type");
  const std::string_view id = string("id");
  if (type == "connection_init") {
    OnConnectionInit(message.Find("payload"));
  } else if (type == "start") {
    OnStart(id, message.Find("payload"));
  } else if (type == "stop") {
    if (!id.empty() && host_->HasSubscription(id)) {
      host_->StopSubscription(id);
      Complete(id);
    }
  } else if (type == "connection_terminate") {
    Close(kCloseNormal, "Terminated by the client");
  } else {
    Reject(id, "Invalid message type!");
  }
}

void LegacyWs::OnKeepalive() {
  if (state_ == State::kAcknowledged) Send("ka", {}, {});
}

void LegacyWs::OnConnectionInit(const std::optional<JsonValue>& payload) {
  if (state_ != State::kConnected) {
    Close(kCloseTooManyInitialisationRequests, "Too many initialisation requests");
    return;
  }
  state_ = State::kAuthorizing;
  host_->Authorize(IsObject(payload) ? payload : std::nullopt);
}

void LegacyWs::Accept(std::string_view payload) {
  if (state_ != State::kAuthorizing) return;
  state_ = State::kAcknowledged;
  Send("connection_ack", {}, payload);
  OnKeepalive();  // a client watches for more only once it has seen one
}

void LegacyWs::Refuse(std::string_view reason) {
  if (state_ != State::kAuthorizing) return;
  const std::string message = Forbidden(reason);
  std::string payload;
  JsonWriter json(&payload);
  json.BeginObject();
  json.Key("message");
  json.String(message);
  json.EndObject();
  Send("connection_error", {}, payload);
  Close(kCloseForbidden, message);
}

void LegacyWs::OnStart(std::string_view id, const std::optional<JsonValue>& payload) {
  if (state_ != State::kAcknowledged) {
    Close(kCloseUnauthorized, "Unauthorized");
    return;
  }
  if (id.empty()) {
    Reject({}, "A start message needs an id.");
    return;
  }
  OperationRequest request;
  const std::string problem = IsObject(payload) ? ReadOperationRequest(*payload, &request)
                                                : "is not an object but " + TypeOf(payload);
  if (!problem.empty()) {
    Reject(id, "The payload " + problem);
    return;
  }
  // As the reference implementation does: the new operation takes the id.
  if (host_->HasSubscription(id)) host_->StopSubscription(id);
  Start(id, request);
}

void LegacyWs::Reject(std::string_view id, std::string_view problem) {
  Fail(id, {{std::string(problem), kErrorBadRequest}});
}

void LegacyWs::Fail(std::string_view id, const std::vector<Error>& errors) {
  std::string payload;
  JsonWriter json(&payload);
  json.BeginObject();
  json.Key("message");
  json.String(errors.front().message);
  json.Key("errors");
  WriteErrors(errors, &json);
  json.EndObject();
  Send("error", id, payload);
}

std::string LegacyWs::ResponseHead(std::string_view id) const {
  std::string head;
  JsonWriter json(&head);
  json.BeginObject();
  json.Key("type");
  json.String("data");
  json.Key("id");
  json.String(id);
  json.Key("payload");
  return head;
}

}  // namespace fsubs
