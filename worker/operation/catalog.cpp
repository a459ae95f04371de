#include "worker/operation/catalog.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "graphql/language/parser.hpp"
#include "graphql/sdl/compose.hpp"
#include "graphql/sdl/growing_schema.hpp"
#include "graphql/sdl/schema_builder.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {
namespace {

bool Text(const JsonValue& object, std::string_view member, std::string* value) {
  const auto found = object.Find(member);
  if (!found || found->type() != JsonType::kString) return false;
  *value = found->ToString();
  return true;
}

// By channel.
using WatchedColumns = std::map<std::string, std::shared_ptr<const ColumnTypes>, std::less<>>;

WatchedColumns ReadColumns(const JsonValue& snapshot) {
  WatchedColumns columns;
  const auto channels = snapshot.Find("columns");
  if (!channels) return columns;
  channels->ForEachMember([&](std::string_view channel, const JsonValue& types) {
    ColumnTypes read;
    types.ForEachMember([&](std::string_view name, const JsonValue& type) {
      if (type.type() == JsonType::kString) read.emplace(name, ColumnTypeOf(type.text()));
    });
    columns.emplace(channel, std::make_shared<const ColumnTypes>(std::move(read)));
  });
  return columns;
}

bool Read(const JsonValue& row, SubscriptionField* field) {
  if (!Text(row, "name", &field->name) || !Text(row, "channel", &field->channel) ||
      !Text(row, "field", &field->sdl)) {
    return false;
  }
  auto access = ReadFieldAccess(row);
  if (!access) return false;
  field->access = std::move(*access);
  const auto types = row.Find("event_types");
  if (!types || types->is_null()) return true;
  bool readable = types->type() == JsonType::kArray;
  types->ForEachElement([&](const JsonValue& type) {
    readable = readable && type.type() == JsonType::kString;
    if (readable) field->event_types.push_back(type.ToString());
  });
  return readable;
}

constexpr std::string_view kOtherName = "it has another name in its definition";

// By field.
using Resolvers = std::map<std::string, std::shared_ptr<const ResolverRule>, std::less<>>;

Resolvers ReadResolvers(const JsonValue& snapshot, std::vector<std::string>* left_out) {
  Resolvers resolvers;
  const auto rows = snapshot.Find("resolvers");
  if (!rows) return resolvers;
  rows->ForEachElement([&](const JsonValue& row) {
    auto rule = ReadResolverRule(row);
    if (!rule) {
      left_out->push_back("a resolver: its row cannot be read");
      return;
    }
    std::string field = rule->field;
    resolvers.emplace(std::move(field), std::make_shared<const ResolverRule>(std::move(*rule)));
  });
  return resolvers;
}

// What connects fields with the rest of a schema.
struct Links {
  explicit Links(std::string_view field) : tenant_field(field) {}

