#include "worker/client/credentials_reader.hpp"

#include <algorithm>
#include <iterator>
#include <map>

#include "graphql/language/ascii.hpp"
#include "worker/client/operation_request.hpp"
#include "worker/client/text_list.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {
namespace {

using graphql::ToLower;

constexpr std::string_view kAuthorization = "authorization";
constexpr std::string_view kHeaders = "headers";  // of the payload
constexpr std::string_view kHasuraRole = "x-hasura-role";
constexpr std::string_view kAccessToken = "access_token";

struct Place {
  std::string_view member;  // of the payload
  BearerScheme scheme;
};

constexpr Place kPlaces[] = {
    {"Authorization", BearerScheme::kRequired},
    {"authorization", BearerScheme::kRequired},
    {"authToken", BearerScheme::kOptional},
    {"token", BearerScheme::kOptional},
};

bool HoldsNothing(const std::optional<JsonValue>& value) {
  return IsMissing(value) || (IsString(value) && Trim(value->text()).empty());
}

// Whatever its case, as names of headers are compared. The first one that holds something.
std::optional<JsonValue> FindHeader(const JsonValue& headers, std::string_view name) {
  std::optional<JsonValue> found;
  headers.ForEachMember([&](std::string_view member, JsonValue value) {
    if (HoldsNothing(found) && ToLower(member) == name) found = value;
  });
  return found;
}

// The token at a place of the payload that holds something.
std::string ReadMember(const JsonValue& value, std::string_view name, BearerScheme scheme,
                       std::string* token) {
  if (!IsString(value)) {
    return "\"" + std::string(name) + "\" is no string but " + TypeOf(value);
  }
  return ReadToken(value.text(), scheme, token);
}

std::string ReadPayload(const JsonValue& payload, Credentials* credentials, bool* found) {
  const auto headers = payload.Find(kHeaders);
  if (!IsMissing(headers)) {
    if (!IsObject(headers)) return "\"headers\" is no object but " + TypeOf(headers);
    const auto role = FindHeader(*headers, kHasuraRole);
    if (!HoldsNothing(role)) {
      if (!IsString(role)) return "\"x-hasura-role\" is no string but " + TypeOf(role);
      credentials->requested_role = Trim(role->text());
    }
    const auto authorization = FindHeader(*headers, kAuthorization);
    if (!HoldsNothing(authorization)) {
      *found = true;
      return ReadMember(*authorization, "headers.Authorization", BearerScheme::kRequired,
                        &credentials->token);
    }
  }
  for (const Place& place : kPlaces) {
    const auto value = payload.Find(place.member);
    if (HoldsNothing(value)) continue;
    *found = true;
    return ReadMember(*value, place.member, place.scheme, &credentials->token);
  }
  return {};
}

// Headers are bytes, and mostly UTF-8. What is not is taken for ISO 8859-1 (RFC 9110, section 5.5).
std::string Utf8(std::string_view bytes) {
  if (IsUtf8(bytes)) return std::string(bytes);
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xC0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return text;
}

// Those of one name are joined (section 5.3).
std::string HeadersJson(const HttpHeaders& headers) {
  std::map<std::string_view, std::string> joined;
  for (const auto& [name, value] : headers) {
    const auto [at, is_new] = joined.try_emplace(name, value);
    if (!is_new) at->second.append(", ").append(value);
  }
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  for (const auto& [name, value] : joined) {
    json.Key(Utf8(name));
    json.String(Utf8(value));
  }
  json.EndObject();
  return text;
}

bool IsAuthorization(std::string_view name) {
  return ToLower(name) == kAuthorization;
}

bool IsPlace(std::string_view member) {
  return std::any_of(std::begin(kPlaces), std::end(kPlaces),
                     [&](const Place& place) { return place.member == member; });
}

// The object without the members that `is_left_out` says.
template <typename Predicate>
void WriteMembers(const JsonValue& object, Predicate is_left_out, JsonWriter* json) {
  json->BeginObject();
  object.ForEachMember([&](std::string_view name, const JsonValue& value) {
    if (is_left_out(name)) return;
    json->Key(name);
    if (name == kHeaders && IsObject(value)) {
      WriteMembers(value, IsAuthorization, json);
    } else {
      json->Raw(value.raw());
    }
  });
  json->EndObject();
}

// REQUIRES: `text` is an object.
template <typename Predicate>
std::string WithoutMembers(const std::string& text, Predicate is_left_out) {
  JsonTree tree;
  if (!tree.ParseCopy(text)) return "{}";
  std::string rest;
  JsonWriter json(&rest);
  WriteMembers(tree.root(), is_left_out, &json);
  return rest;
}

}  // namespace

void RemoveToken(Credentials* credentials) {
  credentials->token.clear();
  credentials->init_payload = WithoutMembers(credentials->init_payload, IsPlace);
  credentials->headers = WithoutMembers(credentials->headers, IsAuthorization);
}

std::string ReadToken(std::string_view text, BearerScheme scheme, std::string* token) {
  std::string_view rest = Trim(text);
  if (rest.empty()) return "there is no token";
  const std::string_view first = rest.substr(0, rest.find_first_of(" \t"));
  const bool is_bearer = ToLower(first) == "bearer";
  if (is_bearer) {
    rest = Trim(rest.substr(first.size()));
    if (rest.empty()) return "there is no token behind \"Bearer\"";
  } else if (scheme == BearerScheme::kRequired) {
    return "the scheme of the credentials is not Bearer";
  }
  if (rest.find_first_of(" \t\r\n") != std::string_view::npos) {
    return is_bearer ? "the token has white space in it"
                     : "the scheme of the credentials is not Bearer";
  }
  *token = rest;
  return {};
}

std::string ReadCredentials(const HttpRequest& request, const std::optional<JsonValue>& payload,
                            const CredentialRules& rules, Credentials* credentials) {
  *credentials = {};
  if (rules.for_function) {
    if (payload) credentials->init_payload = payload->raw();
    credentials->headers = HeadersJson(request.headers);
  }
  bool found = false;
  if (payload) {
    std::string problem = ReadPayload(*payload, credentials, &found);
    if (!problem.empty()) return problem;
  }
  if (credentials->requested_role.empty()) {
    const std::string_view role = Trim(request.hasura_role);
    if (IsUtf8(role)) credentials->requested_role = role;
  }
  if (found) return {};
  if (!Trim(request.authorization).empty()) {
    return ReadToken(request.authorization, BearerScheme::kRequired, &credentials->token);
  }
  const auto parameter = rules.token_in_url ? request.Parameter(kAccessToken) : std::nullopt;
  if (parameter && !Trim(*parameter).empty()) {
    return ReadToken(*parameter, BearerScheme::kOptional, &credentials->token);
  }
  return {};
}

}  // namespace fsubs
