// The types of watched tables' columns, and how they take part in a comparison.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "graphql/schema/filter_types.hpp"
#include "graphql/schema/schema.hpp"

namespace fsubs {

using graphql::Comparison;

struct ColumnType {
  std::string name;  // as PostgreSQL names it: "uuid", "uuid[]"
  // Of its values, or of an array's elements. kText: the type adds nothing to what GraphQL says.
  Comparison comparison = Comparison::kText;
  bool is_array = false;
};

using ColumnTypes = std::map<std::string, ColumnType, std::less<>>;  // by the column's name

// `name`: a name of pg_type, with "[]" behind it for an array of it.
ColumnType ColumnTypeOf(std::string_view name);

// How values of `leaf` compare that are those of a column of that type, or a list's elements that
// are those of an array. A null column says nothing.
Comparison ComparisonOf(const graphql::Type& leaf, const ColumnType* column);

}  // namespace fsubs
