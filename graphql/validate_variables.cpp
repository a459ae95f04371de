// Variables (specification, section 5.8).
#include <map>
#include <set>

#include "graphql/print.hpp"
#include "graphql/validation_context.hpp"

namespace fsubs::graphql {
namespace {

// One place where a variable stands, and the type that place wants; null where that is unknown.
struct Usage {
  const Value* variable;
  const WrappedType* type;
  bool has_default;  // of the argument or input field
};

class UsageCollector {
 public:
  UsageCollector(const Schema& schema, std::vector<Usage>* usages,
                 std::vector<std::string_view>* spreads)
      : schema_(schema), usages_(usages), spreads_(spreads) {}

  void Selections(const SelectionSet& set, const Type* parent) {
    for (const Selection& selection : set.selections) {
      const Field* const field = parent != nullptr && selection.kind == SelectionKind::kField
                                     ? schema_.FieldOf(*parent, selection.name.text)
                                     : nullptr;
      for (const Argument& argument : selection.arguments) {
        Literal(*argument.value,
                field != nullptr ? field->FindArgument(argument.name.text) : nullptr);
      }
      Directives(selection.directives);
      const Type* inner = parent;
      if (selection.kind == SelectionKind::kField) {
        inner = field != nullptr ? field->type->type : nullptr;
      } else if (selection.type_condition) {
        inner = schema_.FindType(selection.type_condition.text);
      }
      if (selection.kind == SelectionKind::kFragmentSpread) {
        spreads_->push_back(selection.name.text);
      } else if (selection.selection_set != nullptr) {
        Selections(*selection.selection_set, inner);
      }
    }
  }

  void Directives(std::span<const Directive> directives) {
    for (const Directive& directive : directives) {
      const DirectiveType* const type = schema_.FindDirective(directive.name.text);
      for (const Argument& argument : directive.arguments) {
        Literal(*argument.value,
                type != nullptr ? type->FindArgument(argument.name.text) : nullptr);
      }
    }
  }

 private:
  void Literal(const Value& value, const InputValue* input) {
    Visit(value, input != nullptr ? input->type : nullptr,
          input != nullptr && input->default_value != nullptr);
  }

  void Visit(const Value& value, const WrappedType* type, bool has_default) {
    switch (value.kind) {
      case ValueKind::kVariable:
        usages_->push_back({&value, type, has_default});
        break;
      case ValueKind::kList: {
        const WrappedType* const list = type != nullptr ? type->nullable() : nullptr;
        const bool is_list = list != nullptr && list->kind == TypeRefKind::kList;
        for (const Value* item : value.items) Visit(*item, is_list ? list->of : nullptr, false);
        break;
      }
      case ValueKind::kObject:
        for (const ObjectField& field : value.fields) {
          Literal(*field.value,
                  type != nullptr ? type->type->FindInputField(field.name.text) : nullptr);
        }
        break;
      default:
        break;
    }
  }

  const Schema& schema_;
  std::vector<Usage>* const usages_;
  std::vector<std::string_view>* const spreads_;
};

// Whether a variable of type `ref` may stand where `wanted` is expected (AreTypesCompatible).
bool Compatible(const TypeRef& ref, const WrappedType& wanted) {
  if (wanted.is_non_null()) {
    return ref.kind == TypeRefKind::kNonNull && Compatible(*ref.of, *wanted.of);
  }
  if (ref.kind == TypeRefKind::kNonNull) return Compatible(*ref.of, wanted);
  if (wanted.kind != ref.kind) return false;
  if (wanted.kind == TypeRefKind::kList) return Compatible(*ref.of, *wanted.of);
  return ref.name.text == wanted.type->name;
}

bool AllowedAt(const VariableDefinition& variable, const Usage& usage) {
  const bool has_default =
      variable.default_value != nullptr && variable.default_value->kind != ValueKind::kNull;
  if (usage.type->is_non_null() && variable.type->kind != TypeRefKind::kNonNull) {
    return (has_default || usage.has_default) && Compatible(*variable.type, *usage.type->of);
  }
  return Compatible(*variable.type, *usage.type);
}

// The schema's wrapped form of what a document writes; built on the stack of the caller.
class RefType {
 public:
  RefType(const Schema& schema, const TypeRef& ref) {
    const TypeRef* at = &ref;
    while (at->of != nullptr) at = at->of;
    const Type* const named = schema.FindType(at->name.text);
    if (named == nullptr || !named->is_input()) return;
    for (at = &ref; at != nullptr; at = at->of) chain_.push_back({at->kind, named, nullptr});
    for (size_t i = 0; i + 1 < chain_.size(); ++i) chain_[i].of = &chain_[i + 1];
  }
  const WrappedType* get() const { return chain_.empty() ? nullptr : &chain_.front(); }

 private:
  std::vector<WrappedType> chain_;
};

void ValidateOperationVariables(ValidationContext* context, const Operation& operation) {
  std::map<std::string_view, const VariableDefinition*> defined;
  for (const VariableDefinition& variable : operation.variables) {
    const auto [known, added] = defined.emplace(variable.name.text, &variable);
    if (!added) {
      context->Report(
          "There can be only one variable named \"$" + std::string(variable.name.text) + "\".",
          {known->second->name.offset, variable.name.offset});
    }
    if (variable.default_value != nullptr) {
      const RefType type(context->schema, *variable.type);
      if (type.get() != nullptr) ValidateLiteral(context, *type.get(), *variable.default_value);
    }
  }

  std::vector<Usage> usages;
  std::vector<std::string_view> spreads;
  UsageCollector collector(context->schema, &usages, &spreads);
  collector.Directives(operation.directives);
  collector.Selections(*operation.selection_set, context->schema.Root(operation.kind));
  std::set<std::string_view> visited;
  for (size_t i = 0; i < spreads.size(); ++i) {
    if (!visited.insert(spreads[i]).second) continue;
    const Fragment* const fragment = context->document.FindFragment(spreads[i]);
    if (fragment == nullptr) continue;
    collector.Directives(fragment->directives);
    collector.Selections(*fragment->selection_set,
                         context->schema.FindType(fragment->type_condition.text));
  }

  std::set<std::string_view> used;
  for (const Usage& usage : usages) {
    const std::string name = "\"$" + std::string(usage.variable->text) + "\"";
    used.insert(usage.variable->text);
    const auto variable = defined.find(usage.variable->text);
    if (variable == defined.end()) {
      context->Report("Variable " + name + " is not defined" +
                          (operation.name ? " by operation " + Quoted(operation.name.text) : "") +
                          ".",
                      {usage.variable->offset, operation.offset});
    } else if (usage.type != nullptr && !AllowedAt(*variable->second, usage)) {
      context->Report("Variable " + name + " of type " + Quoted(Print(*variable->second->type)) +
                          " used in position expecting type " + Quoted(ToString(*usage.type)) + ".",
                      {variable->second->offset, usage.variable->offset});
    }
  }
  for (const VariableDefinition& variable : operation.variables) {
    if (used.contains(variable.name.text)) continue;
    context->Report("Variable \"$" + std::string(variable.name.text) + "\" is never used" +
                        (operation.name ? " in operation " + Quoted(operation.name.text) : "") +
                        ".",
                    {variable.offset});
  }
}

}  // namespace

void ValidateVariables(ValidationContext* context) {
  for (const Operation& operation : context->document.operations) {
    ValidateOperationVariables(context, operation);
  }
}

}  // namespace fsubs::graphql
