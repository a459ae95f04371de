#include "worker/operation/introspection.hpp"

namespace fsubs {
namespace {

using graphql::DirectiveType;
using graphql::EnumValue;
using graphql::Field;
using graphql::InputValue;
using graphql::OperationKind;
using graphql::Schema;
using graphql::Type;
using graphql::TypeKind;
using graphql::TypeRefKind;
using graphql::WrappedType;
using Value = IntrospectionValue;
using Objects = std::vector<IntrospectionObject>;

Value TextOrNull(std::string_view text) {
  if (text.data() == nullptr) return {};
  return std::string(text);
}

template <typename Text>
Value TextOrNull(const std::optional<Text>& text) {
  if (!text) return {};
  return std::string(*text);
}

Value TypeOrNull(const Type* type) {
  if (type == nullptr) return {};
  return IntrospectionObject(type);
}

template <typename Node>
Value List(const std::vector<Node>& nodes, bool include_deprecated) {
  Objects objects;
  for (const Node& node : nodes) {
    if (include_deprecated || !node.deprecated) objects.emplace_back(&node);
  }
  return objects;
}

Value List(const std::vector<const Type*>& types) {
  Objects objects;
  for (const Type* type : types) objects.emplace_back(type);
  return objects;
}

Value KindOf(TypeKind kind) {
  switch (kind) {
    case TypeKind::kScalar:
      return std::string("SCALAR");
    case TypeKind::kObject:
      return std::string("OBJECT");
    case TypeKind::kInterface:
      return std::string("INTERFACE");
    case TypeKind::kUnion:
      return std::string("UNION");
    case TypeKind::kEnum:
      return std::string("ENUM");
    case TypeKind::kInputObject:
      break;
  }
  return std::string("INPUT_OBJECT");
}

// The fields `isDeprecated` and `deprecationReason`.
template <typename Node>
Value DeprecationOf(const Node& node, std::string_view field) {
  if (field == "isDeprecated") return node.deprecated.has_value();
  return TextOrNull(node.deprecated);
}

Value FieldOf(const Schema& schema, std::string_view field) {
  if (field == "description") return TextOrNull(schema.description());
  if (field == "types") {
    Objects types;
    for (const auto& type : schema.types()) types.emplace_back(type.get());
    return types;
  }
  if (field == "queryType") return TypeOrNull(schema.Root(OperationKind::kQuery));
  if (field == "mutationType") return TypeOrNull(schema.Root(OperationKind::kMutation));
  if (field == "subscriptionType") return TypeOrNull(schema.Root(OperationKind::kSubscription));
  Objects directives;
  for (const DirectiveType& directive : schema.directives()) directives.emplace_back(&directive);
  return directives;
}

Value FieldOf(const Type& type, std::string_view field, bool include_deprecated) {
  const bool has_fields = type.kind == TypeKind::kObject || type.kind == TypeKind::kInterface;
  if (field == "kind") return KindOf(type.kind);
  if (field == "name") return std::string(type.name);
  if (field == "description") return TextOrNull(type.description);
  if (field == "specifiedByURL") return TextOrNull(type.specified_by);
  if (field == "fields" && has_fields) return List(type.fields, include_deprecated);
  if (field == "interfaces" && has_fields) return List(type.interfaces);
  if (field == "possibleTypes" && type.is_abstract()) return List(type.possible);
  if (field == "enumValues" && type.kind == TypeKind::kEnum) {
    return List(type.values, include_deprecated);
  }
  if (field == "inputFields" && type.kind == TypeKind::kInputObject) {
    return List(type.input_fields, include_deprecated);
  }
  return {};
}

Value FieldOf(const WrappedType& type, std::string_view field, bool include_deprecated) {
  if (type.kind == TypeRefKind::kNamed) return FieldOf(*type.type, field, include_deprecated);
  if (field == "kind") return std::string(type.is_non_null() ? "NON_NULL" : "LIST");
  if (field == "ofType") return IntrospectionObject(type.of);
  return {};
}

Value FieldOf(const Field& node, std::string_view field, bool include_deprecated) {
  if (field == "name") return std::string(node.name);
  if (field == "description") return TextOrNull(node.description);
  if (field == "args") return List(node.arguments, include_deprecated);
  if (field == "type") return IntrospectionObject(node.type);
  return DeprecationOf(node, field);
}

Value FieldOf(const InputValue& input, std::string_view field) {
  if (field == "name") return std::string(input.name);
  if (field == "description") return TextOrNull(input.description);
  if (field == "type") return IntrospectionObject(input.type);
  if (field == "defaultValue") return TextOrNull(input.default_text);
  return DeprecationOf(input, field);
}

Value FieldOf(const EnumValue& value, std::string_view field) {
  if (field == "name") return std::string(value.name);
  if (field == "description") return TextOrNull(value.description);
  return DeprecationOf(value, field);
}

Value FieldOf(const DirectiveType& directive, std::string_view field, bool include_deprecated) {
  if (field == "name") return std::string(directive.name);
  if (field == "description") return TextOrNull(directive.description);
  if (field == "isRepeatable") return directive.repeatable;
  if (field == "args") return List(directive.arguments, include_deprecated);
  return std::vector<std::string>(directive.locations.begin(), directive.locations.end());
}

}  // namespace

IntrospectionValue Introspect(const IntrospectionObject& object, std::string_view field,
                              bool include_deprecated) {
  struct Visitor {
    std::string_view field;
    bool include_deprecated;
    Value operator()(const Schema* node) const { return FieldOf(*node, field); }
    Value operator()(const InputValue* node) const { return FieldOf(*node, field); }
    Value operator()(const EnumValue* node) const { return FieldOf(*node, field); }
    Value operator()(const Type* node) const { return FieldOf(*node, field, include_deprecated); }
    Value operator()(const WrappedType* node) const {
      return FieldOf(*node, field, include_deprecated);
    }
    Value operator()(const Field* node) const { return FieldOf(*node, field, include_deprecated); }
    Value operator()(const DirectiveType* node) const {
      return FieldOf(*node, field, include_deprecated);
    }
  };
  return std::visit(Visitor{field, include_deprecated}, object);
}

}  // namespace fsubs
