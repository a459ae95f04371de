// One client of a shard: its protocol state, its subscriptions and what waits to be sent to it.
//
// One shard's thread only. Owned by the WebSocket server, which destroys it when the socket closed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "worker/dispatch.hpp"
#include "worker/outbox.hpp"
#include "worker/transport_ws.hpp"
#include "worker/ws_server.hpp"

namespace fsubs {

class Connection;
class Shard;

// One subscription of a client. Keeps its request, to be prepared again when the catalog changes.
struct Subscription final : Member {
  Connection* connection = nullptr;
  std::string head;  // of its `next` messages
  std::shared_ptr<const std::string> query;
  std::string operation_name;
  bool has_operation_name = false;
  std::string variables;  // JSON text; empty: none
  int64_t started_at_us = 0;
  uint64_t delivered = 0;
};

class Connection final : public WsClient, private TransportHost {
 public:
  Connection(Shard* shard, WsSocket socket, uint64_t id, std::string_view subprotocol);
  ~Connection() override;

  // What the socket tells.
  void OnText(std::string_view message) override;
  void OnBinary() override;
  void OnTooBig() override;
  void OnHeard() override { heard_ = true; }
  void OnWritable() override;

  // What the shard tells.
  void OnInitTimeout();
  void OnKeepalive();
  void Deliver(Subscription* subscription, std::string_view payload);
  void ReportLoss(uint64_t count);
  void Revalidate();  // the catalog changed
  void Drain();       // complete everything and close with 1001
  void Flush();

  // Handle a message that waited for the catalog.
  void Handle(std::string_view message);

  uint64_t id() const { return id_; }
  int64_t connected_at_us() const { return connected_at_us_; }
  bool waits_for_init() const { return machine_.state() == TransportWs::State::kConnected; }
  void AppendRow(size_t shard, std::string* rows) const;
  void AppendSubscriptionRows(std::string* rows) const;

 private:
  void Send(std::string_view message) override;
  void Close(uint16_t code, std::string_view reason) override;
  void Authorize(const std::optional<JsonValue>& payload) override;
  bool HasSubscription(std::string_view id) const override;
  std::string Subscribe(std::string_view id, const OperationRequest& request) override;
  void Unsubscribe(std::string_view id) override;

  void Append(Opcode opcode, std::string_view head, std::string_view body, std::string_view tail);
  void CloseSlow();

  using Subscriptions = std::unordered_map<std::string, Subscription, StringHash, std::equal_to<>>;

  Shard* const shard_;
  WsSocket socket_;
  TransportWs machine_;
  Outbox outbox_;
  Subscriptions subscriptions_;
  const uint64_t id_;
  const int64_t connected_at_us_;
  uint64_t sent_messages_ = 0;
  uint64_t sent_bytes_ = 0;
  bool heard_ = true;    // since the last keep-alive
  bool pinged_ = false;  // and not heard since
  bool dirty_ = false;   // in the shard's list of connections to flush
  bool closing_ = false;
};

}  // namespace fsubs
