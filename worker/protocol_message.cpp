#include "worker/protocol_message.hpp"

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

// As JavaScript's typeof, which the reference implementation's messages show.
std::string TypeOf(const std::optional<JsonValue>& value) {
  if (!value) return "undefined";
  switch (value->type()) {
    case JsonType::kNull:
      return "null";
    case JsonType::kBoolean:
      return "boolean";
    case JsonType::kNumber:
      return "number";
    case JsonType::kString:
      return "string";
    case JsonType::kArray:
      return "array";
    case JsonType::kObject:
      break;
  }
  return "object";
}

bool IsObject(const std::optional<JsonValue>& value) {
  return value && value->type() == JsonType::kObject;
}

bool IsString(const std::optional<JsonValue>& value) {
  return value && value->type() == JsonType::kString;
}

bool IsMissing(const std::optional<JsonValue>& value) {
  return !value || value->is_null();
}

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
  const std::string subject = "\"subscribe\" message payload expects the ";
  const auto query = payload->Find("query");
  const auto name = payload->Find("operationName");
  const auto variables = payload->Find("variables");
  const auto extensions = payload->Find("extensions");
  if (!IsString(query)) {
    return subject + "'query' property to be a string, but got " + TypeOf(query);
  }
  if (!IsMissing(variables) && !IsObject(variables)) {
    return subject + "'variables' property to be a an object or nullish or missing, but got " +
           TypeOf(variables);
  }
  if (!IsMissing(name) && !IsString(name)) {
    return subject + "'operationName' property to be a string or nullish or missing, but got " +
           TypeOf(name);
  }
  if (!IsMissing(extensions) && !IsObject(extensions)) {
    return subject + "'extensions' property to be a an object or nullish or missing, but got " +
           TypeOf(extensions);
  }
  message->operation.query = query->text();
  if (!IsMissing(name)) message->operation.operation_name = name->text();
  if (!IsMissing(variables)) message->operation.variables = variables;
  return {};
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
