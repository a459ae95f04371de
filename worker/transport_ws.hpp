// The graphql-transport-ws protocol as a state machine, without sockets, clocks or threads.
// docs/protocol.md has the diagram.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "worker/json_tree.hpp"
#include "worker/operation.hpp"

namespace fsubs {

class TransportWs;

// What the machine needs of the connection it speaks for. None of these calls back into the
// machine, but for Authorize.
class TransportHost {
 public:
  virtual ~TransportHost() = default;

  virtual void Send(std::string_view message) = 0;

  // Close the connection. Nothing is sent after this.
  virtual void Close(uint16_t code, std::string_view reason) = 0;

  // Decide on connection_init's payload: call Accept or Refuse, now or later.
  virtual void Authorize(const std::optional<JsonValue>& payload) = 0;

  virtual bool HasSubscription(std::string_view id) const = 0;

  // Start a subscription. Returns an empty string, or a JSON array of GraphQL errors.
  virtual std::string Subscribe(std::string_view id, const OperationRequest& request) = 0;

  // REQUIRES: HasSubscription(id).
  virtual void Unsubscribe(std::string_view id) = 0;
};

class TransportWs {
 public:
  enum class State : uint8_t {
    kConnected,     // waiting for connection_init
    kAuthorizing,   // connection_init came; the host decides
    kAcknowledged,  // operations may come
    kClosed,        // Close was called; everything is ignored
  };

  explicit TransportWs(TransportHost* host) : host_(host) {}

  State state() const { return state_; }

  // One text message. `tree` is scratch memory for it.
  void OnText(std::string_view text, JsonTree* tree);
  // Binary messages are not part of the protocol.
  void OnBinary();
  // The client did not send connection_init in time. Ignored once it has.
  void OnInitTimeout();

  // The host's answers to Authorize. Ignored unless the machine waits for one.
  void Accept();
  void Refuse();

  // The server's own ends.
  void Complete(std::string_view id);
  void Error(std::string_view id, std::string_view errors_json);
  void Close(uint16_t code, std::string_view reason);

 private:
  void OnConnectionInit(const std::optional<JsonValue>& payload);
  void OnSubscribe(std::string_view id, const OperationRequest& request);
  void Send(std::string_view type, std::string_view id, std::string_view payload);

  TransportHost* const host_;
  State state_ = State::kConnected;
};

// The head of a `next` message for `id`: what stands before the payload. "}" ends the message.
std::string NextMessageHead(std::string_view id);

}  // namespace fsubs
