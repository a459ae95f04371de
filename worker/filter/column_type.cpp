#include "worker/filter/column_type.hpp"

namespace fsubs {
namespace {

struct TypeName {
  std::string_view name;
  Comparison comparison;
};

constexpr TypeName kTypeNames[] = {
    {"bit", Comparison::kBits},
    {"bool", Comparison::kTruth},
    {"bpchar", Comparison::kPadded},
    {"bytea", Comparison::kBytes},
    {"cid", Comparison::kNumber},
    {"cidr", Comparison::kInet},
    {"citext", Comparison::kCaseless},
    {"date", Comparison::kDate},
    {"datemultirange", Comparison::kDateMultirange},
    {"daterange", Comparison::kDateRange},
    {"float4", Comparison::kFloat4},
    {"float8", Comparison::kFloat8},
    {"hstore", Comparison::kHstore},
    {"inet", Comparison::kInet},
    {"int2", Comparison::kNumber},
    {"int4", Comparison::kNumber},
    {"int4multirange", Comparison::kIntegerMultirange},
    {"int4range", Comparison::kIntegerRange},
    {"int8", Comparison::kNumber},
    {"int8multirange", Comparison::kIntegerMultirange},
    {"int8range", Comparison::kIntegerRange},
    {"interval", Comparison::kInterval},
    {"json", Comparison::kJson},
    {"jsonb", Comparison::kJson},
    {"macaddr", Comparison::kMacAddr},
    {"macaddr8", Comparison::kMacAddr8},
    {"money", Comparison::kMoney},
    {"numeric", Comparison::kNumber},
    {"nummultirange", Comparison::kNumberMultirange},
    {"numrange", Comparison::kNumberRange},
    {"oid", Comparison::kNumber},
    {"pg_lsn", Comparison::kLsn},
    {"time", Comparison::kTime},
    {"timestamp", Comparison::kTimestamp},
    {"timestamptz", Comparison::kTimestampTz},
    {"timetz", Comparison::kTimeTz},
    {"tsmultirange", Comparison::kTimestampMultirange},
    {"tsrange", Comparison::kTimestampRange},
    {"tstzmultirange", Comparison::kTimestampTzMultirange},
    {"tstzrange", Comparison::kTimestampTzRange},
    {"uuid", Comparison::kUuid},
    {"varbit", Comparison::kBits},
    {"xid", Comparison::kNumber},
    {"xid8", Comparison::kNumber},
};

}  // namespace

ColumnType ColumnTypeOf(std::string_view name) {
  constexpr std::string_view kArray = "[]";
  ColumnType type{std::string(name)};
  type.is_array = name.ends_with(kArray);
  if (type.is_array) name.remove_suffix(kArray.size());
  for (const TypeName& known : kTypeNames) {
    if (known.name == name) type.comparison = known.comparison;
  }
  return type;
}

Comparison ComparisonOf(const graphql::Type& leaf, const ColumnType* column) {
  const Comparison scalar = graphql::ComparisonOf(leaf);
  if (column == nullptr || column->comparison == Comparison::kText) return scalar;
  // Clients see what GraphQL makes of the value: an enum's name, any number as a Boolean.
  if (leaf.kind == graphql::TypeKind::kEnum || scalar == Comparison::kBoolean) return scalar;
  // The scalars of the specification show a JSON value as one of theirs.
  const bool is_json =
      column->comparison == Comparison::kJson || column->comparison == Comparison::kHstore;
  return is_json && leaf.builtin ? scalar : column->comparison;
}

}  // namespace fsubs
