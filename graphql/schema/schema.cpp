#include "graphql/schema/schema.hpp"

#include <algorithm>

namespace fsubs::graphql {
namespace {

template <typename Node>
const Node* FindIndexed(const std::vector<Node>& nodes, const Type& type, std::string_view name) {
  const auto found = type.index.find(name);
  return found == type.index.end() ? nullptr : &nodes[found->second];
}

const InputValue* FindByName(const std::vector<InputValue>& inputs, std::string_view name) {
  const auto found = std::find_if(inputs.begin(), inputs.end(),
                                  [&](const InputValue& input) { return input.name == name; });
  return found == inputs.end() ? nullptr : &*found;
}

}  // namespace

std::string ToString(const WrappedType& type) {
  switch (type.kind) {
    case TypeRefKind::kNamed:
      return std::string(type.type->name);
    case TypeRefKind::kList:
      return "[" + ToString(*type.of) + "]";
    case TypeRefKind::kNonNull:
      break;
  }
  return ToString(*type.of) + "!";
}

bool operator==(const WrappedType& a, const WrappedType& b) {
  if (a.kind != b.kind || a.type != b.type) return false;
  return a.kind == TypeRefKind::kNamed || *a.of == *b.of;
}

const InputValue* Field::FindArgument(std::string_view argument) const {
  return FindByName(arguments, argument);
}

bool Type::Includes(const Type* object) const {
  return this == object || std::find(possible.begin(), possible.end(), object) != possible.end();
}

const Field* Type::FindField(std::string_view field) const {
  return kind == TypeKind::kObject || kind == TypeKind::kInterface
             ? FindIndexed(fields, *this, field)
             : nullptr;
}

const InputValue* Type::FindInputField(std::string_view field) const {
  return kind == TypeKind::kInputObject ? FindIndexed(input_fields, *this, field) : nullptr;
}

const EnumValue* Type::FindValue(std::string_view value) const {
  return kind == TypeKind::kEnum ? FindIndexed(values, *this, value) : nullptr;
}

bool DirectiveType::AllowedAt(std::string_view location) const {
  return std::find(locations.begin(), locations.end(), location) != locations.end();
}

const InputValue* DirectiveType::FindArgument(std::string_view argument) const {
  return FindByName(arguments, argument);
}

const Type* Schema::FindType(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

const Field* Schema::FieldOf(const Type& parent, std::string_view name) const {
  if (!name.starts_with("__")) return parent.FindField(name);
  const bool everywhere = name == "__typename" && parent.is_composite();
  if (everywhere || &parent == Root(OperationKind::kQuery)) return meta_.FindField(name);
  return nullptr;
}

const DirectiveType* Schema::FindDirective(std::string_view name) const {
  for (const DirectiveType& directive : directives_) {
    if (directive.name == name) return &directive;
  }
  return nullptr;
}

}  // namespace fsubs::graphql
