// Filter inputs: the types of `where` arguments, made from the types that they filter.
// docs/filters.md tells what each member means.
#pragma once

#include <string>
#include <string_view>

#include "graphql/language/ast.hpp"
#include "graphql/schema/schema.hpp"

namespace fsubs::graphql {

// The SDL of the filter inputs that `document` refers to and does not define: `OrderFilter` for a
// type `Order`, and what that needs in turn.
std::string GenerateFilterTypes(const Document& document);

// What a filter's member does.
enum class FilterMember : uint8_t {
  kUnknown,
  kField,  // a condition on the field of that name
  kAnd,
  kOr,
  kNot,
  kExists,
  kEq,
  kNe,
  kGt,
  kGte,
  kLt,
  kLte,
  kIn,
  kNotIn,
  kContains,
  kStartsWith,
  kSome,
  kEvery,
  kNone,
};

// The meaning of a member of a filter on a value of type `target`, wrappers included.
FilterMember FilterMemberOf(const WrappedType& target, std::string_view member);

// Whether `filter` is a filter on values of `target`: one that was generated, or registered and
// offering less. Returns what is wrong with it otherwise.
std::string CheckFilterType(const Type& filter, const WrappedType& target);

// How the values of a leaf type compare.
enum class Comparison : uint8_t {
  kText,      // String, enums: by their text, that of numbers as they are written
  kIdentity,  // ID: as text; the numbers 7 and 7.0 are "7"
  kNumber,    // Int, Float, scalars such as BigInt and Decimal: by value, with any number of digits
  kBoolean,
  kInstant,  // scalars such as DateTime: by the moment they name
  kCustom,   // other scalars: numbers by value, everything else as text
};

// REQUIRES: leaf.is_leaf().
Comparison ComparisonOf(const Type& leaf);

}  // namespace fsubs::graphql
