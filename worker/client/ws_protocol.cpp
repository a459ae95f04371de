#include "worker/client/ws_protocol.hpp"

#include "worker/client/legacy_ws.hpp"
#include "worker/client/transport_ws.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/socket/close_code.hpp"
#include "worker/socket/ws_frame.hpp"

namespace fsubs {

void WsProtocol::OnBinary() {
  Close(kCloseBadRequest, "Invalid message received");
}

void WsProtocol::OnInitTimeout() {
  if (state_ == State::kConnected) {
    Close(kCloseInitialisationTimeout, "Connection initialisation timeout");
  }
}

void WsProtocol::Close(uint16_t code, std::string_view reason) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  host_->Close(code, LimitCloseReason(reason));
}

void WsProtocol::Send(std::string_view type, std::string_view id, std::string_view payload) {
  if (state_ == State::kClosed) return;
  std::string message;
  JsonWriter json(&message);
  json.BeginObject();
  if (!id.empty()) {
    json.Key("id");
    json.String(id);
  }
  json.Key("type");
  json.String(type);
  if (!payload.empty()) {
    json.Key("payload");
    json.Raw(payload);
  }
  json.EndObject();
  host_->Send(id.empty() ? WsProtocolHost::About::kConnection : WsProtocolHost::About::kEnd, id,
              message);
}

void WsProtocol::Start(std::string_view id, const OperationRequest& request) {
  StartResult result = host_->StartOperation(id, request);
  switch (result.kind) {
    case StartResult::Kind::kSubscribed:
      break;
    case StartResult::Kind::kExecuted:
      Answer(id, result.response);
      break;
    case StartResult::Kind::kRenews:
      host_->Renew(id, std::move(*result.renewal));
      break;
    case StartResult::Kind::kRefused:
      Fail(id, result.errors);
      break;
  }
}

void WsProtocol::Answer(std::string_view id, std::string_view response) {
  if (state_ == State::kClosed) return;
  host_->Send(WsProtocolHost::About::kResponse, id, ResponseHead(id).append(response).append("}"));
  Complete(id);
}

std::string WsProtocol::Forbidden(std::string_view reason) {
  std::string text = "Forbidden";
  if (!reason.empty()) text.append(": ").append(reason);
  return text;
}

std::unique_ptr<WsProtocol> MakeWsProtocol(std::string_view name, WsProtocolHost* host) {
  if (name == kLegacyWs) return std::make_unique<LegacyWs>(host);
  return std::make_unique<TransportWs>(host);
}

}  // namespace fsubs
