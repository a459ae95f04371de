#include "graphql/sdl/compose.hpp"

#include <algorithm>
#include <iterator>

#include "graphql/language/parser.hpp"
#include "graphql/schema/argument_directives.hpp"
#include "graphql/schema/filter_types.hpp"
#include "graphql/sdl/access_definitions.hpp"

namespace fsubs::graphql {
namespace {

constexpr std::string_view kOwnTypes = R"graphql(
"What the server tells of itself."
type Query {
  "Versions of fraiseql_subs and PostgreSQL."
  serverVersion: String!
  "The subscriptions on offer."
  subscriptions: [SubscriptionField!]!
  "For federation routers."
  _service: _Service!
}

"A subscription on offer."
type SubscriptionField {
  name: String!
  description: String
  "The field as it stands in the schema."
  definition: String!
  "Event types that it delivers; null for all of its channel."
  eventTypes: [String!]
}

"This server as a subgraph of a federated graph."
type _Service {
  "The schema without this server's own queries."
  sdl: String!
}

"What a client may change of its connection."
type Mutation {
  "Go on with another token, by WebSocket."
  fraiseqlRenew(token: String!): FraiseqlRenewal!
}

"How long a connection may go on."
type FraiseqlRenewal {
  "In UTC, as RFC 3339 has it; null: it has no end."
  expiresAt: String
}
)graphql";

constexpr std::string_view kComposed[] = {
    "Query", "Mutation", "Subscription", "SubscriptionField", "_Service", "FraiseqlRenewal"};

bool IsComposed(std::string_view type) {
  return std::find(std::begin(kComposed), std::end(kComposed), type) != std::end(kComposed);
}

}  // namespace

std::vector<NamedDefinition> SplitDefinitions(std::string_view sdl, std::optional<Error>* error,
                                              Checkpoint checkpoint) {
  const ParseResult parsed = ParseDocument(sdl, SdlLimits(checkpoint));
  if (parsed.error) {
    *error = parsed.error;
    return {};
  }
  const Document& document = *parsed.document;
  const auto refuse = [&](std::string message, uint32_t offset) {
    *error = Error{std::move(message), {document.LocationOf(offset)}};
    return std::vector<NamedDefinition>{};
  };
  if (!document.operations.empty()) {
    return refuse("an operation is not a type definition", document.operations.front().offset);
  }
  if (!document.fragments.empty()) {
    return refuse("a fragment is not a type definition", document.fragments.front().offset);
  }
  std::vector<NamedDefinition> definitions;
  const auto add = [&](std::string name, uint32_t offset, uint32_t end) {
    definitions.push_back({std::move(name), std::string(sdl.substr(offset, end - offset))});
  };
  for (const SchemaDefinition& schema : document.schemas) {
    if (!schema.extension || !schema.operation_types.empty()) {
      return refuse("the schema definition is composed and cannot be registered", schema.offset);
    }
    add(std::string(kSchemaExtension), schema.offset, schema.end);
  }
  for (const TypeDefinition& type : document.types) {
    const std::string_view name = type.name.text;
    if (name == kSchemaExtension) {
      return refuse("a type cannot be named \"schema\": extensions of the schema are registered so",
                    type.name.offset);
    }
    if (type.extension) {
      return refuse(
          "type \"" + std::string(name) + "\" cannot be extended: register it anew, whole",
          type.offset);
    }
    if (IsComposed(name)) {
      return refuse("type \"" + std::string(name) + "\" is composed and cannot be registered",
                    type.name.offset);
    }
    add(std::string(name), type.offset, type.end);
  }
  for (const DirectiveDefinition& directive : document.directives) {
    add("@" + std::string(directive.name.text), directive.offset, directive.end);
  }
  return definitions;
}

std::string ComposeSubgraph(std::string_view definitions, std::span<const std::string_view> fields,
                            Checkpoint checkpoint) {
  std::string sdl(definitions);
  if (!fields.empty()) {
    if (!sdl.empty()) sdl += "\n\n";
    sdl += "type Subscription {\n";
    for (std::string_view field : fields) sdl.append("  ").append(field) += '\n';
    sdl += "}\n";
  }
  // BuildSchema reports what cannot be parsed.
  const ParseResult parsed = ParseDocument(sdl, SdlLimits(checkpoint));
  if (!parsed.document) return sdl;
  const std::string filters = GenerateFilterTypes(*parsed.document, nullptr, checkpoint);
  if (!filters.empty()) sdl.append("\n").append(filters);
  return sdl.append(GenerateDirectives(*parsed.document));
}

std::string ComposeSchema(std::string_view definitions, std::span<const std::string_view> fields,
                          Checkpoint checkpoint) {
  std::string sdl = ComposeSubgraph(definitions, fields, checkpoint);
  return sdl.append(kOwnTypes, sdl.empty() ? 1 : 0);
}

std::string FindArgumentTarget(const WrappedType& payload, const InputValue& argument,
                               FilterChecks* filters, ArgumentTarget* target) {
  *target = {};
  if (FiltersNothing(argument)) {
    target->kind = ArgumentTarget::Kind::kNothing;
    return {};
  }
  if (argument.type->type->kind == TypeKind::kInputObject) {
    if (argument.type->nullable()->kind != TypeRefKind::kNamed) return "a filter cannot be a list";
    target->kind = ArgumentTarget::Kind::kAll;
    return filters->Check(*argument.type->type, payload);
  }
  target->key = FilteredKey(argument);
  if (!target->key.empty()) {
    if (argument.type->nullable()->kind != TypeRefKind::kNamed) {
      return "a list cannot equal a value";
    }
    target->kind = ArgumentTarget::Kind::kKey;
    return {};
  }
  const Field* field = payload.type->FindField(argument.name);
  if (field == nullptr) {
    target->row = payload.type->FindField("row");
    if (target->row != nullptr) field = target->row->type->type->FindField(argument.name);
    target->in_row = true;
  }
  const bool is_leaf = field != nullptr && field->type->type->is_leaf() &&
                       field->type->nullable()->kind == TypeRefKind::kNamed;
  if (!is_leaf) {
    return "type \"" + std::string(payload.type->name) + "\" has no scalar or enum field \"" +
           std::string(argument.name) + "\", neither itself nor in its field \"row\"";
  }
  if (argument.type->nullable()->kind != TypeRefKind::kNamed ||
      argument.type->type != field->type->type) {
    return "it is of type \"" + ToString(*argument.type) +
           "\" and the field it filters of type \"" + ToString(*field->type) + "\"";
  }
  target->field = field;
  return {};
}

}  // namespace fsubs::graphql
