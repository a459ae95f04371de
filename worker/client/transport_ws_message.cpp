#include "worker/client/transport_ws_message.hpp"

#include "worker/client/operation_request.hpp"

namespace fsubs {
namespace {

struct TypeName {
  std::string_view name;
  MessageType type;
};

constexpr TypeName kTypes[] = {
    {"connection_init", MessageType::kConnectionInit},
    {"ping", MessageType::kPing},
    {"pong", MessageType::kPong},
    {"subscribe", MessageType::kSubscribe},
    {"complete", MessageType::kComplete},
    {"connection_ack", MessageType::kServerOnly},
    {"next", MessageType::kServerOnly},
    {"error", MessageType::kServerOnly},
};

std::string CheckId(const JsonValue& root, ClientMessage* message) {
  const auto id = root.Find("id");
  const std::string subject = "\"" + std::string(message->type_name) + "\" message ";
  if (!IsString(id)) {
    return subject + "expects the 'id' property to be a string, but got " + TypeOf(id);
  }
  if (id->text().empty()) return subject + "requires a non-empty 'id' property";
  message->id = id->text();
  return {};
}

std::string CheckSubscribe(const JsonValue& root, ClientMessage* message) {
  const auto payload = root.Find("payload");
  if (!IsObject(payload)) {
    return "\"subscribe\" message expects the 'payload' property to be an object, but got " +
           TypeOf(payload);
  }
  const std::string problem = ReadOperationRequest(*payload, &message->operation);
  return problem.empty() ? problem : "\"subscribe\" message payload " + problem;
}

}  // namespace

std::string ParseClientMessage(std::string_view text, JsonTree* tree, ClientMessage* message) {
  if (!tree->ParseCopy(text)) return "Invalid message received";
  const JsonValue root = tree->root();
  if (root.type() != JsonType::kObject) {
    return "Message is expected to be an object, but got " + TypeOf(root);
  }
  const auto type = root.Find("type");
  if (!type) return "Message is missing the 'type' property";
  if (!IsString(type)) {
    return "Message is expects the 'type' property to be a string, but got " + TypeOf(type);
  }
  *message = {};
  message->type_name = type->text();
  bool known = false;
  for (const TypeName& candidate : kTypes) {
    if (candidate.name != message->type_name) continue;
    message->type = candidate.type;
    known = true;
  }
  if (!known) return "Invalid message 'type' property \"" + std::string(message->type_name) + "\"";

  switch (message->type) {
    case MessageType::kConnectionInit:
    case MessageType::kPing:
    case MessageType::kPong: {
      const auto payload = root.Find("payload");
      if (!IsMissing(payload) && !IsObject(payload)) {
        return "\"" + std::string(message->type_name) +
               "\" message expects the 'payload' property to be an object or nullish or missing, "
               "but got " +
               TypeOf(payload);
      }
      if (!IsMissing(payload)) message->payload = payload;
      return {};
    }
    case MessageType::kSubscribe: {
      std::string problem = CheckId(root, message);
      return problem.empty() ? CheckSubscribe(root, message) : problem;
    }
    case MessageType::kComplete:
      return CheckId(root, message);
    case MessageType::kServerOnly:
      break;
  }
  return {};
}

}  // namespace fsubs
