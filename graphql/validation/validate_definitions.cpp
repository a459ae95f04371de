// Type system definitions in a document that is to be executed. ExecutableDefinitions refuses them.
// As in graphql-js, the other rules check them all the same.
#include <algorithm>
#include <iterator>

#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

constexpr std::string_view kScalars[] = {"String", "Int", "Float", "Boolean", "ID"};

constexpr std::string_view LocationOf(TypeKind kind) {
  switch (kind) {
    case TypeKind::kScalar:
      return "SCALAR";
    case TypeKind::kObject:
      return "OBJECT";
    case TypeKind::kInterface:
      return "INTERFACE";
    case TypeKind::kUnion:
      return "UNION";
    case TypeKind::kEnum:
      return "ENUM";
    case TypeKind::kInputObject:
      break;
  }
  return "INPUT_OBJECT";
}

}  // namespace

void DefinitionRules::Visit(const SchemaDefinition& schema) {
  UniqueDirectivesPerLocation(context_, schema.directives, &schema_directives_);
  VisitDirectives(context_, schema.directives, "SCHEMA", nullptr);
  for (const RootOperationType& root : schema.operation_types) VisitNamedType(root.type);
}

void DefinitionRules::Visit(const TypeDefinition& type) {
  FirstUses& seen = type_directives_.try_emplace(type.name.text, context_->arena()).first->second;
  UniqueDirectivesPerLocation(context_, type.directives, &seen);
  for (const Name& interface : type.interfaces) VisitNamedType(interface);
  VisitDirectives(context_, type.directives, LocationOf(type.kind), nullptr);
  for (const FieldDefinition& field : type.fields) {
    UniqueDirectivesPerLocation(context_, field.directives);
    for (const InputValueDefinition& input : field.arguments) {
      VisitInput(input, "ARGUMENT_DEFINITION");
    }
    VisitType(*field.type);
    VisitDirectives(context_, field.directives, "FIELD_DEFINITION", nullptr);
  }
  for (const InputValueDefinition& input : type.input_fields) {
    // graphql-js takes the fields of an extension for arguments.
    VisitInput(input, type.extension ? "ARGUMENT_DEFINITION" : "INPUT_FIELD_DEFINITION");
  }
  for (const EnumValueDefinition& value : type.values) {
    UniqueDirectivesPerLocation(context_, value.directives);
    VisitDirectives(context_, value.directives, "ENUM_VALUE", nullptr);
  }
  for (const Name& member : type.members) VisitNamedType(member);
}

void DefinitionRules::Visit(const DirectiveDefinition& directive) {
  for (const InputValueDefinition& input : directive.arguments) {
    VisitInput(input, "ARGUMENT_DEFINITION");
  }
}

// The specification's own scalars may always be named here, whether the schema uses them or not.
void DefinitionRules::VisitNamedType(const Name& name) {
  const bool scalar =
      std::find(std::begin(kScalars), std::end(kScalars), name.text) != std::end(kScalars);
  if (!scalar) KnownTypeNames(context_, name, kScalars);
}

void DefinitionRules::VisitType(const TypeRef& type) {
  const TypeRef* named = &type;
  while (named->of != nullptr) named = named->of;
  VisitNamedType(named->name);
}

void DefinitionRules::VisitInput(const InputValueDefinition& input, std::string_view location) {
  UniqueDirectivesPerLocation(context_, input.directives);
  VisitType(*input.type);
  if (input.default_value != nullptr) UniqueInputFieldNames(context_, *input.default_value);
  VisitDirectives(context_, input.directives, location, nullptr);
}

}  // namespace fsubs::graphql
