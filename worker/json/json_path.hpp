// A way into JSON data: `$.a.b`, with names that are no plain words in double quotes, as in
// `$."https://example.com/claims"."user id"`. A subset of SQL's (ISO/IEC 9075-2, 9.44): no
// wildcards, no elements of arrays, no filters.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/json/json_tree.hpp"

namespace fsubs {

using JsonPath = std::vector<std::string>;

// Nothing if `text` is no such path. `$` alone is the data itself.
std::optional<JsonPath> ParseJsonPath(std::string_view text);

// The value there; nothing if it or an object around it is missing.
std::optional<JsonValue> ValueAtPath(const JsonValue& data, const JsonPath& path);

}  // namespace fsubs
