// Reads the parameters of a GraphQL request, which are the same over every transport: `query`,
// `operationName`, `variables` and `extensions`.
#pragma once

#include <optional>
#include <string>

#include "worker/json/json_tree.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {

// As JavaScript's typeof, which the reference implementations' messages show; "undefined" if there
// is no value.
std::string TypeOf(const std::optional<JsonValue>& value);

bool IsObject(const std::optional<JsonValue>& value);
bool IsString(const std::optional<JsonValue>& value);
// Left out, or null.
bool IsMissing(const std::optional<JsonValue>& value);

// Whether a request's extensions ask for `"timing": true`.
bool WantsTiming(const JsonValue& extensions);

// Check `parameters`, an object, and set `*request`, which views it. Returns an empty string, or
// what is wrong, as in "expects the 'query' property to be a string, but got number".
std::string ReadOperationRequest(const JsonValue& parameters, OperationRequest* request);

}  // namespace fsubs
