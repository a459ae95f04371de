#include "graphql/schema_implementation.hpp"

#include <algorithm>

namespace fsubs::graphql {

std::vector<std::string> CheckImplementations(const Type& type) {
  std::vector<std::string> problems;
  const std::string name(type.name);
  for (const Type* interface : type.interfaces) {
    if (interface == &type) {
      problems.push_back("Type " + name +
                         " cannot implement itself because it would create a circular reference.");
      continue;
    }
    for (const Field& wanted : interface->fields) {
      const std::string interface_field =
          std::string(interface->name) + "." + std::string(wanted.name);
      const Field* const field = type.FindField(wanted.name);
      if (field == nullptr) {
        problems.push_back("Interface field " + interface_field + " expected but " + name +
                           " does not provide it.");
        continue;
      }
      // Covariance (specification, section 3.6, IsValidImplementationFieldType).
      const WrappedType* mine = field->type;
      const WrappedType* theirs = wanted.type;
      if (mine == nullptr || theirs == nullptr) continue;
      bool covariant = true;
      while (covariant) {
        if (mine->is_non_null() && !theirs->is_non_null()) mine = mine->of;
        if (mine->kind != theirs->kind) {
          covariant = false;
        } else if (mine->kind == TypeRefKind::kNamed) {
          const auto& implemented = mine->type->interfaces;
          covariant =
              theirs->type->Includes(mine->type) ||
              std::find(implemented.begin(), implemented.end(), theirs->type) != implemented.end();
          break;
        } else {
          mine = mine->of;
          theirs = theirs->of;
        }
      }
      if (!covariant) {
        problems.push_back("Interface field " + interface_field + " expects type " +
                           ToString(*wanted.type) + " but " + name + "." +
                           std::string(field->name) + " is type " + ToString(*field->type) + ".");
      }
      for (const InputValue& argument : wanted.arguments) {
        const InputValue* const given = field->FindArgument(argument.name);
        if (given == nullptr) {
          problems.push_back("Interface field argument " + interface_field + "(" +
                             std::string(argument.name) + ":) expected but " + name + "." +
                             std::string(field->name) + " does not provide it.");
        }
      }
    }
  }
  return problems;
}

}  // namespace fsubs::graphql
