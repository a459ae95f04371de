#include "worker/hosted/opening_reader.hpp"

#include <utility>

#include "contract/side_door_protocol.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/socket/url.hpp"

namespace fsubs {
namespace {

// Returns false if it is there and no string.
bool ReadText(const JsonValue& object, std::string_view name, std::string* text) {
  const auto value = object.Find(name);
  if (!value || value->is_null()) return true;
  if (value->type() != JsonType::kString) return false;
  *text = value->ToString();
  return true;
}

std::string Quoted(std::string_view name) {
  return "\"" + std::string(name) + "\"";
}

void AddHeader(std::string_view name, std::string_view value, HttpRequest* request) {
  if (name == "origin") request->origin = value;
  if (name == "host") request->host = value;
  if (name == "authorization") request->authorization = value;
  if (name == "x-hasura-role") request->hasura_role = value;
  request->headers.emplace_back(name, value);
}

}  // namespace

std::string ReadOpening(std::string_view json, HostedOpening* opening) {
  JsonTree tree;
  if (!tree.ParseCopy(json)) return std::string("its payload is not JSON: ") + tree.error();
  const JsonValue root = tree.root();
  if (root.type() != JsonType::kObject) return "its payload is no JSON object";
  std::string path = "/";
  for (const auto& [name, text] : {std::pair{"subprotocol", &opening->subprotocol},
                                   std::pair{"peer", &opening->peer}, std::pair{"path", &path}}) {
    if (!ReadText(root, name, text)) return Quoted(name) + " is no string";
  }
  auto target = ReadTarget(path);
  if (!target) return "\"path\" is not that of a URL";
  HttpRequest& request = opening->handshake;
  request.path = std::move(target->path);
  request.parameters = std::move(target->parameters);
  const auto headers = root.Find("headers");
  if (headers && !headers->is_null()) {
    if (headers->type() != JsonType::kObject) return "\"headers\" is no object";
    std::string problem;
    headers->ForEachMember([&](std::string_view name, const JsonValue& value) {
      if (value.type() == JsonType::kString) {
        AddHeader(name, value.text(), &request);
      } else {
        problem = "header " + Quoted(name) + " is no string";
      }
    });
    if (!problem.empty()) return problem;
  }
  const auto claims = root.Find("claims");
  if (claims && !claims->is_null()) {
    if (claims->type() != JsonType::kObject) return "\"claims\" is no object";
    if (claims->raw().size() > side_door::kMaxClaimsLength) return "\"claims\" is too long";
    opening->claims = claims->raw();
  }
  return {};
}

}  // namespace fsubs
