#include "graphql/schema/type_list.hpp"

#include <unordered_set>

namespace fsubs::graphql {
namespace {

// Depth first, each type once. Types that were defined keep their order: one that is reached early
// waits for its turn.
class TypeList {
 public:
  explicit TypeList(const Schema& schema) {
    for (const auto& type : schema.types()) {
      if (!type->builtin) seen_.insert(type.get());
    }
    for (const auto& type : schema.types()) {
      if (!type->builtin) Append(*type);
    }
    for (const DirectiveType& directive : schema.directives()) AddAll(directive.arguments);
    Add(schema.FindType("__Schema"));
  }

  std::vector<const Type*> Take() { return std::move(types_); }

 private:
  template <typename Node>
  void AddAll(const std::vector<Node>& nodes) {
    for (const Node& node : nodes) Add(node.type->type);
  }

  void Add(const Type* type) {
    if (seen_.insert(type).second) Append(*type);
  }

  // Only types of the specification are reached by recursion, and they are few.
  void Append(const Type& type) {
    types_.push_back(&type);
    for (const Field& field : type.fields) {
      Add(field.type->type);
      AddAll(field.arguments);
    }
    AddAll(type.input_fields);
  }

  std::vector<const Type*> types_;
  std::unordered_set<const Type*> seen_;
};

}  // namespace

std::vector<const Type*> ListTypes(const Schema& schema) {
  return TypeList(schema).Take();
}

}  // namespace fsubs::graphql
