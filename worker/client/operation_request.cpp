#include "worker/client/operation_request.hpp"

namespace fsubs {

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

bool WantsTiming(const JsonValue& extensions) {
  const auto timing = extensions.Find("timing");
  return timing && timing->type() == JsonType::kBoolean && timing->boolean();
}

std::string ReadOperationRequest(const JsonValue& parameters, OperationRequest* request) {
  const auto query = parameters.Find("query");
  const auto name = parameters.Find("operationName");
  const auto variables = parameters.Find("variables");
  const auto extensions = parameters.Find("extensions");
  if (!IsString(query)) {
    return "expects the 'query' property to be a string, but got " + TypeOf(query);
  }
  if (!IsMissing(variables) && !IsObject(variables)) {
    return "expects the 'variables' property to be a an object or nullish or missing, but got " +
           TypeOf(variables);
  }
  if (!IsMissing(name) && !IsString(name)) {
    return "expects the 'operationName' property to be a string or nullish or missing, but got " +
           TypeOf(name);
  }
  if (!IsMissing(extensions) && !IsObject(extensions)) {
    return "expects the 'extensions' property to be a an object or nullish or missing, but got " +
           TypeOf(extensions);
  }
  *request = {};
  request->query = query->text();
  if (!IsMissing(name)) request->operation_name = name->text();
  if (!IsMissing(variables)) request->variables = variables;
  if (!IsMissing(extensions)) request->timing = WantsTiming(*extensions);
  return {};
}

}  // namespace fsubs
