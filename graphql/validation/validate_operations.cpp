// Documents and operations (specification, sections 5.1 and 5.2).
#include <algorithm>

#include "graphql/language/print.hpp"
#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

// The root fields that a subscription executes, by response name, as execution collects them: by
// @skip, @include and type conditions. Variables have no values yet: where one decides, graphql-js
// fails with that error alone, and so does this.
class RootFields {
 public:
  RootFields(ValidationContext* context, const Type* root)
      : context_(context), root_(root), names_(context->arena()), visited_(context->arena()) {}

  void Collect(const SelectionSet& set) {
    const FragmentNesting nesting(context_, &depth_);
    Spend(set);
    for (const Selection& selection : set.selections) {
      if (selection.kind == SelectionKind::kFragmentSpread &&
          visited_.Find(selection.name.text) != NameIndex::kNone) {
        continue;
      }
      if (Condition(selection, "skip") == true || Condition(selection, "include") == false) {
        continue;
      }
      switch (selection.kind) {
        case SelectionKind::kField: {
          const size_t number = names_.Add(selection.response_name().text);
          if (number == groups_.size()) groups_.emplace_back();
          groups_[number].push_back(&selection);
          break;
        }
        case SelectionKind::kInlineFragment:
          if (!selection.type_condition || Applies(selection.type_condition)) {
            Collect(*selection.selection_set);
          }
          break;
        case SelectionKind::kFragmentSpread: {
          visited_.Add(selection.name.text);
          const Fragment* const fragment = context_->FindFragment(selection.name.text);
          if (fragment != nullptr && Applies(fragment->type_condition)) {
            Collect(*fragment->selection_set);
          }
          break;
        }
      }
    }
  }

  const std::vector<std::vector<const Selection*>>& groups() const { return groups_; }

 private:
  void Spend(const SelectionSet& set) {
    size_t cost = set.selections.size();
    for (const Selection& selection : set.selections) {
      cost += selection.directives.size();
      for (const Directive& directive : selection.directives) {
        if (directive.name.text == "skip" || directive.name.text == "include") {
          cost += directive.arguments.size();
        }
      }
    }
    context_->SpendFragmentWork(cost);
  }

  bool Applies(const Name& condition) const {
    const Type* const type = context_->schema.FindType(condition.text);
    return type != nullptr && type->Includes(root_);
  }

  // What the first directive of that name says, nothing if there is none.
  std::optional<bool> Condition(const Selection& selection, std::string_view name) const {
    const auto directive =
        std::find_if(selection.directives.begin(), selection.directives.end(),
                     [&](const Directive& node) { return node.name.text == name; });
    if (directive == selection.directives.end()) return std::nullopt;
    const Value* value = nullptr;
    for (const Argument& argument : directive->arguments) {
      if (argument.name.text == "if") value = argument.value;
    }
    if (value == nullptr) {
      context_->Fail("Argument \"if\" of required type \"Boolean!\" was not provided.",
                     directive->offset);
    }
    switch (value->kind) {
      case ValueKind::kBoolean:
        return value->boolean;
      case ValueKind::kVariable:
        context_->Fail(
            "Argument \"if\" of required type \"Boolean!\" was provided the variable \"$" +
                std::string(value->text) + "\" which was not provided a runtime value.",
            value->offset);
      case ValueKind::kNull:
        context_->Fail("Argument \"if\" of non-null type \"Boolean!\" must not be null.",
                       value->offset);
      default:
        context_->Fail("Argument \"if\" has invalid value " + Print(*value) + ".", value->offset);
    }
  }

  ValidationContext* const context_;
  const Type* const root_;
  NameIndex names_;
  NameIndex visited_;
  std::vector<std::vector<const Selection*>> groups_;  // by the numbers of names_
  size_t depth_ = 0;
};

}  // namespace

void ExecutableDefinitions(ValidationContext* context) {
  const Document& document = context->document;
  const auto report = [&](const std::string& name, uint32_t offset) {
    context->Report("The " + name + " definition is not executable.", {offset});
  };
  for (const Definition& definition : document.definitions) {
    switch (definition.kind) {
      case DefinitionKind::kOperation:
      case DefinitionKind::kFragment:
        break;
      case DefinitionKind::kType: {
        const TypeDefinition& type = document.types[definition.index];
        report(Quoted(type.name.text), type.offset);
        break;
      }
      case DefinitionKind::kDirective: {
        const DirectiveDefinition& directive = document.directives[definition.index];
        report(Quoted(directive.name.text), directive.offset);
        break;
      }
      case DefinitionKind::kSchema:
        report("schema", document.schemas[definition.index].offset);
        break;
    }
  }
}

void UniqueOperationNames(ValidationContext* context, const Operation& operation,
                          FirstUses* names) {
  if (!operation.name) return;
  if (const auto first = names->Add(operation.name.text, operation.name.offset)) {
    context->Report("There can be only one operation named " + Quoted(operation.name.text) + ".",
                    {*first, operation.name.offset});
  }
}

void LoneAnonymousOperation(ValidationContext* context, const Operation& operation) {
  if (operation.name || context->document.operations.size() == 1) return;
  context->Report("This anonymous operation must be the only defined operation.",
                  {operation.offset});
}

void SingleFieldSubscriptions(ValidationContext* context, const Operation& operation) {
  const Type* const root = context->schema.Root(OperationKind::kSubscription);
  if (operation.kind != OperationKind::kSubscription || root == nullptr) return;
  RootFields fields(context, root);
  fields.Collect(*operation.selection_set);
  const auto& groups = fields.groups();
  const auto subject = [&] {
    return operation.name ? "Subscription " + Quoted(operation.name.text)
                          : std::string("Anonymous Subscription");
  };
  if (groups.size() > 1) {
    std::vector<uint32_t> offsets;
    for (size_t i = 1; i < groups.size(); ++i) {
      for (const Selection* field : groups[i]) offsets.push_back(field->offset);
    }
    context->Report(subject() + " must select only one top level field.", offsets);
  }
  for (const auto& group : groups) {
    if (!group.front()->name.text.starts_with("__")) continue;
    std::vector<uint32_t> offsets;
    for (const Selection* field : group) offsets.push_back(field->offset);
    context->Report(subject() + " must not select an introspection top level field.", offsets);
  }
}

}  // namespace fsubs::graphql
