// The subprotocol "graphql-ws" of the npm package subscriptions-transport-ws, for clients that
// offer only that. New clients use TransportWs.
#pragma once

#include "worker/client/ws_protocol.hpp"

namespace fsubs {

class LegacyWs final : public WsProtocol {
 public:
  explicit LegacyWs(WsProtocolHost* host) : WsProtocol(host) {}

  std::string_view name() const override { return kLegacyWs; }
  void OnText(std::string_view text, JsonTree* tree) override;
  void OnKeepalive() override;
  void Accept(std::string_view payload) override;
  void Refuse(std::string_view reason) override;
  // The protocol has no message that would say so.
  void NoteExpiry(uint64_t) override {}
  void Complete(std::string_view id) override { Send("complete", id, {}); }
  // The payload holds the first error's message and all errors: clients look for either.
  void Fail(std::string_view id, const std::vector<Error>& errors) override;
  std::string ResponseHead(std::string_view id) const override;

 private:
  void OnConnectionInit(const std::optional<JsonValue>& payload);
  void OnStart(std::string_view id, const std::optional<JsonValue>& payload);
  // A message that cannot be understood ends its operation, not the connection.
  void Reject(std::string_view id, std::string_view problem);
};

}  // namespace fsubs
