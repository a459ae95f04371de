// What is registered in the database, ready to serve: the schema and its subscription fields.
// Immutable; shared by all shards.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "contract/limit.hpp"
#include "graphql/schema/schema.hpp"
#include "worker/access/audience.hpp"
#include "worker/access/event_rules.hpp"
#include "worker/access/field_access.hpp"
#include "worker/filter/column_type.hpp"
#include "worker/filter/comparable.hpp"
#include "worker/identity/identity.hpp"
#include "worker/identity/issuers.hpp"
#include "worker/limits/limits.hpp"
#include "worker/operation/resolver_rule.hpp"

namespace fsubs {

// An argument of a subscription field: a filter input, or a value that a field of the event's data
// must equal.
struct FieldArgument {
  std::string name;
  bool filters_nothing = false;  // it is for a resolver
  bool is_where = false;
  std::string key;      // of the data's field
  bool in_row = false;  // that is under "row", as row changes have it
  Comparison comparison = Comparison::kText;
  const ColumnType* column = nullptr;  // whose values these are, if that is known
};

struct SubscriptionField {
  std::string name;
  std::string sdl;  // its definition, as registered
  std::string channel;
  std::vector<std::string> event_types;  // empty: all
  const graphql::Field* definition = nullptr;
  std::vector<FieldArgument> arguments;  // as in the definition
  // Of the tables that are watched on the channel. The type of those of which two tables have
  // different ones says nothing.
  std::shared_ptr<const ColumnTypes> columns;
  FieldAccess access;
  EventRules rules;                              // made of it
  std::optional<LimitValue> rate_limit;          // of events, for each subscription
  std::shared_ptr<const ResolverRule> resolver;  // null: its value is the data of the event

  bool Wants(std::string_view event_type) const;

  // Whether `name` in its value stands for a column of the row that a change has: a resolver makes
  // the value of the row, where a watched table has such a column.
  bool MakesOfRow(std::string_view name) const;
};

// FromSnapshot's error for a database without the extension.
inline constexpr std::string_view kExtensionMissing =
    "the extension is not created in the database";

// Whether there is anybody who calls resolvers.
enum class Resolving { kPossible, kImpossible };

class Catalog {
 public:
  // Build from an executor's snapshot (docs/side-door.md). Subscriptions that cannot be served are
  // left out. On failure `*error` says why; a snapshot of a database without the extension is a
  // failure too.
  static std::shared_ptr<const Catalog> FromSnapshot(std::string_view json, std::string* error,
                                                     Resolving resolving = Resolving::kPossible);

  const graphql::Schema& schema() const { return *schema_; }
  const std::vector<SubscriptionField>& fields() const { return fields_; }
  const SubscriptionField* FindField(std::string_view name) const;
  // "fraiseql_subs 0.1.0, PostgreSQL 15.10"
  const std::string& server_version() const { return server_version_; }
  const std::string& subgraph_sdl() const { return subgraph_sdl_; }
  // Who of its clients sees what of the schema.
  const AccessRules& access() const { return *access_; }
  const Issuers& issuers() const { return *issuers_; }
  // Who clients without credentials are; null if their claims make nobody.
  const std::shared_ptr<const Identity>& anonymous() const { return anonymous_; }
  const std::vector<RoleLimits>& role_limits() const { return role_limits_; }
  // Whether every field that `older` has is here with the same rules. If so, subscriptions prepared
  // with that one see nothing that this one forbids.
  bool KeepsRulesOf(const Catalog& older) const;
  // Each subscription, issuer and limit that was left out, and why. For the log.
  const std::vector<std::string>& left_out() const { return left_out_; }

 private:
  std::shared_ptr<const graphql::Schema> schema_;
  std::vector<SubscriptionField> fields_;
  std::unordered_map<std::string_view, size_t> by_name_;  // their places
  std::string server_version_;
  std::string subgraph_sdl_;
  std::unique_ptr<const AccessRules> access_;
  std::shared_ptr<const Issuers> issuers_;
  std::shared_ptr<const Identity> anonymous_;
  std::vector<RoleLimits> role_limits_;
  std::vector<std::string> left_out_;
  size_t shared_rules_ = 0;  // a hash of what concerns all fields
};

}  // namespace fsubs
