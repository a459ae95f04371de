// One peer of a shard: its subscriptions and what waits to be sent to it, whatever transport it
// came by.
//
// One shard's thread only. Owned by the socket server, which destroys it when the socket closed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "worker/client/client_host.hpp"
#include "worker/client/ws_protocol.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/operation/operation.hpp"
#include "worker/socket/outbox.hpp"
#include "worker/socket/socket_server.hpp"

namespace fsubs {

class Client;

// One subscription of a client. Keeps its request, to be prepared again when the catalog changes;
// the query's text is its plan's.
struct Subscription final : Member {
  void Deliver(std::string_view payload) override;

  Client* client = nullptr;
  std::string head;  // what stands before the response in its messages
  std::string operation_name;
  bool has_operation_name = false;
  std::string variables;  // JSON text; empty: none
  int64_t started_at_us = 0;
  uint64_t delivered = 0;
};

class Client {
 public:
  virtual ~Client();

  uint64_t id() const { return id_; }

  // A message that waited for the catalog (ClientHost::AdmitOrHold) may be handled now.
  virtual void Handle(std::string_view message) = 0;
  // Once per keep-alive interval.
  virtual void OnKeepalive() = 0;
  // Whether the client has yet to present itself; if it does not in time, OnInitTimeout is called.
  virtual bool waits_for_init() const { return false; }
  virtual void OnInitTimeout() {}
  // Complete everything and say goodbye.
  virtual void Drain() = 0;

  // Write what waits, unless the socket takes nothing now.
  void Flush();

  void Deliver(Subscription* subscription, std::string_view response);
  void ReportLoss(uint64_t count);
  // Prepare everything again: the catalog changed.
  void Revalidate();

  // For fraiseql_connections() and fraiseql_subscriptions(): a JSON object for each row.
  void WriteRow(size_t shard, JsonWriter* rows) const;
  void WriteSubscriptionRows(JsonWriter* rows) const;

 protected:
  Client(ClientHost* host, uint64_t id);

  struct Status {
    std::string_view protocol;
    std::string_view state;
    std::string peer;
  };
  // Empty protocol: not worth a row.
  virtual Status Describe() const = 0;

  virtual std::string ResponseHead(std::string_view id) const = 0;
  virtual void SendResponse(std::string_view head, std::string_view response) = 0;
  // A subscription that went on became invalid.
  virtual void SendErrors(std::string_view id, const std::vector<Error>& errors) = 0;
  // Nothing is sent any more.
  virtual bool closing() const = 0;

  // Whether the socket takes bytes now; if not, Flush is called when it does.
  virtual bool can_write() const = 0;
  virtual WriteResult Write(unsigned char* bytes, size_t length) = 0;
  // Everything that waited was handed to the socket.
  virtual void OnFlushed(WriteResult result) = 0;
  // More than outbox_size waited, and was dropped.
  virtual void CloseSlow() = 0;

  // Call with what came of appending a message to outbox(). Returns whether it will be sent; a
  // client too far behind is closed.
  bool Queue(Outbox::Result appended);
  Outbox* outbox() { return &outbox_; }
  void CountMessage() { ++sent_messages_; }

  bool Has(std::string_view id) const { return subscriptions_.find(id) != subscriptions_.end(); }
  StartResult Start(std::string_view id, const OperationRequest& request);
  void Stop(std::string_view id);
  // Stops one subscription and returns its id; empty if there is none left.
  std::string StopAny();

  ClientHost* const host_;

 private:
  using Subscriptions = std::unordered_map<std::string, Subscription, StringHash, std::equal_to<>>;

  Subscriptions subscriptions_;
  Outbox outbox_;
  const uint64_t id_;
  const int64_t connected_at_us_;
  uint64_t sent_messages_ = 0;
  uint64_t sent_bytes_ = 0;
  bool flushing_ = false;  // the host will call Flush
};

// The clients of a shard, by id.
using ClientMap = std::unordered_map<uint64_t, Client*>;

}  // namespace fsubs
