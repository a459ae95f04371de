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
using graphql::Visibility;
using graphql::WrappedType;
using Value = IntrospectionValue;
using Objects = std::vector<IntrospectionObject>;

// How to answer.
struct Options {
  const Visibility& visibility;
  bool include_deprecated;
};

Value TextOrNull(std::string_view text) {
  if (text.data() == nullptr) return {};
  return std::string(text);
}

template <typename Text>
Value TextOrNull(const std::optional<Text>& text) {
  if (!text) return {};
  return std::string(*text);
}

Value TypeOrNull(const Type* type, const Visibility& visibility) {
  if (type == nullptr || !visibility.Shows(*type)) return {};
  return IntrospectionObject(type);
}

// What is deprecated must not be required, which an input seems to be whose default is hidden.
bool IsRequiredFor(const InputValue& input, const Visibility& visibility) {
  return input.type->is_non_null() &&
         (input.default_value == nullptr || !visibility.ShowsDefault(input));
}

template <typename Node>
bool IsDeprecated(const Node& node, const Visibility&) {
  return node.deprecated.has_value();
}

bool IsDeprecated(const InputValue& input, const Visibility& visibility) {
  return input.deprecated.has_value() && !IsRequiredFor(input, visibility);
}

template <typename Node>
Value List(const std::vector<Node>& nodes, const Options& options) {
  Objects objects;
  for (const Node& node : nodes) {
    if (!options.include_deprecated && IsDeprecated(node, options.visibility)) continue;
    if (options.visibility.Shows(node)) objects.emplace_back(&node);
  }
  return objects;
}

Value List(const std::vector<const Type*>& types, const Options& options) {
  Objects objects;
  for (const Type* type : types) {
    if (options.visibility.Shows(*type)) objects.emplace_back(type);
  }
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

Value FieldOf(const Schema& schema, std::string_view field, const Visibility& visibility) {
  if (field == "description") return TextOrNull(schema.description());
  if (field == "types") {
    Objects types;
    for (const auto& type : schema.types()) {
      if (visibility.Shows(*type)) types.emplace_back(type.get());
    }
    return types;
  }
  if (field == "queryType") return TypeOrNull(schema.Root(OperationKind::kQuery), visibility);
  if (field == "mutationType") return TypeOrNull(schema.Root(OperationKind::kMutation), visibility);
  if (field == "subscriptionType")
    return TypeOrNull(schema.Root(OperationKind::kSubscription), visibility);
  Objects directives;
  for (const DirectiveType& directive : schema.directives()) {
    if (visibility.Shows(directive)) directives.emplace_back(&directive);
  }
  return directives;
}

Value FieldOf(const Type& type, std::string_view field, const Options& options) {
  const bool has_fields = type.kind == TypeKind::kObject || type.kind == TypeKind::kInterface;
  if (field == "kind") return KindOf(type.kind);
  if (field == "name") return std::string(type.name);
  if (field == "description") return TextOrNull(type.description);
  if (field == "specifiedByURL") return TextOrNull(type.specified_by);
  if (field == "fields" && has_fields) return List(type.fields, options);
  if (field == "interfaces" && has_fields) return List(type.interfaces, options);
  if (field == "possibleTypes" && type.is_abstract()) return List(type.possible, options);
  if (field == "enumValues" && type.kind == TypeKind::kEnum) {
    return List(type.values, options);
  }
  if (field == "inputFields" && type.kind == TypeKind::kInputObject) {
    return List(type.input_fields, options);
  }
  return {};
}

Value FieldOf(const WrappedType& type, std::string_view field, const Options& options) {
  if (type.kind == TypeRefKind::kNamed) return FieldOf(*type.type, field, options);
  if (field == "kind") return std::string(type.is_non_null() ? "NON_NULL" : "LIST");
  if (field == "ofType") return IntrospectionObject(type.of);
  return {};
}

Value FieldOf(const Field& node, std::string_view field, const Options& options) {
  if (field == "name") return std::string(node.name);
  if (field == "description") return TextOrNull(node.description);
  if (field == "args") return List(node.arguments, options);
  if (field == "type") return IntrospectionObject(node.type);
  return DeprecationOf(node, field);
}

Value FieldOf(const InputValue& input, std::string_view field, const Visibility& visibility) {
  if (field == "name") return std::string(input.name);
  if (field == "description") return TextOrNull(input.description);
  if (field == "type") return IntrospectionObject(input.type);
  if (field == "defaultValue") {
    const bool shown = input.default_value != nullptr && visibility.ShowsDefault(input);
    return shown ? TextOrNull(input.default_text) : Value();
  }
  if (!IsDeprecated(input, visibility)) return field == "isDeprecated" ? Value(false) : Value();
  return DeprecationOf(input, field);
}

Value FieldOf(const EnumValue& value, std::string_view field) {
  if (field == "name") return std::string(value.name);
  if (field == "description") return TextOrNull(value.description);
  return DeprecationOf(value, field);
}

Value FieldOf(const DirectiveType& directive, std::string_view field, const Options& options) {
  if (field == "name") return std::string(directive.name);
  if (field == "description") return TextOrNull(directive.description);
  if (field == "isRepeatable") return directive.repeatable;
  if (field == "args") return List(directive.arguments, options);
  return std::vector<std::string>(directive.locations.begin(), directive.locations.end());
}

}  // namespace

IntrospectionValue Introspect(const IntrospectionObject& object, std::string_view field,
                              bool include_deprecated, const Visibility& visibility) {
  struct Visitor {
    std::string_view field;
    Options options;
    Value operator()(const Schema* node) const { return FieldOf(*node, field, options.visibility); }
    Value operator()(const InputValue* node) const {
      return FieldOf(*node, field, options.visibility);
    }
    Value operator()(const EnumValue* node) const { return FieldOf(*node, field); }
    Value operator()(const Type* node) const { return FieldOf(*node, field, options); }
    Value operator()(const WrappedType* node) const { return FieldOf(*node, field, options); }
    Value operator()(const Field* node) const { return FieldOf(*node, field, options); }
    Value operator()(const DirectiveType* node) const { return FieldOf(*node, field, options); }
  };
  return std::visit(Visitor{field, {visibility, include_deprecated}}, object);
}

}  // namespace fsubs
