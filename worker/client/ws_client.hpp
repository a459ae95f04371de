// A client by WebSocket, which speaks one of the subprotocols.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "worker/client/client.hpp"
#include "worker/client/credentials_reader.hpp"
#include "worker/client/ws_protocol.hpp"
#include "worker/socket/socket_server.hpp"

namespace fsubs {

class WsClient final : public Client, public WsPeer, private WsProtocolHost {
 public:
  // `subprotocol`: as agreed on at the handshake; empty if the client offered none of ours.
  WsClient(ClientHost* host, WsSocket socket, uint64_t id, std::string_view subprotocol,
           HttpRequest handshake);
  ~WsClient() override;

  // WsPeer
  void OnText(std::string_view message) override;
  void OnBinary() override;
  void OnTooBig() override;
  void OnPing(std::string_view payload) override;
  void OnClose(uint16_t code, std::string_view reason) override;
  void OnHeard() override { heard_ = true; }
  void OnWritable() override { OnSocketTakesMore(); }

  // Client
  void Handle(std::string_view message) override;
  void OnAuthenticated(std::shared_ptr<const Identity> identity,
                       const std::string& reason) override;
  void OnLimited(LimitKey limit) override;
  void OnKeepalive() override;
  bool waits_for_init() const override {
    return protocol_->state() == WsProtocol::State::kConnected;
  }
  void OnInitTimeout() override;
  void OnOptionsChanged() override;
  void Drain() override;
  bool Disconnect(uint16_t code, std::string_view reason) override;
  std::string peer() const override { return socket_.Peer(); }
  bool TakeHeard() override { return std::exchange(heard_, false); }
  void CutOff() override { socket_.Abort(); }

 private:
  // WsProtocolHost
  void Send(std::string_view message) override;
  void Close(uint16_t code, std::string_view reason) override;
  void Authorize(const std::optional<JsonValue>& payload) override;
  void RenewByPing(std::string_view authorization) override;
  void Renew(std::string_view id, RenewalRequest request) override;
  bool HasSubscription(std::string_view id) const override { return Has(id) || Renews(id); }
  StartResult StartOperation(std::string_view id, const OperationRequest& request) override {
    return Start(id, request);
  }
  void StopSubscription(std::string_view id) override;

  // Client
  Status Describe() const override;
  std::string ResponseHead(std::string_view id) const override {
    return protocol_->ResponseHead(id);
  }
  void SendResponse(std::string_view head, std::string_view response) override;
  void SendErrors(std::string_view id, const std::vector<Error>& errors) override {
    protocol_->Fail(id, errors);
  }
  void NoteExpiry(uint64_t seconds_left) override { protocol_->NoteExpiry(seconds_left); }
  bool closing() const override { return closing_; }
  size_t memory() const override;

  size_t unsent() const override { return socket_.pending(); }
  size_t unacknowledged() const override { return socket_.unacknowledged(); }
  WriteResult Write(std::string_view bytes) override { return socket_.Write(bytes); }
  void OnFlushed(WriteResult result) override;
  void CloseSlow() override;

  // Who wants to know what came of a renewal.
  struct Asker {
    std::string id;                    // of the operation; empty: a ping asked
    std::shared_ptr<const Plan> plan;  // of its response
    bool has_left = false;             // the operation was stopped
  };
  // What going on with another token takes.
  struct Renewal {
    Credentials credentials;     // as presented, without the token
    std::optional<Asker> asker;  // of the one that is under way
  };

  void CloseAtOnce(uint16_t code, std::string_view reason);
  bool Renews(std::string_view id) const {
    return renewal_ && renewal_->asker && !id.empty() && renewal_->asker->id == id;
  }
  void BeginRenewal(std::string_view text, BearerScheme scheme, Asker asker);
  void EndRenewal(std::shared_ptr<const Identity> identity, const std::string& reason);
  // `problem` is empty if the client goes on.
  void Answer(const Asker& asker, const std::string& problem);
  void SetReading(bool reading);
  void Append(Opcode opcode, std::string_view head, std::string_view body, std::string_view tail,
              ClientHost::Flush when);

  WsSocket socket_;
  std::unique_ptr<HttpRequest> handshake_;  // until the client presented itself
  std::unique_ptr<Renewal> renewal_;        // null: there is nothing to remember
  const std::unique_ptr<WsProtocol> protocol_;
  size_t held_messages_ = 0;  // that wait for the catalog
  size_t held_bytes_ = 0;
  bool reading_ = true;
  bool heard_ = false;  // since the last ping
  bool pinged_ = false;
  bool closing_ = false;
};

}  // namespace fsubs
