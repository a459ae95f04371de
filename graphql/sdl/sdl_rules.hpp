// Rules for type system documents that can be checked on the syntax alone: names, extensions and
// directives. They are those that graphql-js's buildSchema() checks first (specifiedSDLRules).
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "graphql/language/ast.hpp"
#include "graphql/schema/schema.hpp"
#include "graphql/sdl/sdl_errors.hpp"

namespace fsubs::graphql {

// What a document may refer to without defining it.
struct KnownNames {
  const Document* prelude = nullptr;  // what is in every schema
  const Schema* base = nullptr;       // what the document is added to, `prelude` included
};

// Check `errors->document()`. One of `known` is given. The directives of federation may be used
// without being defined.
void CheckSdl(const KnownNames& known, SdlErrors* errors);

// The parts of CheckSdl.
void CheckSdlNames(const KnownNames& known, SdlErrors* errors);
void CheckSdlDirectives(const KnownNames& known, SdlErrors* errors);

// Where a directive of that kind of type stands: "OBJECT".
std::string_view DirectiveLocationOf(TypeKind kind);

// Visit every place of a type system document that may use directives. `shared` names a place of
// several nodes: a type and its extensions, or the schema, which has no name.
// void visit(std::span<const Directive> directives, std::string_view location,
//            std::optional<std::string_view> shared)
template <typename Visitor>
void ForEachDirectives(const Document& document, const Visitor& visit) {
  const auto inputs = [&](std::span<const InputValueDefinition> nodes, std::string_view location) {
    for (const InputValueDefinition& node : nodes) visit(node.directives, location, std::nullopt);
  };
  for (const SchemaDefinition& schema : document.schemas) visit(schema.directives, "SCHEMA", "");
  for (const TypeDefinition& type : document.types) {
    visit(type.directives, DirectiveLocationOf(type.kind), type.name.text);
    for (const FieldDefinition& field : type.fields) {
      visit(field.directives, "FIELD_DEFINITION", std::nullopt);
      inputs(field.arguments, "ARGUMENT_DEFINITION");
    }
    for (const EnumValueDefinition& value : type.values) {
      visit(value.directives, "ENUM_VALUE", std::nullopt);
    }
    inputs(type.input_fields, "INPUT_FIELD_DEFINITION");
  }
  for (const DirectiveDefinition& directive : document.directives) {
    inputs(directive.arguments, "ARGUMENT_DEFINITION");
  }
}

// Visit every default value: void visit(const InputValueDefinition& definition).
template <typename Visitor>
void ForEachDefault(const Document& document, const Visitor& visit) {
  const auto inputs = [&](std::span<const InputValueDefinition> nodes) {
    for (const InputValueDefinition& node : nodes) {
      if (node.default_value != nullptr) visit(node);
    }
  };
  for (const TypeDefinition& type : document.types) {
    for (const FieldDefinition& field : type.fields) inputs(field.arguments);
    inputs(type.input_fields);
  }
  for (const DirectiveDefinition& directive : document.directives) inputs(directive.arguments);
}

}  // namespace fsubs::graphql