  std::string_view tenant_field;  // of fields that name none
  graphql::FilterChecks filters;
  AccessRules::Looks looks;  // of arguments at fields of the data
};

// A condition, or an argument, looks at a field of a type. If that is an interface, it looks into
// the objects that implement it: a client that may not see one of them would learn from the events
// that it gets what the object has there.
void AddLooks(const graphql::Field& field, const graphql::Type& of, const graphql::InputValue& look,
              AccessRules::Looks* looks) {
  looks->emplace_back(field.id, look.id);
  for (const graphql::Type* object : of.possible) looks->emplace_back(object->id, look.id);
}

// Tie a field to its definition in the schema. Returns why it cannot be served; empty if it can.
std::string Link(const graphql::Schema& schema, Links* links, SubscriptionField* field) {
  field->definition = schema.Root(graphql::OperationKind::kSubscription)->FindField(field->name);
  if (field->definition == nullptr) return std::string(kOtherName);
  if (const std::string& rate = field->access.rate_limit; !rate.empty()) {
    const char* const problem = ParseLimit(LimitForm::kRate, rate, &field->rate_limit.emplace());
    if (problem != nullptr) return "rate_limit: " + std::string(problem);
  }
  field->arguments.clear();
  for (const graphql::InputValue& argument : field->definition->arguments) {
    using Target = graphql::ArgumentTarget::Kind;
    graphql::ArgumentTarget target;
    std::string problem =
        graphql::FindArgumentTarget(*field->definition->type, argument, &links->filters, &target);
    if (!problem.empty()) {
      return "argument \"" + std::string(argument.name) + "\": " + problem;
    }
    FieldArgument& added = field->arguments.emplace_back();
    added.name = argument.name;
    added.filters_nothing = target.kind == Target::kNothing;
    added.is_where = target.kind == Target::kAll;
    if (added.filters_nothing || added.is_where) continue;
    added.key = target.kind == Target::kKey ? target.key : argument.name;
    const auto column = field->columns->find(added.key);
    const bool is_column = column != field->columns->end();
    const graphql::Type& data = *field->definition->type->type;
    if (target.kind == Target::kKey) {
      // The data is no value of the type: what it is, the tables that are watched say.
      added.in_row = is_column;
      if (const graphql::Field* same = data.FindField(added.key)) {
        AddLooks(*same, data, argument, &links->looks);
      }
    } else {
      if (target.in_row) AddLooks(*target.row, data, argument, &links->looks);
      AddLooks(*target.field, target.in_row ? *target.row->type->type : data, argument,
               &links->looks);
      added.in_row = target.in_row || field->MakesOfRow(added.key);
    }
    if (added.in_row && is_column && !column->second.is_array) added.column = &column->second;
    added.comparison = ComparisonOf(*argument.type->type, added.column);
  }
  return ResolveRules(field->access, links->tenant_field, *field->definition, *field->columns,
                      &field->rules, field->resolver != nullptr);
}

std::vector<std::string_view> DefinitionsOf(std::span<const SubscriptionField> fields) {
  std::vector<std::string_view> definitions;
  for (const SubscriptionField& field : fields) definitions.push_back(field.sdl);
  return definitions;
}

// Build the schema with some fields and tie them to it. Returns why they cannot be served; empty if
// they can.
std::string Build(std::string_view types, std::string_view tenant_field,
                  std::span<SubscriptionField> fields,
                  std::shared_ptr<const graphql::Schema>* schema,
                  std::unique_ptr<const AccessRules>* access) {
  graphql::SchemaResult built =
      graphql::BuildSchema(graphql::ComposeSchema(types, DefinitionsOf(fields)));
  if (!built.schema) return built.errors.front().message;
  Links links(tenant_field);
  std::vector<AccessRules::Registered> registered;
  for (SubscriptionField& field : fields) {
    std::string problem = Link(*built.schema, &links, &field);
    if (!problem.empty()) return problem;
    registered.emplace_back(field.definition, &field.access);
  }
  for (const auto& [member, field, of] : links.filters.conditions()) {
    AddLooks(*field, *of, *member, &links.looks);
  }
  *access = std::make_unique<const AccessRules>(*built.schema, registered, links.looks);
  *schema = std::move(built.schema);
  return {};
}

// Leave out the fields that cannot be served with `types`.
void LeaveOut(std::string_view types, std::string_view tenant_field,
              std::vector<SubscriptionField>* fields, std::vector<std::string>* left_out) {
  graphql::GrowingSchema schema;
  if (!schema.Build(graphql::ComposeSchema(types, {})).empty()) return;
  Links links(tenant_field);
  std::erase_if(*fields, [&](SubscriptionField& field) {
    const graphql::FieldParseResult parsed = graphql::ParseFieldDefinition(field.sdl);
    std::string problem = parsed.error ? parsed.error->message
                          : parsed.field->name.text != field.name
                              ? std::string(kOtherName)
                              : schema.Add({}, std::array<std::string_view, 1>{field.sdl});
    if (problem.empty()) problem = Link(schema.schema(), &links, &field);
    if (problem.empty()) return false;
    left_out->push_back("subscription \"" + field.name + "\": " + problem);
    return true;
  });
}

}  // namespace

bool SubscriptionField::Wants(std::string_view event_type) const {
  return event_types.empty() ||
         std::find(event_types.begin(), event_types.end(), event_type) != event_types.end();
}

bool SubscriptionField::MakesOfRow(std::string_view name) const {
  return resolver != nullptr && columns->find(name) != columns->end() &&
         definition->type->type->FindField("row") == nullptr;
}

const SubscriptionField* Catalog::FindField(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &fields_[found->second];
}

