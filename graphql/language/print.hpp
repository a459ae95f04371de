// Prints syntax back, as graphql-js's print() does.
#pragma once

#include <string>
#include <string_view>

#include "graphql/language/ast.hpp"

namespace fsubs::graphql {

std::string Print(const Value& value);
std::string Print(const TypeRef& type);
std::string Print(const FieldDefinition& field);

// A GraphQL string literal, quotes included.
std::string PrintString(std::string_view text);

}  // namespace fsubs::graphql
