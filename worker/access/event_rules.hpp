// What the modules demand of the events of a subscription field, and of who subscribes to it: a
// registration tied to the schema and to the columns that are watched. docs/access.md explains
// each.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graphql/schema/schema.hpp"
#include "worker/access/claim.hpp"
#include "worker/access/denial.hpp"
#include "worker/access/field_access.hpp"
#include "worker/filter/column_type.hpp"
#include "worker/filter/filter.hpp"
#include "worker/identity/identity.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

struct EventRules {
  struct RowRule {
    IndexedField field;
    Claim claim;
  };
  struct ScopeRule {
    std::string name;
    // The field of the event that must be confined. Without a path: neither the data nor its "row"
    // has one of that name, so that any that is not in a list nor in "old" does.
    IndexedField field;
    Claim claim;
  };

  std::vector<RowRule> rows;
  std::optional<IndexedField> tenant;
  bool shared = false;
  std::string subgraph;  // empty: none
  std::vector<ScopeRule> scope;
};

// Tie `access` to a field that is defined as `definition`. `default_tenant_field` is the setting;
// `columns` are those of the tables that are watched on its channel; `is_resolved`: its value is
// made by a resolver, of the row. Returns why it cannot be served; empty if it can.
std::string ResolveRules(const FieldAccess& access, std::string_view default_tenant_field,
                         const graphql::Field& definition, const ColumnTypes& columns,
                         EventRules* rules, bool is_resolved = false);

// What the rules demand of each event for a client. Adds to `*denials` why it may not subscribe.
std::vector<Demand> DemandsOf(const EventRules& rules, const Identity& identity, Denials* denials);

// Whether the conditions of a client's arguments, all of which must hold, keep to the scope.
bool KeepsToScope(const EventRules& rules, const Identity& identity,
                  const std::vector<Predicate>& conditions);

// Whether a subscription with that filter may get an event of that subgraph, as far as that does
// not depend on what the filter's keys say.
bool FitsSubgraph(const EventRules& rules, const Filter& filter, std::string_view subgraph);

// Whether the row before an UPDATE, "old" in the data, may be somebody else's: a field that the row
// filter, the tenant or the scope looks at has another value there, or the scope's is deeper down.
bool OldIsOfOthers(const EventRules& rules, const JsonValue& data);

}  // namespace fsubs
