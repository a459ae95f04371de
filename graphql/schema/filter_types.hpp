// Filter inputs: the types of `where` arguments, made from the types that they filter.
// docs/filters.md explains each member.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/language/checkpoint.hpp"
#include "graphql/schema/schema.hpp"

namespace fsubs::graphql {

// The SDL of the filter inputs that `document` refers to and does not define: `OrderFilter` for a
// type `Order`, and the filters that it refers to in turn. What `base` defines is not made again.
std::string GenerateFilterTypes(const Document& document, const Schema* base = nullptr,
                                Checkpoint checkpoint = GoOn);

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

// Checks filters of one schema, each with those that it refers to. Remembers which are right, so
// that many subscriptions on types that know each other take no longer than the types.
class FilterChecks {
 public:
  explicit FilterChecks(Checkpoint checkpoint = GoOn) : checkpoint_(checkpoint) {}

  // Check that `filter` is a filter on values of `target`: a generated one, or a registered one
  // that offers less. Returns an empty string, or what is wrong with it.
  std::string Check(const Type& filter, const WrappedType& target);

  // Every member of the filters that is a condition on a field, that field, and its type.
  struct Condition {
    const InputValue* member;
    const Field* field;
    const Type* of;
  };
  const std::vector<Condition>& conditions() const { return conditions_; }

 private:
  struct Pair {
    const Type* filter;
    const WrappedType* target;
  };

  void Want(const Type& filter, const WrappedType& target);
  std::string CheckMembers(const Type& filter, const WrappedType& target);
  std::string CheckMember(const Type& filter, const InputValue& member, const WrappedType& target);

  const Checkpoint checkpoint_;
  // A list of its own: types that lead to each other may be as many as the schema has.
  std::vector<Pair> wanted_;
  std::set<std::tuple<const Type*, const Type*, TypeRefKind>> seen_;
  std::vector<Condition> conditions_;
};

// Whether clients can filter the events of a subscription field by a leaf of that name: there is an
// argument that is called so, or a filter has conditions on a field that is, at any depth.
bool CanFilterBy(const Field& field, std::string_view name);

// How the values of a leaf, or of a column that it shows, compare. docs/filters.md has the types.
enum class Comparison : uint8_t {
  kText,      // String, enums: by their text, that of numbers as they are written
  kIdentity,  // ID: as text; the numbers 7 and 7.0 are "7"
  kNumber,    // Int, Float, scalars such as BigInt and Decimal: by value, with any number of digits
  kBoolean,
  kInstant,  // scalars such as DateTime: by the moment they name
  kCustom,   // other scalars: numbers by value, everything else as text
  // As the types of PostgreSQL do. Those that scalars name:
  kCaseless,  // citext
  kUuid,
  kTime,
  kTimeTz,
  kInterval,
  kInet,
  kMacAddr,
  kMacAddr8,
  kBytes,
  kJson,
  // Those that only columns have:
  kTruth,   // boolean, also as text: "t" is true
  kPadded,  // character(n): blanks at the end do not count
  kFloat4,
  kFloat8,
  kMoney,
  kDate,
  kTimestamp,
  kTimestampTz,
  kBits,
  kLsn,
  kHstore,
  kIntegerRange,
  kNumberRange,
  kDateRange,
  kTimestampRange,
  kTimestampTzRange,
  kIntegerMultirange,
  kNumberMultirange,
  kDateMultirange,
  kTimestampMultirange,
  kTimestampTzMultirange,  // the last one
};

// REQUIRES: leaf.is_leaf().
Comparison ComparisonOf(const Type& leaf);

// Whether one value can be greater than another.
bool IsOrdered(Comparison comparison);

}  // namespace fsubs::graphql
