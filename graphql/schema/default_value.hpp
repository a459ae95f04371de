// Default values as introspection tells them (October 2021 specification, section 4.5).
#pragma once

#include <optional>
#include <string>

#include "graphql/schema/schema.hpp"

namespace fsubs::graphql {

// No default value's text is longer: defaults of input fields stand in for fields left out, so
// a short schema can describe a long value, or one without an end.
inline constexpr size_t kMaxDefaultText = 64 * 1024;

// `literal` coerced to `type` and printed, as graphql-js's astFromValue does. Empty if it is no
// value of the type, or its text would be longer than kMaxDefaultText.
std::optional<std::string> PrintDefault(const Value& literal, const WrappedType& type);

}  // namespace fsubs::graphql
