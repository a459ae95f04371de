// Default values as introspection shows them (specification, section 4.2.4).
#pragma once

#include <string>

#include "graphql/ast.hpp"
#include "graphql/schema.hpp"

namespace fsubs::graphql {

// A literal after coercion to its type, printed: a lone value of a list in brackets, the defaults
// of an input object's fields put in, numbers in their shortest form. REQUIRES: the literal is
// valid for the type.
std::string PrintDefault(const WrappedType& type, const Value& value);

}  // namespace fsubs::graphql
