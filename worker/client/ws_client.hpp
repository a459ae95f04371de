// A client by WebSocket, which speaks one of the subprotocols.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "worker/client/client.hpp"
#include "worker/client/credentials_reader.hpp"
#include "worker/client/ws_protocol.hpp"
#include "worker/hosted/hosted_peer.hpp"
#include "worker/socket/ws_transport.hpp"

namespace fsubs {

class WsClient final : public Client, public HostedPeer, private WsProtocolHost {
 public:
  // `subprotocol`: as agreed on at the handshake; empty if the client offered none of ours.
  // `transport` outlives the client. `claims`, a JSON object, are what a host vouches for.
  WsClient(ClientHost* host, WsTransport* transport, uint64_t id, std::string_view subprotocol,
           HttpRequest handshake, std::optional<std::string> claims = std::nullopt);
  ~WsClient() override;

  // WsPeer
  void OnText(std::string_view message) override;
  void OnBinary() override;
  void OnTooBig() override;
  void OnPing(std::string_view payload) override;
  void OnClose(uint16_t code, std::string_view reason) override;
  void OnHeard() override { heard_ = true; }
  void OnWritable() override { OnSocketTakesMore(); }

  // HostedPeer
  void OnResume(uint64_t sequence, std::string_view message) override;

  // Client
  void Handle(std::string_view message) override;
  void OnAuthenticated(std::shared_ptr<const Identity> identity,
                       const std::string& reason) override;
  void OnLimited(LimitKey limit) override;
  void OnKeepalive() override;
  bool waits_for_init() const override {
    return protocol_->state() == WsProtocol::State::kConnected;
  }
  bool is_vouched() const override { return is_vouched_; }
  bool is_hosted() const override { return transport_->is_hosted(); }
  void OnInitTimeout() override;
  void OnOptionsChanged() override;
  void Drain() override;
  bool Disconnect(uint16_t code, std::string_view reason) override;
  std::string peer() const override { return transport_->Peer(); }
  bool TakeHeard() override { return std::exchange(heard_, false); }
  void CutOff() override { transport_->Abort(); }

 private:
  // WsProtocolHost
  void Send(About about, std::string_view id, std::string_view message) override;
  void Close(uint16_t code, std::string_view reason) override;
  void Authorize(const std::optional<JsonValue>& payload) override;
  void RenewByPing(std::string_view authorization) override;
  void Renew(std::string_view id, RenewalRequest request) override;
  bool HasSubscription(std::string_view id) const override { return Has(id) || Renews(id); }
  StartResult StartOperation(std::string_view id, const OperationRequest& request) override {
    return Start(id, request, resume_ ? resume_->current : std::nullopt);
  }
  void StopSubscription(std::string_view id) override;

  // Client
  Status Describe() const override;
  std::string ResponseHead(std::string_view id) const override {
    return transport_->HeadOf(id).append(protocol_->ResponseHead(id));
  }
  void SendResponse(std::string_view head, std::string_view response, uint64_t sequence) override;
  void OnStarted(std::string_view id, Position from, std::optional<uint64_t> behind) override;
  void SendErrors(std::string_view id, const std::vector<Error>& errors) override {
    protocol_->Fail(id, errors);
  }
  void NoteExpiry(uint64_t seconds_left) override { protocol_->NoteExpiry(seconds_left); }
  bool closing() const override { return closing_; }
  size_t memory() const override;

  size_t unsent() const override { return transport_->pending(); }
  size_t unacknowledged() const override { return transport_->unacknowledged(); }
  WriteResult Write(std::string_view bytes) override { return transport_->Write(bytes); }
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

  // What messages that resume an operation say beside their text.
  struct Resume {
    // Those that wait for the catalog: each with its number among all messages.
    std::deque<std::pair<uint64_t, uint64_t>> waiting;
    uint64_t taken = 0;  // messages, since the first that resumes
    uint64_t handled = 0;
    std::optional<uint64_t> current;  // of the message that is handled now
  };

  void Take(std::string_view message);
  void CloseAtOnce(uint16_t code, std::string_view reason);
  bool Renews(std::string_view id) const {
    return renewal_ && renewal_->asker && !id.empty() && renewal_->asker->id == id;
  }
  void BeginRenewal(std::string_view text, BearerScheme scheme, Asker asker);
  void EndRenewal(std::shared_ptr<const Identity> identity, const std::string& reason);
  // `problem` is empty if the client goes on.
  void Answer(const Asker& asker, const std::string& problem);
  void SetReading(bool reading);
  void Append(const WsMessage& message, ClientHost::Flush when);

  // What the client presented itself with when it came.
  struct Introduction {
    HttpRequest handshake;
    std::optional<std::string> claims;
  };

  WsTransport* const transport_;
  std::unique_ptr<Introduction> introduction_;  // until the client presented itself
  std::unique_ptr<Resume> resume_;              // null: nothing was resumed
  std::unique_ptr<Renewal> renewal_;            // null: there is nothing to remember
  const std::unique_ptr<WsProtocol> protocol_;
  size_t held_messages_ = 0;  // that wait for the catalog
  size_t held_bytes_ = 0;
  bool reading_ = true;
  bool is_vouched_ = false;
  bool heard_ = false;  // since the last ping
  bool pinged_ = false;
  bool closing_ = false;
};

}  // namespace fsubs
