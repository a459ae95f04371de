#include "worker/client/ws_protocol.hpp"

#include "worker/client/legacy_ws.hpp"
#include "worker/client/transport_ws.hpp"
#include "worker/json/json_text.hpp"
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
  std::string message = "{";
  if (!id.empty()) {
    message += "\"id\":";
    AppendJsonString(id, &message);
    message += ',';
  }
  message.append("\"type\":\"").append(type).append("\"");
  if (!payload.empty()) message.append(",\"payload\":").append(payload);
  host_->Send(message += '}');
}

void WsProtocol::Start(std::string_view id, const OperationRequest& request) {
  const StartResult result = host_->StartOperation(id, request);
  switch (result.kind) {
    case StartResult::Kind::kSubscribed:
      break;
    case StartResult::Kind::kExecuted:
      host_->Send(ResponseHead(id) + result.json + "}");
      Complete(id);
      break;
    case StartResult::Kind::kRefused:
      Error(id, result.json);
      break;
  }
}

std::unique_ptr<WsProtocol> MakeWsProtocol(std::string_view name, WsProtocolHost* host) {
  if (name == kLegacyWs) return std::make_unique<LegacyWs>(host);
  return std::make_unique<TransportWs>(host);
}

}  // namespace fsubs
