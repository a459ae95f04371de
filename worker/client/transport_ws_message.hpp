// Messages of graphql-transport-ws as clients send them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "worker/json/json_tree.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {

enum class MessageType {
  kConnectionInit,
  kPing,
  kPong,
  kSubscribe,
  kComplete,
  kServerOnly,  // well formed, but only servers send it: connection_ack, next, error
};

// A parsed message. Views the tree it was parsed with.
struct ClientMessage {
  MessageType type = MessageType::kPing;
  std::string_view type_name;
  std::optional<JsonValue> payload;  // connection_init, ping, pong; null if null or left out
  std::string_view id;               // subscribe, complete
  OperationRequest operation;        // subscribe
};

// Parse and check one text message. Returns an empty string and sets `*message`, or says what is
// wrong with it in the words of the reference implementation.
std::string ParseClientMessage(std::string_view text, JsonTree* tree, ClientMessage* message);

}  // namespace fsubs