bool Catalog::KeepsRulesOf(const Catalog& older) const {
  return shared_rules_ == older.shared_rules_ &&
         std::all_of(older.fields_.begin(), older.fields_.end(), [&](const SubscriptionField& old) {
           const SubscriptionField* const field = FindField(old.name);
           return field != nullptr && field->sdl == old.sdl && field->channel == old.channel &&
                  field->event_types == old.event_types && field->access == old.access &&
                  (field->resolver == nullptr) == (old.resolver == nullptr) &&
                  (field->resolver == nullptr || *field->resolver == *old.resolver);
         });
}

std::shared_ptr<const Catalog> Catalog::FromSnapshot(std::string_view json, std::string* error) {
  JsonTree tree;
  if (!tree.ParseCopy(json)) {
    *error = std::string("snapshot is not JSON: ") + tree.error();
    return nullptr;
  }
  const JsonValue root = tree.root();
  std::string version;
  if (!Text(root, "extension_version", &version)) {
    *error = kExtensionMissing;
    return nullptr;
  }
  auto catalog = std::make_shared<Catalog>();
  std::string types;
  std::string server_version;
  const auto rows = root.Find("subscriptions");
  const WatchedColumns columns = ReadColumns(root);
  const auto unwatched = std::make_shared<const ColumnTypes>();
  const Resolvers resolvers = ReadResolvers(root, &catalog->left_out_);
  std::vector<SubscriptionField>& fields = catalog->fields_;
  if (!rows || !Text(root, "types", &types)) {
    *error = "snapshot is not of this version";
    return nullptr;
  }
  rows->ForEachElement([&](const JsonValue& row) {
    SubscriptionField field;
    if (!Read(row, &field)) {
      catalog->left_out_.push_back("subscription \"" + field.name + "\": its row cannot be read");
      return;
    }
    const auto watched = columns.find(field.channel);
    field.columns = watched != columns.end() ? watched->second : unwatched;
    const auto resolver = resolvers.find(field.name);
    if (resolver != resolvers.end()) field.resolver = resolver->second;
    fields.push_back(std::move(field));
  });
  if (const auto issuers = root.Find("issuers")) {
    catalog->issuers_ = Issuers::FromSnapshot(*issuers, &catalog->left_out_);
  } else {
    catalog->issuers_ = std::make_shared<const Issuers>();
  }
  if (const auto limits = root.Find("limits")) {
    limits->ForEachElement([&](const JsonValue& row) {
      auto read = ReadRoleLimits(row, &catalog->left_out_);
      if (read) catalog->role_limits_.push_back(std::move(*read));
    });
  }
  const auto claims = root.Find("anonymous_claims");
  std::string problem_of_claims;
  catalog->anonymous_ = IdentityOf(ClaimMapping(), claims ? claims->raw() : "{}",
                                   {.is_anonymous = true}, &problem_of_claims);
  if (!catalog->anonymous_) {
    catalog->left_out_.push_back("fraiseql_subs.anonymous_claims: " + problem_of_claims);
  }
  catalog->server_version_ = "fraiseql_subs " + version;
  // One that was written down by hand is no server's.
  if (Text(root, "server_version", &server_version)) {
    catalog->server_version_ += ", PostgreSQL " + server_version;
  }

  std::string tenant_field;
  (void)Text(root, "tenant_field", &tenant_field);
  std::string problem = Build(types, tenant_field, fields, &catalog->schema_, &catalog->access_);
  if (!problem.empty()) {
    // Registering refuses what cannot be served, but tables can be changed by hand and rules by a
    // new version. One bad subscription must not take the others down.
    LeaveOut(types, tenant_field, &fields, &catalog->left_out_);
    problem = Build(types, tenant_field, fields, &catalog->schema_, &catalog->access_);
  }
  if (!problem.empty()) {
    *error = "the registered types do not make a schema: " + problem;
    return nullptr;
  }
  for (size_t i = 0; i < fields.size(); ++i) catalog->by_name_.emplace(fields[i].name, i);
  for (const char* member : {"types", "columns", "tenant_field", "anonymous_claims"}) {
    const auto value = root.Find(member);
    const size_t hash = std::hash<std::string_view>()(value ? value->raw() : std::string_view());
    catalog->shared_rules_ = catalog->shared_rules_ * 31 + hash;
  }
  catalog->subgraph_sdl_ = graphql::ComposeSubgraph(types, DefinitionsOf(fields));
  return catalog;
}

}  // namespace fsubs
