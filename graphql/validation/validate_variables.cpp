// Variables (specification, section 5.8).
#include "graphql/language/print.hpp"
#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

// Collects the variables of an operation or a fragment, with the types of their places.
class UsageCollector {
 public:
  UsageCollector(ValidationContext* context, std::vector<VariableUsage>* usages)
      : context_(context), usages_(usages) {}

  // `field` is the field around the set.
  void Selections(const SelectionSet& set, const Type* type, const Field* field) {
    const Type* const parent = type != nullptr && type->is_composite() ? type : nullptr;
    for (const Selection& selection : set.selections) {
      const Type* inner = parent;
      const Field* inner_field = field;
      if (selection.kind == SelectionKind::kField) {
        inner_field =
            parent != nullptr ? context_->schema.FieldOf(*parent, selection.name.text) : nullptr;
        inner = inner_field != nullptr ? inner_field->type->type : nullptr;
        for (const Argument& argument : selection.arguments) {
          Place(*argument.value,
                inner_field != nullptr ? inner_field->FindArgument(argument.name.text) : nullptr);
        }
      } else if (selection.type_condition) {
        inner = context_->schema.FindType(selection.type_condition.text);
      }
      Directives(selection.directives, inner_field);
      if (selection.selection_set != nullptr) {
        Selections(*selection.selection_set, inner, inner_field);
      }
    }
  }

  void Directives(std::span<const Directive> directives, const Field* field) {
    for (const Directive& directive : directives) {
      const DirectiveType* const type = context_->schema.FindDirective(directive.name.text);
      for (const Argument& argument : directive.arguments) {
        if (type != nullptr) {
          Place(*argument.value, type->FindArgument(argument.name.text));
        } else {
          Place(*argument.value,
                field != nullptr ? field->FindArgument(argument.name.text) : nullptr);
        }
      }
    }
  }

 private:
  void Place(const Value& value, const InputValue* input, const WrappedType* parent = nullptr) {
    Visit(value, input != nullptr ? input->type : nullptr,
          input != nullptr && input->default_value != nullptr, parent);
  }

  void Visit(const Value& value, const WrappedType* type, bool has_default,
             const WrappedType* parent) {
    switch (value.kind) {
      case ValueKind::kVariable:
        usages_->push_back({&value, type, has_default, parent});
        break;
      case ValueKind::kList: {
        const WrappedType* item = type != nullptr ? type->nullable() : nullptr;
        if (item != nullptr && item->kind == TypeRefKind::kList) item = item->of;
        for (const Value* node : value.items) Visit(*node, item, false, type);
        break;
      }
      case ValueKind::kObject:
        for (const ObjectField& field : value.fields) {
          Place(*field.value,
                type != nullptr ? type->type->FindInputField(field.name.text) : nullptr, type);
        }
        break;
      default:
        break;
    }
  }

  ValidationContext* const context_;
  std::vector<VariableUsage>* const usages_;
};

// Those of the operation itself, then those of the fragments it refers to.
std::vector<VariableUsage> UsagesOf(ValidationContext* context, const Operation& operation) {
  ReferencedFragments& referenced = context->ReferencedBy({&operation, 1});
  if (!referenced.usages) {
    referenced.usages.emplace();
    UsageCollector collector(context, &*referenced.usages);
    context->SpendFragmentWork(referenced.fragments.size());
    for (const Fragment* fragment : referenced.fragments) {
      const size_t before = referenced.usages->size();
      collector.Directives(fragment->directives, nullptr);
      collector.Selections(*fragment->selection_set,
                           context->schema.FindType(fragment->type_condition.text), nullptr);
      context->SpendFragmentWork(referenced.usages->size() - before);
    }
  }
  context->SpendFragmentWork(referenced.usages->size());
  std::vector<VariableUsage> usages;
  UsageCollector collector(context, &usages);
  collector.Directives(operation.directives, nullptr);
  collector.Selections(*operation.selection_set, context->schema.Root(operation.kind), nullptr);
  usages.insert(usages.end(), referenced.usages->begin(), referenced.usages->end());
  return usages;
}

