// graphql-transport-ws, the protocol of the npm package graphql-ws.
#pragma once

#include "worker/client/ws_protocol.hpp"

namespace fsubs {

class TransportWs final : public WsProtocol {
 public:
  explicit TransportWs(WsProtocolHost* host) : WsProtocol(host) {}

  std::string_view name() const override { return kTransportWs; }
  void OnText(std::string_view text, JsonTree* tree) override;
  void Accept(std::string_view payload) override;
  void Refuse(std::string_view reason) override;
  void NoteExpiry(uint64_t seconds_left) override;
  void Complete(std::string_view id) override { Send("complete", id, {}); }
  void Fail(std::string_view id, const std::vector<Error>& errors) override;
  std::string ResponseHead(std::string_view id) const override;

 private:
  void OnConnectionInit(const std::optional<JsonValue>& payload);
  void OnPing(const std::optional<JsonValue>& payload);
  void OnSubscribe(std::string_view id, const OperationRequest& request);
};

}  // namespace fsubs
