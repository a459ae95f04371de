// A subprotocol of GraphQL over WebSocket as a state machine, without sockets, clocks or threads.
// docs/protocol.md has the diagram.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/json/json_tree.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {

// What became of a request to start an operation.
struct StartResult {
  enum class Kind : uint8_t {
    kSubscribed,
    kExecuted,  // a query: `response` is all that comes of it
    kRenews,    // a mutation: `renewal` is for WsProtocolHost::Renew
    kRefused,   // `errors` say why
  };
  Kind kind = Kind::kSubscribed;
  std::string response;
  std::optional<RenewalRequest> renewal;
  std::vector<Error> errors;
};

// What a protocol needs of the connection it speaks for. None of these calls back into the
// protocol, but for Authorize and the two that renew.
class WsProtocolHost {
 public:
  virtual ~WsProtocolHost() = default;

  // What a message is to the operation `id`.
  enum class About : uint8_t { kConnection, kResponse, kEnd };
  // `id` is empty for kConnection.
  virtual void Send(About about, std::string_view id, std::string_view message) = 0;

  // Close the connection. Nothing is sent after this.
  virtual void Close(uint16_t code, std::string_view reason) = 0;

  // Decide on the payload that a client presented itself with: call Accept or Refuse, now or later.
  virtual void Authorize(const std::optional<JsonValue>& payload) = 0;

  // The client would go on with another token: call Pong with what came of it, now or later.
  virtual void RenewByPing(std::string_view authorization) = 0;
  // The same by an operation: call Answer, unless it is stopped before.
  virtual void Renew(std::string_view id, RenewalRequest request) = 0;

  // Operations that wait for their answer are among them.
  virtual bool HasSubscription(std::string_view id) const = 0;

  // REQUIRES: not HasSubscription(id).
  virtual StartResult StartOperation(std::string_view id, const OperationRequest& request) = 0;

  // REQUIRES: HasSubscription(id).
  virtual void StopSubscription(std::string_view id) = 0;
};

class WsProtocol {
 public:
  enum class State : uint8_t {
    kConnected,     // waiting for the client to present itself
    kAuthorizing,   // it did; the host decides
    kAcknowledged,  // operations may come
    kClosed,        // Close was called; everything is ignored
  };

  virtual ~WsProtocol() = default;

  State state() const { return state_; }

  // As in Sec-WebSocket-Protocol.
  virtual std::string_view name() const = 0;

  // One text message. `tree` is scratch memory for it.
  virtual void OnText(std::string_view text, JsonTree* tree) = 0;
  // Binary messages are not part of any of the protocols.
  void OnBinary();
  // The client did not present itself in time. Ignored once it has.
  void OnInitTimeout();
  // Once per keep-alive interval of an acknowledged connection.
  virtual void OnKeepalive() {}

  // The host's answers to Authorize. Ignored unless the protocol waits for one. `payload`: of the
  // acknowledgement. `reason`: for people; may be empty.
  virtual void Accept(std::string_view payload) = 0;
  virtual void Refuse(std::string_view reason) = 0;

  // The client's identity is about to expire.
  virtual void NoteExpiry(uint64_t seconds_left) = 0;
  // The answer to WsProtocolHost::RenewByPing.
  void Pong(std::string_view payload) { Send("pong", {}, payload); }
  // The one response to an operation.
  void Answer(std::string_view id, std::string_view response);

  // The server's own ends.
  virtual void Complete(std::string_view id) = 0;
  virtual void Fail(std::string_view id, const std::vector<Error>& errors) = 0;
  void Close(uint16_t code, std::string_view reason);

  // What stands before the response in a message that carries one. "}" ends the message.
  virtual std::string ResponseHead(std::string_view id) const = 0;

 protected:
  explicit WsProtocol(WsProtocolHost* host) : host_(host) {}

  // `{"id":...,"type":...,"payload":...}`, without members that are empty. One with an id ends its
  // operation.
  void Send(std::string_view type, std::string_view id, std::string_view payload);
  // Starts an operation and sends what it comes to at once.
  void Start(std::string_view id, const OperationRequest& request);
  // "Forbidden", and why.
  static std::string Forbidden(std::string_view reason);

  WsProtocolHost* const host_;
  State state_ = State::kConnected;
};

inline constexpr char kTransportWs[] = "graphql-transport-ws";
inline constexpr char kLegacyWs[] = "graphql-ws";
inline constexpr const char* kSubprotocols[] = {kTransportWs, kLegacyWs};

// The protocol of that subprotocol name; the first one, to refuse with, if there is none.
std::unique_ptr<WsProtocol> MakeWsProtocol(std::string_view name, WsProtocolHost* host);

}  // namespace fsubs
