#include "worker/access/event_rules.hpp"

#include <algorithm>

#include "graphql/schema/argument_directives.hpp"
#include "graphql/schema/filter_types.hpp"

namespace fsubs {
namespace {

using graphql::FilterMember;

constexpr std::string_view kRow = "row";
constexpr std::string_view kOld = "old";

// Fields that nothing is known about compare as an ID does: 7 equals "7".
constexpr Comparison kUnknownType = Comparison::kIdentity;

const graphql::Field* FieldOf(const graphql::Type* type, std::string_view name) {
  return type == nullptr ? nullptr : type->FindField(name);
}

const graphql::Type* RowTypeOf(const graphql::Field& definition) {
  const graphql::Field* const row = FieldOf(definition.type->type, kRow);
  return row == nullptr ? nullptr : row->type->type;
}

FieldPath Split(std::string_view path) {
  FieldPath names;
  for (;;) {
    const size_t dot = path.find('.');
    names.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return names;
    path.remove_prefix(dot + 1);
  }
}

// A field of events, named with dots if it is not at the top or in "row". Changes of rows have a
// column in "row", whatever fields the GraphQL type has.
FieldPath PathOf(std::string_view name, const graphql::Field& definition,
                 const ColumnTypes& columns) {
  if (name.find('.') != std::string_view::npos) return Split(name);
  const bool is_column = columns.find(name) != columns.end();
  const bool at_top = FieldOf(definition.type->type, name) != nullptr;
  const bool in_row = FieldOf(RowTypeOf(definition), name) != nullptr;
  if (is_column || (in_row && !at_top)) return {std::string(kRow), std::string(name)};
  return {std::string(name)};
}

Comparison ComparisonAt(const FieldPath& path, const graphql::Field& definition,
                        const ColumnTypes& columns) {
  const graphql::Type* type = definition.type->type;
  for (const std::string& name : path) {
    const graphql::Field* const field = FieldOf(type, name);
    type = field == nullptr ? nullptr : field->type->type;
  }
  const ColumnType* column = nullptr;
  if (path.size() == 2 && path.front() == kRow) {
    const auto found = columns.find(path.back());
    if (found != columns.end()) column = &found->second;
  }
  if (type != nullptr && type->is_leaf()) return ComparisonOf(*type, column);
  return column == nullptr || column->comparison == Comparison::kText ? kUnknownType
                                                                      : column->comparison;
}

IndexedField Resolve(std::string_view name, Demander demander, const graphql::Field& definition,
                     const ColumnTypes& columns) {
  FieldPath path = PathOf(name, definition, columns);
  const Comparison comparison = ComparisonAt(path, definition, columns);
  return {std::move(path), comparison, demander};
}

std::string NoClaim(std::string_view what, std::string_view claim) {
  return std::string(what) + ": \"" + std::string(claim) + "\" names no claim";
}

// The place whose condition confines a subscription to the values of a scope.
FieldPath ConfinedPath(std::string_view name, const graphql::Field& definition,
                       const ColumnTypes& columns, bool is_resolved) {
  if (is_resolved && RowTypeOf(definition) == nullptr && columns.find(name) != columns.end()) {
    return {std::string(kRow), std::string(name)};
  }
  if (FieldOf(definition.type->type, name) != nullptr) return {std::string(name)};
  if (FieldOf(RowTypeOf(definition), name) != nullptr) {
    return {std::string(kRow), std::string(name)};
  }
  return {};
}

// The argument of that name which says itself by which key of the data it filters. Null if there is
// none.
const graphql::InputValue* FindKeyed(const graphql::Field& definition, std::string_view name) {
  const auto found =
      std::find_if(definition.arguments.begin(), definition.arguments.end(),
                   [&](const graphql::InputValue& argument) { return argument.name == name; });
  const bool is_keyed = found != definition.arguments.end() && !FilteredKey(*found).empty();
  return is_keyed ? &*found : nullptr;
}

// The rule on what such an argument filters by.
EventRules::ScopeRule ScopeOfKeyed(const graphql::InputValue& argument, const ColumnTypes& columns,
                                   Claim claim) {
  const std::string key(FilteredKey(argument));
  const auto column = columns.find(key);
  const bool is_column = column != columns.end();
  const bool is_known = is_column && !column->second.is_array;
  FieldPath path = is_column ? FieldPath{std::string(kRow), key} : FieldPath{key};
  const Comparison comparison =
      ComparisonOf(*argument.type->type, is_known ? &column->second : nullptr);
  return {key, {std::move(path), comparison}, std::move(claim)};
}

// Looks at what the conditions of a subscription say of one name.
class ScopeTrial {
 public:
  ScopeTrial(const EventRules::ScopeRule& rule, const Identity& identity)
      : rule_(rule), identity_(identity) {}

