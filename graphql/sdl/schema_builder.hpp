// Builds a schema from the text of a type system document.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "graphql/language/error.hpp"
#include "graphql/schema/schema.hpp"

namespace fsubs::graphql {

struct SchemaResult {
  std::shared_ptr<const Schema> schema;  // null if there are errors
  std::vector<Error> errors;             // locations are in the given SDL
};

// Build a schema from a type system document and check it (specification, section 3). The
// specification's own scalars, directives and introspection types are added.
SchemaResult BuildSchema(std::string_view sdl);

}  // namespace fsubs::graphql
