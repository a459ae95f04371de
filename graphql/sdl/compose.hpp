// Composes the schema that is served from what is registered in the database.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/language/checkpoint.hpp"
#include "graphql/language/error.hpp"
#include "graphql/schema/filter_types.hpp"
#include "graphql/schema/schema.hpp"

namespace fsubs::graphql {

// The name under which `extend schema @link(...)` is registered.
inline constexpr std::string_view kSchemaExtension = "schema";

// One registered definition: its name and its source text, description included.
struct NamedDefinition {
  std::string name;  // directives carry their "@"
  std::string text;
};

// Split an SDL document into its definitions. On an error `*error` is set and nothing is returned.
// Operations, fragments, `schema` and extensions are errors, since each definition stands alone. So
// are the types that are composed, such as Query, Mutation and Subscription. The schema itself may
// be extended by directives: federation routers read from them what a subgraph uses.
std::vector<NamedDefinition> SplitDefinitions(std::string_view sdl, std::optional<Error>* error,
                                              Checkpoint checkpoint = GoOn);

// The SDL of what was registered: the definitions and `type Subscription` with `fields`. It is what
// a federation router composes with other services.
std::string ComposeSubgraph(std::string_view definitions, std::span<const std::string_view> fields,
                            Checkpoint checkpoint = GoOn);

// The SDL of the whole schema: the subgraph, `type Query`, without which no schema is complete
// (specification, section 3.3.1), and `type Mutation`. worker/operation/query.cpp and renewal.cpp
// have what their fields return.
std::string ComposeSchema(std::string_view definitions, std::span<const std::string_view> fields,
                          Checkpoint checkpoint = GoOn);

// Where a subscription field's argument finds its value in an event's data.
struct ArgumentTarget {
  enum class Kind : uint8_t {
    kField,    // the payload's field of its name
    kAll,      // all of the data, of which it is a filter
    kKey,      // a key of the data, whatever the payload
    kNothing,  // it is for a resolver
  };

  Kind kind = Kind::kField;
  bool in_row = false;           // under "row", as row changes have it
  const Field* row = nullptr;    // the payload's field `row`, if it is
  const Field* field = nullptr;  // of kField
  std::string_view key;          // of kKey
};

// Find what `argument` of a subscription field of type `payload` filters: all of the event's data
// if it is a filter input, otherwise what its directives say (argument_directives.hpp), or else the
// leaf of its name in the payload or in the payload's field `row`. Returns an empty string, or why
// it filters nothing. `filters` is one for all fields of a
// schema.
std::string FindArgumentTarget(const WrappedType& payload, const InputValue& argument,
                               FilterChecks* filters, ArgumentTarget* target);

}  // namespace fsubs::graphql
