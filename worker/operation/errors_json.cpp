#include "worker/operation/errors_json.hpp"

namespace fsubs {
namespace {

void WriteLocations(const std::vector<graphql::SourceLocation>& locations, JsonWriter* json) {
  json->BeginArray();
  for (const graphql::SourceLocation& location : locations) {
    json->BeginObject();
    json->Key("line");
    json->Number(location.line);
    json->Key("column");
    json->Number(location.column);
    json->EndObject();
  }
  json->EndArray();
}

void WritePath(const std::vector<PathItem>& path, JsonWriter* json) {
  json->BeginArray();
  for (const PathItem& item : path) {
    if (const auto* const name = std::get_if<std::string>(&item)) {
      json->String(*name);
    } else {
      json->Number(std::get<size_t>(item));
    }
  }
  json->EndArray();
}

void WriteError(const Error& error, JsonWriter* json) {
  json->BeginObject();
  json->Key("message");
  json->String(error.message);
  if (!error.locations.empty()) {
    json->Key("locations");
    WriteLocations(error.locations, json);
  }
  if (!error.path.empty()) {
    json->Key("path");
    WritePath(error.path, json);
  }
  json->Key("extensions");
  if (!error.extensions_json.empty()) {
    json->Raw(error.extensions_json);
    json->EndObject();
    return;
  }
  json->BeginObject();
  json->Key("code");
  json->String(error.code);
  for (const ErrorExtension& extension : error.extensions) {
    json->Key(extension.name);
    if (const auto* const text = std::get_if<std::string>(&extension.value)) {
      json->String(*text);
    } else {
      json->Number(std::get<uint64_t>(extension.value));
    }
  }
  json->EndObject();
  json->EndObject();
}

}  // namespace

void WriteErrors(const std::vector<Error>& errors, JsonWriter* json) {
  json->BeginArray();
  for (const Error& error : errors) WriteError(error, json);
  json->EndArray();
}

std::string ErrorsJson(const std::vector<Error>& errors) {
  std::string text;
  JsonWriter json(&text);
  WriteErrors(errors, &json);
  return text;
}

std::string ResponseWithoutData(const std::vector<Error>& errors) {
  return R"({"errors":)" + ErrorsJson(errors) + "}";
}

std::string ResponseWithNullData(const std::vector<Error>& errors) {
  return R"({"data":null,"errors":)" + ErrorsJson(errors) + "}";
}

}  // namespace fsubs