  // `must_hold`: an event that does not satisfy it is not delivered. `in_event`: its path begins in
  // the event's data.
  void Look(const Predicate& predicate, bool must_hold, bool in_event) {
    switch (predicate.kind) {
      case Predicate::Kind::kAll:
        for (const Predicate& inner : predicate.inner) Look(inner, must_hold, in_event);
        break;
      case Predicate::Kind::kAny:
      case Predicate::Kind::kNot:
      case Predicate::Kind::kNone:
        keeps_ = keeps_ && !Names(predicate);
        break;
      case Predicate::Kind::kSome:
      case Predicate::Kind::kEvery:
        keeps_ = keeps_ && !Names(predicate.path);
        for (const Predicate& inner : predicate.inner) Look(inner, false, false);
        break;
      case Predicate::Kind::kCompare:
        if (!Names(predicate.path)) break;
        keeps_ = keeps_ && IsOwn(predicate);
        confined_ = confined_ || (must_hold && in_event && Confines(predicate.path));
    }
  }

  bool keeps() const { return keeps_ && confined_; }

 private:
  bool Names(const FieldPath& path) const {
    return std::find(path.begin(), path.end(), rule_.name) != path.end();
  }

  bool Names(const Predicate& predicate) const {
    return Names(predicate.path) ||
           std::any_of(predicate.inner.begin(), predicate.inner.end(),
                       [&](const Predicate& inner) { return Names(inner); });
  }

  // Whether it asks for the client's own values and nothing else.
  bool IsOwn(const Predicate& predicate) const {
    const bool is_equality =
        predicate.operation == FilterMember::kEq || predicate.operation == FilterMember::kIn;
    if (!is_equality || predicate.path.back() != rule_.name) return false;
    const std::vector<std::string> own = rule_.claim.Of(identity_, predicate.comparison).forms;
    return std::all_of(predicate.operands.begin(), predicate.operands.end(),
                       [&](const std::string& operand) {
                         return std::binary_search(own.begin(), own.end(), operand);
                       });
  }

  bool Confines(const FieldPath& path) const {
    return rule_.field.path.empty() ? path.front() != kOld : path == rule_.field.path;
  }

