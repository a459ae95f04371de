// Whether types implement their interfaces (October 2021 specification, section 3.6,
// IsValidImplementation).
#include <algorithm>
#include <set>

#include "graphql/sdl/schema_rules.hpp"

namespace fsubs::graphql {
namespace {

// IsSubType of the specification, section 3.6.1, for the types of fields.
bool IsCovariant(const WrappedType& mine, const WrappedType& theirs) {
  if (mine.is_non_null()) return IsCovariant(*mine.of, *theirs.nullable());
  if (mine.kind != theirs.kind) return false;
  if (mine.kind == TypeRefKind::kList) return IsCovariant(*mine.of, *theirs.of);
  if (mine.type == theirs.type) return true;
  if (theirs.type->kind == TypeKind::kUnion) return theirs.type->Includes(mine.type);
  // Few, while an interface may be that of every type.
  const auto& implemented = mine.type->interfaces;
  return std::find(implemented.begin(), implemented.end(), theirs.type) != implemented.end();
}

class Implementation {
 public:
  Implementation(const Type& type, const Type& interface, SdlErrors* errors)
      : type_(type), interface_(interface), errors_(errors), name_(type.name) {}

  void Check() {
    CheckAncestors();
    for (const Field& wanted : interface_.fields) CheckField(wanted);
  }

  static std::vector<uint32_t> Declarations(const Type& type, std::string_view interface) {
    return OffsetsOf(type, interface, [](const TypeDefinition& node) { return node.interfaces; });
  }

 private:
  // A type that implements an interface must also implement what the interface implements.
  void CheckAncestors() {
    const auto& implemented = type_.interfaces;
    for (const Type* ancestor : interface_.interfaces) {
      if (std::find(implemented.begin(), implemented.end(), ancestor) != implemented.end())
        continue;
      const std::string interface(interface_.name);
      std::vector<uint32_t> offsets = Declarations(interface_, ancestor->name);
      for (uint32_t offset : Declarations(type_, interface_.name)) offsets.push_back(offset);
      errors_->Report(ancestor == &type_
                          ? "Type " + name_ + " cannot implement " + interface +
                                " because it would create a circular reference."
                          : "Type " + name_ + " must implement " + std::string(ancestor->name) +
                                " because it is implemented by " + interface + ".",
                      offsets);
    }
  }

  void CheckField(const Field& wanted) {
    const std::string wanted_name = std::string(interface_.name) + "." + std::string(wanted.name);
    const Field* const field = type_.FindField(wanted.name);
    if (field == nullptr) {
      std::vector<uint32_t> offsets{wanted.node->offset};
      for (const TypeDefinition* node : type_.nodes) offsets.push_back(node->offset);
      errors_->Report(
          "Interface field " + wanted_name + " expected but " + name_ + " does not provide it.",
          offsets);
      return;
    }
    const std::string field_name = name_ + "." + std::string(field->name);
    if (!IsCovariant(*field->type, *wanted.type)) {
      errors_->Report("Interface field " + wanted_name + " expects type " + ToString(*wanted.type) +
                          " but " + field_name + " is type " + ToString(*field->type) + ".",
                      {wanted.node->type->offset, field->node->type->offset});
    }
    for (const InputValue& argument : wanted.arguments) {
      CheckArgument(wanted_name, argument, field_name, *field);
    }
    for (const InputValue& argument : field->arguments) {
      if (!argument.required() || wanted.FindArgument(argument.name) != nullptr) continue;
      errors_->Report("Object field " + field_name + " includes required argument " +
                          std::string(argument.name) +
                          " that is missing from the Interface field " + wanted_name + ".",
                      {argument.node->offset, wanted.node->offset});
    }
  }

  void CheckArgument(const std::string& wanted_name, const InputValue& wanted,
                     const std::string& field_name, const Field& field) {
    const std::string argument = "(" + std::string(wanted.name) + ":)";
    const InputValue* const given = field.FindArgument(wanted.name);
    if (given == nullptr) {
      errors_->Report("Interface field argument " + wanted_name + argument + " expected but " +
                          field_name + " does not provide it.",
                      {wanted.node->offset, field.node->offset});
    } else if (*given->type != *wanted.type) {
      errors_->Report("Interface field argument " + wanted_name + argument + " expects type " +
                          ToString(*wanted.type) + " but " + field_name + argument + " is type " +
                          ToString(*given->type) + ".",
                      {wanted.node->type->offset, given->node->type->offset});
    }
  }

  const Type& type_;
  const Type& interface_;
  SdlErrors* const errors_;
  const std::string name_;
};

}  // namespace

void CheckImplementations(const Schema& schema, const Type& type, SdlErrors* errors) {
  const std::string name(type.name);
  std::set<std::string_view> seen;
  for (const TypeDefinition* node : type.nodes) {
    for (const Name& declared : node->interfaces) {
      const Type* const interface = schema.FindType(declared.text);
      const auto offsets = [&] { return Implementation::Declarations(type, declared.text); };
      if (interface->kind != TypeKind::kInterface) {
        errors->Report("Type " + name +
                           " must only implement Interface types, it cannot implement " +
                           std::string(declared.text) + ".",
                       offsets());
      } else if (interface == &type) {
        errors->Report("Type " + name +
                           " cannot implement itself because it would create a circular reference.",
                       offsets());
      } else if (!seen.insert(declared.text).second) {
        errors->Report(
            "Type " + name + " can only implement " + std::string(declared.text) + " once.",
            offsets());
      } else {
        Implementation(type, *interface, errors).Check();
      }
    }
  }
}

}  // namespace fsubs::graphql
