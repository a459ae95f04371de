// Checks the whole schema that a registration would make. Pure C++: knows nothing of the database,
// throws UserError.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/sdl/compose.hpp"

namespace fsubs {

// Everything that would be registered, in UTF-8.
struct Registration {
  std::span<const std::string_view> type_names;
  std::span<const std::string_view> definitions;  // parallel to type_names
  std::span<const std::string_view> field_names;
  std::span<const std::string_view> fields;  // SDL; parallel to field_names
  std::string_view source;                   // text the user gave, for locations; may be empty
  std::string_view removed;                  // type that is being unregistered; empty: none
};

// The definitions in `sdl`. Throws UserError for what cannot be registered, and for names given
// twice.
std::vector<graphql::NamedDefinition> SplitTypes(std::string_view sdl);

// The name of the subscription field that `sdl` defines. Throws UserError if it does not define
// one.
std::string FieldName(std::string_view sdl);

// Throw UserError unless everything together is a valid schema and each argument of each
// subscription field has a field of the same type to filter.
void CheckSchema(const Registration& registration);

}  // namespace fsubs
