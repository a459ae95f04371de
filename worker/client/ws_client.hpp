// A client by WebSocket: the state of its protocol and what waits to be sent to it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "worker/client/client.hpp"
#include "worker/client/ws_protocol.hpp"
#include "worker/socket/outbox.hpp"
#include "worker/socket/socket_server.hpp"

namespace fsubs {

class WsClient final : public Client, public WsPeer, private WsProtocolHost {
 public:
  // `subprotocol`: as agreed on at the handshake; empty if the client offered none of ours.
  WsClient(Shard* shard, WsSocket socket, uint64_t id, std::string_view subprotocol);
  ~WsClient() override;

  // WsPeer
  void OnText(std::string_view message) override;
  void OnBinary() override;
  void OnTooBig() override;
  void OnHeard() override { heard_ = true; }
  void OnWritable() override { Flush(); }

  // Client
  void Handle(std::string_view message) override;
  void Flush() override;
  void OnKeepalive() override;
  void Drain() override;

  void OnInitTimeout();
  bool waits_for_init() const { return protocol_->state() == WsProtocol::State::kConnected; }

 private:
  // WsProtocolHost
  void Send(std::string_view message) override;
  void Close(uint16_t code, std::string_view reason) override;
  void Authorize(const std::optional<JsonValue>& payload) override;
  bool HasSubscription(std::string_view id) const override { return Has(id); }
  StartResult StartOperation(std::string_view id, const OperationRequest& request) override {
    return Start(id, request);
  }
  void StopSubscription(std::string_view id) override { Stop(id); }

  // Client
  Status Describe() const override;
  std::string ResponseHead(std::string_view id) const override {
    return protocol_->ResponseHead(id);
  }
  void SendResponse(std::string_view head, std::string_view response) override;
  void SendErrors(std::string_view id, std::string_view errors_json) override {
    protocol_->Error(id, errors_json);
  }
  bool closing() const override { return closing_; }

  void Append(Opcode opcode, std::string_view head, std::string_view body, std::string_view tail);
  void CloseSlow();

  WsSocket socket_;
  const std::unique_ptr<WsProtocol> protocol_;
  Outbox outbox_;
  uint64_t sent_messages_ = 0;
  uint64_t sent_bytes_ = 0;
  bool heard_ = true;    // since the last keep-alive
  bool pinged_ = false;  // and not heard since
  bool dirty_ = false;   // in the shard's list of clients to flush
  bool closing_ = false;
};

}  // namespace fsubs
