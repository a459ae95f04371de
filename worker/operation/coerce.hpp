// Variables and arguments of an operation (October 2021 specification, sections 6.1.2 and 6.4.1).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/schema/schema.hpp"
#include "graphql/schema/visibility.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/operation/error.hpp"

namespace fsubs {

// A coerced value: JSON that the client sent, or a literal of the document, or neither if nothing
// was given. Views its source.
struct GivenValue {
  std::optional<JsonValue> json;
  const graphql::Value* literal = nullptr;

  bool given() const { return json.has_value() || literal != nullptr; }
  // REQUIRES: a value of type Boolean, if any.
  bool is_true() const {
    return json ? !json->is_null() && json->boolean() : literal != nullptr && literal->boolean;
  }
  // Given, and null.
  bool is_null() const {
    return json ? json->is_null()
                : literal != nullptr && literal->kind == graphql::ValueKind::kNull;
  }
};

class Variables {
 public:
  // Check `values`, the client's "variables" object if it sent one, against the variables that
  // `operation` defines. Returns the errors that graphql-js would report, with its messages and
  // locations. `suggestions`: what names of the schema they suggest; null: none. The JSON, the
  // document and the schema outlive the object.
  std::vector<Error> Coerce(const graphql::Schema& schema, const graphql::Document& document,
                            const graphql::Operation& operation,
                            const std::optional<JsonValue>& values,
                            const graphql::Visibility* suggestions = nullptr);

  GivenValue Find(std::string_view name) const;

  // Those that the client gave, as a JSON object; empty if it gave none.
  std::string GivenJson() const;

  // The value of a literal that may be, but not contain, a variable.
  GivenValue Resolve(const graphql::Value& literal) const;

 private:
  std::map<std::string_view, GivenValue> values_;
};

// How graphql-js shows a value in a message.
std::string Inspect(const JsonValue& value);

}  // namespace fsubs
