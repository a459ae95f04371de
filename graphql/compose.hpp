// From what is registered in the database to the schema that is served.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/ast.hpp"
#include "graphql/error.hpp"
#include "graphql/schema.hpp"

namespace fsubs::graphql {

// One registered definition: its name and its source text, description included.
struct NamedDefinition {
  std::string name;  // directives carry their "@"
  std::string text;
};

// Split an SDL document into its definitions. On an error `*error` is set and nothing is returned.
// Operations, fragments, `schema` and extensions are errors: each definition stands alone. So are
// the types that are composed, Query and Subscription among them.
std::vector<NamedDefinition> SplitDefinitions(std::string_view sdl, std::optional<Error>* error);

// The SDL of what was registered: the definitions and `type Subscription` with `fields`. It is what
// a federation router composes with other services.
std::string ComposeSubgraph(std::string_view definitions, std::span<const std::string_view> fields);

// The SDL of the whole schema: the subgraph and `type Query`, without which no schema is complete
// (specification, section 3.3.1). What its fields return: worker/query.cpp.
std::string ComposeSchema(std::string_view definitions, std::span<const std::string_view> fields);

// A subscription field may have this many arguments: those given are kept as bits of a word.
inline constexpr size_t kMaxArguments = 64;

// Where a subscription field's argument finds its value in an event's data.
struct ArgumentTarget {
  bool in_row = false;                // under "row", as row changes have it
  const WrappedType* type = nullptr;  // of the data's field
};

// The field of `payload` that `argument` filters: the one of the same name, or that of its field
// `row`. Returns false if there is none or it is not a leaf that can be compared.
[[nodiscard]] bool FindArgumentTarget(const Type& payload, std::string_view argument,
                                      ArgumentTarget* target);

}  // namespace fsubs::graphql
