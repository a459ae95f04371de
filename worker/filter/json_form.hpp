// JSON in a form that is equal for equal values: numbers by value, members in any order, the last
// of those with one name.
#pragma once

#include <string>
#include <string_view>

#include "graphql/language/ast.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

void AppendJsonForm(const JsonValue& value, std::string* out);
// Of a literal without variables. Enum values count as strings.
void AppendJsonForm(const graphql::Value& literal, std::string* out);

// hstore: an object of texts and nulls, as it is in an event, or as text, "a=>1, b=>NULL". Returns
// false if it is none.
[[nodiscard]] bool AppendHstoreForm(const JsonValue& object, std::string* out);
[[nodiscard]] bool AppendHstoreForm(std::string_view text, std::string* out);

}  // namespace fsubs