  const EventRules::ScopeRule& rule_;
  const Identity& identity_;
  bool keeps_ = true;
  bool confined_ = false;
};

// Of a field in "row", whether it has another value in "old".
bool DiffersInOld(const IndexedField& field, const JsonValue& data) {
  if (field.path.size() < 2 || field.path.front() != kRow) return false;
  IndexedField in_old = field;
  in_old.path.front() = kOld;
  std::string now;
  std::string before;
  AppendFieldForm(field, data, ValueAt(data, field.path), &now);
  AppendFieldForm(in_old, data, ValueAt(data, in_old.path), &before);
  return now != before;
}

}  // namespace

std::string ResolveRules(const FieldAccess& access, std::string_view default_tenant_field,
                         const graphql::Field& definition, const ColumnTypes& columns,
                         EventRules* rules, bool is_resolved) {
  *rules = {};
  for (const auto& [name, text] : access.row_filter) {
    auto claim = Claim::Parse(text);
    if (!claim) return NoClaim("row_filter", text);
    rules->rows.push_back(
        {Resolve(name, Demander::kRowFilter, definition, columns), std::move(*claim)});
  }
  for (const auto& [name, text] : access.scope) {
    auto claim = Claim::Parse(text);
    if (!claim) return NoClaim("scope", text);
    if (!graphql::CanFilterBy(definition, name)) {
      return "scope: there is neither an argument \"" + name +
             "\" nor a condition on a field of that name";
    }
    if (const graphql::InputValue* const keyed = FindKeyed(definition, name)) {
      rules->scope.push_back(ScopeOfKeyed(*keyed, columns, std::move(*claim)));
      continue;
    }
    FieldPath path = ConfinedPath(name, definition, columns, is_resolved);
    const Comparison comparison = ComparisonAt(path, definition, columns);
    rules->scope.push_back({name, {std::move(path), comparison}, std::move(*claim)});
  }
  const std::string_view tenant_field =
      access.tenant_field ? std::string_view(*access.tenant_field) : default_tenant_field;
  if (!tenant_field.empty()) {
    rules->tenant = Resolve(tenant_field, Demander::kTenant, definition, columns);
  }
  rules->shared = access.shared;
  rules->subgraph = access.subgraph;
  return {};
}

std::vector<Demand> DemandsOf(const EventRules& rules, const Identity& identity, Denials* denials) {
  std::vector<Demand> demands;
  const std::vector<std::string>& subgraphs = identity.subgraphs;
  if (!rules.subgraph.empty()) {
    if (!std::binary_search(subgraphs.begin(), subgraphs.end(), rules.subgraph)) {
      denials->Add(Denial::kSubgraphRequired);
    }
  } else if (!subgraphs.empty()) {
    // Clients without one are not indexed by it: no event of a subgraph is for them. What is
    // demanded first gets into the index first, and nothing else knows subgraphs.
    Demand demand{{{}, Comparison::kText, Demander::kFederation}, {std::string(1, kNullForm)}};
    for (const std::string& subgraph : subgraphs) demand.forms.push_back(kTextForm + subgraph);
    demands.push_back(std::move(demand));
  }
  for (const EventRules::RowRule& rule : rules.rows) {
    Claim::Values values = rule.claim.Of(identity, rule.field.comparison);
    if (!values.given) denials->Add(Denial::kClaimRequired);
    demands.push_back({rule.field, std::move(values.forms)});
  }
  if (rules.tenant) {
    static const Claim tenant = *Claim::Parse("tenant");
    Claim::Values values = tenant.Of(identity, rules.tenant->comparison);
    if (!values.given && !rules.shared) denials->Add(Denial::kTenantRequired);
    if (rules.shared) values.forms.insert(values.forms.begin(), std::string(1, kNullForm));
    demands.push_back({*rules.tenant, std::move(values.forms)});
  }
  return demands;
}

bool KeepsToScope(const EventRules& rules, const Identity& identity,
                  const std::vector<Predicate>& conditions) {
  return std::all_of(rules.scope.begin(), rules.scope.end(), [&](const auto& rule) {
    ScopeTrial trial(rule, identity);
    for (const Predicate& condition : conditions) trial.Look(condition, true, true);
    return trial.keeps();
  });
}

bool FitsSubgraph(const EventRules& rules, const Filter& filter, std::string_view subgraph) {
  if (!rules.subgraph.empty()) return subgraph == rules.subgraph;
  return subgraph.empty() || filter.by_subgraph();
}

bool OldIsOfOthers(const EventRules& rules, const JsonValue& data) {
  if (rules.rows.empty() && !rules.tenant && rules.scope.empty()) return false;
  const auto old = data.Find(kOld);
  if (!old || old->is_null()) return false;
  return (rules.tenant && DiffersInOld(*rules.tenant, data)) ||
         std::any_of(
             rules.rows.begin(), rules.rows.end(),
             [&](const EventRules::RowRule& rule) { return DiffersInOld(rule.field, data); }) ||
         std::any_of(rules.scope.begin(), rules.scope.end(),
                     [&](const EventRules::ScopeRule& rule) {
                       return rule.field.path.empty() || DiffersInOld(rule.field, data);
                     });
}

}  // namespace fsubs
