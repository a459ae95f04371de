// graphql-transport-ws, the protocol of the npm package graphql-ws.
#pragma once

#include "worker/client/ws_protocol.hpp"

namespace fsubs {

class TransportWs final : public WsProtocol {
 public:
  explicit TransportWs(WsProtocolHost* host) : WsProtocol(host) {}

  std::string_view name() const override { return kTransportWs; }
  void OnText(std::string_view text, JsonTree* tree) override;
  void Accept() override;
  void Refuse() override;
  void Complete(std::string_view id) override { Send("complete", id, {}); }
  void Fail(std::string_view id, const std::vector<Error>& errors) override;
  std::string ResponseHead(std::string_view id) const override;

 private:
  void OnConnectionInit(const std::optional<JsonValue>& payload);
  void OnSubscribe(std::string_view id, const OperationRequest& request);
};

}  // namespace fsubs
