// Definitions of the access directives (graphql/schema/access_directives.hpp). A schema may use
// them without any.
#pragma once

#include <string>
#include <string_view>

#include "graphql/language/ast.hpp"
#include "graphql/schema/access_directives.hpp"

namespace fsubs::graphql {

// Whether an access directive may stand there: "OBJECT".
bool IsAccessLocation(std::string_view location);

// Check the definition that a schema has of `known`: it takes the same argument, at no other
// places. Returns an empty string, or what is wrong with it.
std::string CheckAccessDefinition(const AccessDirective& known,
                                  const DirectiveDefinition& definition);

// The SDL of those access directives, and of those of arguments (argument_directives.hpp), that
// `document` uses and neither defines nor imports by `@link`. Tools that read the schema want every
// directive to be defined.
std::string GenerateDirectives(const Document& document);

}  // namespace fsubs::graphql
