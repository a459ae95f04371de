// Values brought into one form, so that an argument and an event's field compare as bytes.
#pragma once

#include <optional>
#include <string>

#include "graphql/schema.hpp"
#include "worker/json_tree.hpp"

namespace fsubs {

// How values of a leaf type compare. A value that is coerced in a response compares as the client
// sees it: in a Float field the text "42.5" equals the number, in a Boolean field 1 equals true.
enum class Comparison : uint8_t {
  kText,      // String, enums: by their text, that of numbers as they are written
  kIdentity,  // ID, custom scalars: the numbers 1 and 1.0 equal the text "1"; otherwise by kind
  kNumber,    // Int, Float: by value, with any number of digits; 42.5 equals 42.50 and 4.25e1
  kBoolean,
};

Comparison ComparisonOf(const graphql::Type& leaf);

// Append the form of a value, or of no value, which equals null. Forms are self-delimiting: joined
// ones are equal only if each pair is. A value that the comparison does not fit has a form of its
// own.
void AppendComparable(Comparison comparison, const std::optional<JsonValue>& value,
                      std::string* form);
void AppendComparable(Comparison comparison, const graphql::Value& literal, std::string* form);

}  // namespace fsubs
