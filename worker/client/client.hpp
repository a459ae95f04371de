// One peer of a shard and its subscriptions, whatever transport it came by.
//
// One shard's thread only. Owned by the socket server, which destroys it when the socket closed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "worker/client/ws_protocol.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {

class Client;
class Shard;

// One subscription of a client. Keeps its request, to be prepared again when the catalog changes.
struct Subscription final : Member {
  Client* client = nullptr;
  std::string head;  // what stands before the response in its messages
  std::shared_ptr<const std::string> query;
  std::string operation_name;
  bool has_operation_name = false;
  bool timing = false;
  std::string variables;  // JSON text; empty: none
  int64_t started_at_us = 0;
  uint64_t delivered = 0;
};

class Client {
 public:
  virtual ~Client();

  uint64_t id() const { return id_; }

  // A message that waited for the catalog (Shard::Defer) may be handled now.
  virtual void Handle(std::string_view message) = 0;
  // The socket may be written to, or there is something to write.
  virtual void Flush() = 0;
  virtual void OnKeepalive() = 0;
  // Complete everything and say goodbye.
  virtual void Drain() = 0;

  void Deliver(Subscription* subscription, std::string_view response);
  void ReportLoss(uint64_t count);
  // Prepare everything again: the catalog changed.
  void Revalidate();

  // For fraiseql_connections() and fraiseql_subscriptions(): JSON objects, separated by commas.
  void AppendRow(size_t shard, std::string* rows) const;
  void AppendSubscriptionRows(std::string* rows) const;

 protected:
  Client(Shard* shard, uint64_t id);

  struct Status {
    std::string_view protocol;
    std::string_view state;
    std::string peer;
    size_t queued_bytes;
    uint64_t sent_messages;
    uint64_t sent_bytes;
  };
  // Empty protocol: not worth a row.
  virtual Status Describe() const = 0;

  virtual std::string ResponseHead(std::string_view id) const = 0;
  virtual void SendResponse(std::string_view head, std::string_view response) = 0;
  // A subscription that went on became invalid.
  virtual void SendErrors(std::string_view id, std::string_view errors_json) = 0;
  // Nothing is sent any more.
  virtual bool closing() const = 0;

  bool Has(std::string_view id) const { return subscriptions_.find(id) != subscriptions_.end(); }
  StartResult Start(std::string_view id, const OperationRequest& request);
  void Stop(std::string_view id);
  // Stops one subscription and returns its id; empty if there is none left.
  std::string StopAny();

  Shard* const shard_;

 private:
  using Subscriptions = std::unordered_map<std::string, Subscription, StringHash, std::equal_to<>>;

  Subscriptions subscriptions_;
  const uint64_t id_;
  const int64_t connected_at_us_;
};

}  // namespace fsubs
