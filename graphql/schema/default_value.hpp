// Default values as introspection shows them (October 2021 specification, section 4.5).
#pragma once

#include <optional>
#include <string>

#include "graphql/schema/schema.hpp"

namespace fsubs::graphql {

// The longest text of a default value. Defaults of input fields fill in for fields that are left
// out, so a short schema can describe a very long value, or one without an end.
inline constexpr size_t kMaxDefaultText = 64 * 1024;

// `literal` coerced to `type` and printed, as graphql-js's astFromValue does. Empty if it is not a
// value of the type or its text would be longer than kMaxDefaultText.
std::optional<std::string> PrintDefault(const Value& literal, const WrappedType& type);

}  // namespace fsubs::graphql
