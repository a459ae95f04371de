// The directives by which an argument of a subscription field says what it filters by, where that
// is not the field of its name: `@filters(by: "customer_id")`, a key of the event's data, and
// `@filtersNothing`, for arguments that are a resolver's alone. Both are for fields whose values a
// resolver makes: the result's type then says nothing of the event.
#pragma once

#include <string_view>

#include "graphql/schema/schema.hpp"

namespace fsubs::graphql {

struct ArgumentDirective {
  std::string_view name;
  std::string_view definition;
};

inline constexpr ArgumentDirective kFilters = {
    "filters", "directive @filters(by: String!) on ARGUMENT_DEFINITION"};
inline constexpr ArgumentDirective kFiltersNothing = {
    "filtersNothing", "directive @filtersNothing on ARGUMENT_DEFINITION"};
inline constexpr ArgumentDirective kArgumentDirectives[] = {kFilters, kFiltersNothing};

// What `@filters` names; empty if the argument has none, or it is no text.
std::string_view FilteredKey(const InputValue& argument);

// Whether it has `@filtersNothing`.
bool FiltersNothing(const InputValue& argument);

}  // namespace fsubs::graphql