// Whether a variable of type `variable` may stand where `wanted` is expected (AreTypesCompatible).
bool Compatible(const WrappedType& variable, const WrappedType& wanted) {
  if (wanted.is_non_null()) return variable.is_non_null() && Compatible(*variable.of, *wanted.of);
  if (variable.is_non_null()) return Compatible(*variable.of, wanted);
  if (wanted.kind != variable.kind) return false;
  if (wanted.kind == TypeRefKind::kList) return Compatible(*variable.of, *wanted.of);
  return variable.type == wanted.type;
}

bool AllowedAt(const VariableDefinition& variable, const WrappedType& type,
               const VariableUsage& usage) {
  if (usage.type->is_non_null() && !type.is_non_null()) {
    const bool has_default =
        variable.default_value != nullptr && variable.default_value->kind != ValueKind::kNull;
    return (has_default || usage.has_default) && Compatible(type, *usage.type->of);
  }
  return Compatible(type, *usage.type);
}

std::string Named(const Operation& operation, const char* preposition) {
  return operation.name ? preposition + Quoted(operation.name.text) : std::string();
}

// An operation's variables by name. The last one of a name counts.
class Definitions {
 public:
  Definitions(ValidationContext* context, const Operation& operation)
      : names_(context->arena()), last_(context->arena()) {
    for (const VariableDefinition& variable : operation.variables) {
      const size_t number = names_.Add(variable.name.text);
      last_.resize(names_.size());
      last_[number] = &variable;
    }
  }
  // Null if there is none.
  const VariableDefinition* Find(std::string_view name) const {
    const size_t number = names_.Find(name);
    return number == NameIndex::kNone ? nullptr : last_[number];
  }

 private:
  NameIndex names_;
  std::pmr::vector<const VariableDefinition*> last_;
};

void VariablesInAllowedPosition(ValidationContext* context, const Definitions& definitions,
                                const std::vector<VariableUsage>& usages) {
  for (const VariableUsage& usage : usages) {
    const VariableDefinition* const variable = definitions.Find(usage.variable->text);
    if (variable == nullptr || usage.type == nullptr) continue;
    const WrappedRef type(context, *variable->type);
    if (type.get() == nullptr || AllowedAt(*variable, *type.get(), usage)) continue;
    context->Report("Variable \"$" + std::string(usage.variable->text) + "\" of type " +
                        Quoted(Print(*variable->type)) + " used in position expecting type " +
                        Quoted(ToString(*usage.type)) + ".",
                    {variable->offset, usage.variable->offset});
  }
}

}  // namespace

void UniqueVariableNames(ValidationContext* context, const Operation& operation) {
  ReportRepeated(context, operation.variables, "variable named \"$",
                 [](const VariableDefinition& variable) { return variable.name; });
}

void VariablesAreInputTypes(ValidationContext* context, const VariableDefinition& variable) {
  const TypeRef* named = variable.type;
  while (named->of != nullptr) named = named->of;
  const Type* const type = context->schema.FindType(named->name.text);
  if (type == nullptr || type->is_input()) return;
  context->Report("Variable \"$" + std::string(variable.name.text) +
                      "\" cannot be non-input type " + Quoted(Print(*variable.type)) + ".",
                  {variable.type->offset});
}

void VariableUsages(ValidationContext* context, const Operation& operation) {
  const std::vector<VariableUsage> usages = UsagesOf(context, operation);
  const Definitions definitions(context, operation);
  NameIndex used(context->arena());
  for (const VariableUsage& usage : usages) {
    used.Add(usage.variable->text);
    if (definitions.Find(usage.variable->text) != nullptr) continue;
    context->Report("Variable \"$" + std::string(usage.variable->text) + "\" is not defined" +
                        Named(operation, " by operation ") + ".",
                    {usage.variable->offset, operation.offset});
  }
  for (const VariableDefinition& variable : operation.variables) {
    if (used.Find(variable.name.text) != NameIndex::kNone) continue;
    context->Report("Variable \"$" + std::string(variable.name.text) + "\" is never used" +
                        Named(operation, " in operation ") + ".",
                    {variable.offset});
  }
  VariablesInAllowedPosition(context, definitions, usages);
}

}  // namespace fsubs::graphql
