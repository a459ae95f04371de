// Fields, arguments, spreads and directives (specification, sections 5.3, 5.4, 5.5.2, 5.7), in one
// walk along the types.
#include <algorithm>
#include <map>
#include <set>

#include "graphql/print.hpp"
#include "graphql/suggest.hpp"
#include "graphql/validation_context.hpp"

namespace fsubs::graphql {
namespace {

class Walker {
 public:
  explicit Walker(ValidationContext* context) : context_(context) {
    for (const auto& type : context->schema.types()) type_names_.push_back(type->name);
  }

  void Walk() {
    const Document& document = context_->document;
    for (const Operation& operation : document.operations) {
      constexpr std::string_view kLocations[] = {"QUERY", "MUTATION", "SUBSCRIPTION"};
      for (const VariableDefinition& variable : operation.variables) WalkVariable(variable);
      WalkDirectives(operation.directives, kLocations[static_cast<size_t>(operation.kind)]);
      const Type* const root = context_->schema.Root(operation.kind);
      WalkSelections(*operation.selection_set, root);
    }
    for (const Fragment& fragment : document.fragments) {
      WalkDirectives(fragment.directives, "FRAGMENT_DEFINITION");
      WalkSelections(*fragment.selection_set, Condition(fragment.type_condition, &fragment.name));
    }
    MeasureDepth();
  }

 private:
  void WalkVariable(const VariableDefinition& variable) {
    const TypeRef* ref = variable.type;
    while (ref->of != nullptr) ref = ref->of;
    const Type* const type = context_->schema.FindType(ref->name.text);
    if (type == nullptr) {
      ReportUnknownType(ref->name);
    } else if (!type->is_input()) {
      context_->Report("Variable \"$" + std::string(variable.name.text) +
                           "\" cannot be non-input type " + Quoted(Print(*variable.type)) + ".",
                       {variable.type->offset});
    }
    WalkDirectives(variable.directives, "VARIABLE_DEFINITION");
  }

  void ReportUnknownType(const Name& name) {
    context_->Report(
        "Unknown type " + Quoted(name.text) + "." + DidYouMean(Suggest(name.text, type_names_)),
        {name.offset});
  }

  // The composite type a fragment is on; null, and reported, if there is none of that name.
  const Type* Condition(const Name& name, const Name* fragment) {
    const Type* const type = context_->schema.FindType(name.text);
    if (type == nullptr) {
      ReportUnknownType(name);
      return nullptr;
    }
    if (type->is_composite()) return type;
    context_->Report(
        (fragment != nullptr ? "Fragment " + Quoted(fragment->text) + " cannot condition"
                             : std::string("Fragment cannot condition")) +
            " on non composite type " + Quoted(name.text) + ".",
        {name.offset});
    return nullptr;
  }

  // `parent` is null below what is unknown: only what needs no type is checked there.
  void WalkSelections(const SelectionSet& set, const Type* parent) {
    for (const Selection& selection : set.selections) {
      if (context_->full()) return;
      switch (selection.kind) {
        case SelectionKind::kField:
          WalkField(selection, parent);
          break;
        case SelectionKind::kInlineFragment: {
          WalkDirectives(selection.directives, "INLINE_FRAGMENT");
          const Type* type = parent;
          if (selection.type_condition) {
            type = Condition(selection.type_condition, nullptr);
            CheckPossible(parent, type, selection, nullptr);
          }
          WalkSelections(*selection.selection_set, type);
          break;
        }
        case SelectionKind::kFragmentSpread: {
          WalkDirectives(selection.directives, "FRAGMENT_SPREAD");
          const Fragment* const fragment = context_->document.FindFragment(selection.name.text);
          if (fragment == nullptr) {
            context_->Report("Unknown fragment " + Quoted(selection.name.text) + ".",
                             {selection.name.offset});
          } else {
            CheckPossible(parent, context_->schema.FindType(fragment->type_condition.text),
                          selection, &selection.name);
          }
          break;
        }
      }
    }
  }

  void WalkField(const Selection& field, const Type* parent) {
    const Field* definition = nullptr;
    const WrappedType* type = nullptr;
    if (parent != nullptr) {
      definition = context_->schema.FieldOf(*parent, field.name.text);
      if (definition != nullptr) {
        type = definition->type;
        CheckLeaf(field, *type);
      } else {
        ReportUnknownField(field, *parent);
      }
    }
    WalkDirectives(field.directives, "FIELD");
    if (definition != nullptr) {
      WalkArguments(field.arguments, definition->arguments, [&](const Argument& argument) {
        std::vector<std::string_view> names;
        for (const InputValue& known : definition->arguments) names.push_back(known.name);
        return "Unknown argument " + Quoted(argument.name.text) + " on field " +
               Quoted(std::string(parent->name) + "." + std::string(definition->name)) + "." +
               DidYouMean(Suggest(argument.name.text, names));
      });
      for (const InputValue& wanted : definition->arguments) {
        if (!wanted.required() || Given(field.arguments, wanted.name)) continue;
        context_->Report("Field " + Quoted(definition->name) + " argument " + Quoted(wanted.name) +
                             " of type " + Quoted(ToString(*wanted.type)) +
                             " is required, but it was not provided.",
                         {field.offset});
      }
    } else {
      WalkArguments(field.arguments, {}, [](const Argument&) { return std::string(); });
    }
    if (field.selection_set != nullptr) {
      const Type* const named = type != nullptr ? type->type : nullptr;
      WalkSelections(*field.selection_set,
                     named != nullptr && named->is_composite() ? named : nullptr);
    }
  }

  void CheckLeaf(const Selection& field, const WrappedType& type) {
    if (type.type->is_leaf()) {
      if (field.selection_set != nullptr) {
        context_->Report("Field " + Quoted(field.name.text) +
                             " must not have a selection since type " + Quoted(ToString(type)) +
                             " has no subfields.",
                         {field.selection_set->offset});
      }
    } else if (field.selection_set == nullptr) {
      context_->Report("Field " + Quoted(field.name.text) + " of type " + Quoted(ToString(type)) +
                           " must have a selection of subfields. Did you mean \"" +
                           std::string(field.name.text) + " { ... }\"?",
                       {field.offset});
    }
  }

  void ReportUnknownField(const Selection& field, const Type& parent) {
    // graphql-js suggests first the types that have such a field, then fields of a like name.
    std::string hint;
    if (parent.is_abstract()) {
      std::vector<std::string> types;
      std::vector<const Type*> interfaces;
      for (const Type* possible : parent.possible) {
        if (possible->FindField(field.name.text) == nullptr) continue;
        types.emplace_back(possible->name);
        for (const Type* interface : possible->interfaces) {
          if (interface->FindField(field.name.text) != nullptr &&
              std::find(interfaces.begin(), interfaces.end(), interface) == interfaces.end()) {
            interfaces.push_back(interface);
          }
        }
      }
      for (auto at = interfaces.rbegin(); at != interfaces.rend(); ++at) {
        types.insert(types.begin(), std::string((*at)->name));
      }
      hint = DidYouMean(types, "to use an inline fragment on");
    }
    if (hint.empty()) {
      std::vector<std::string_view> names;
      for (const Field& known : parent.fields) names.push_back(known.name);
      hint = DidYouMean(Suggest(field.name.text, names));
    }
    context_->Report("Cannot query field " + Quoted(field.name.text) + " on type " +
                         Quoted(parent.name) + "." + hint,
                     {field.offset});
  }

  static bool Given(std::span<const Argument> arguments, std::string_view name) {
    return std::any_of(arguments.begin(), arguments.end(),
                       [&](const Argument& argument) { return argument.name.text == name; });
  }

  template <typename Unknown>
  void WalkArguments(std::span<const Argument> arguments, std::span<const InputValue> known,
                     Unknown unknown) {
    std::map<std::string_view, uint32_t> seen;
    for (const Argument& argument : arguments) {
      const auto [first, added] = seen.emplace(argument.name.text, argument.name.offset);
      if (!added) {
        context_->Report("There can be only one argument named " + Quoted(argument.name.text) + ".",
                         {first->second, argument.name.offset});
      }
      const auto definition =
          std::find_if(known.begin(), known.end(),
                       [&](const InputValue& input) { return input.name == argument.name.text; });
      if (definition != known.end()) {
        ValidateLiteral(context_, *definition->type, *argument.value);
      } else if (std::string message = unknown(argument); !message.empty()) {
        context_->Report(std::move(message), {argument.name.offset});
      }
    }
  }

  void WalkDirectives(std::span<const Directive> directives, std::string_view location) {
    std::map<std::string_view, uint32_t> seen;
    for (const Directive& directive : directives) {
      const DirectiveType* const type = context_->schema.FindDirective(directive.name.text);
      if (type == nullptr) {
        context_->Report("Unknown directive \"@" + std::string(directive.name.text) + "\".",
                         {directive.offset});
        continue;
      }
      if (!type->AllowedAt(location)) {
        context_->Report("Directive \"@" + std::string(directive.name.text) +
                             "\" may not be used on " + std::string(location) + ".",
                         {directive.offset});
      }
      const auto [first, added] = seen.emplace(directive.name.text, directive.offset);
      if (!added && !type->repeatable) {
        context_->Report("The directive \"@" + std::string(directive.name.text) +
                             "\" can only be used once at this location.",
                         {first->second, directive.offset});
      }
      WalkArguments(directive.arguments, type->arguments, [&](const Argument& argument) {
        std::vector<std::string_view> names;
        for (const InputValue& known : type->arguments) names.push_back(known.name);
        return "Unknown argument " + Quoted(argument.name.text) + " on directive \"@" +
               std::string(directive.name.text) + "\"." +
               DidYouMean(Suggest(argument.name.text, names));
      });
      for (const InputValue& wanted : type->arguments) {
        if (!wanted.required() || Given(directive.arguments, wanted.name)) continue;
        context_->Report("Directive \"@" + std::string(directive.name.text) + "\" argument " +
                             Quoted(wanted.name) + " of type " + Quoted(ToString(*wanted.type)) +
                             " is required, but it was not provided.",
                         {directive.offset});
      }
    }
  }

  // 5.5.2.3: some object type must be both.
  void CheckPossible(const Type* parent, const Type* type, const Selection& spread,
                     const Name* fragment) {
    if (parent == nullptr || type == nullptr || !type->is_composite()) return;
    const auto overlaps = [](const Type& a, const Type& b) {
      if (!a.is_abstract()) return b.Includes(&a);
      return std::any_of(a.possible.begin(), a.possible.end(),
                         [&](const Type* object) { return b.Includes(object); });
    };
    if (parent == type || overlaps(*parent, *type)) return;
    context_->Report("Fragment " + (fragment != nullptr ? Quoted(fragment->text) + " " : "") +
                         "cannot be spread here as objects of type " + Quoted(parent->name) +
                         " can never be of type " + Quoted(type->name) + ".",
                     {spread.offset});
  }

  // Our own rule: the nesting of fields, fragments expanded, is bounded. Each fragment is measured
  // once; cycles are another rule's to report.
  void MeasureDepth() {
    for (const Operation& operation : context_->document.operations) {
      if (DepthOf(*operation.selection_set) > context_->limits.max_depth) {
        context_->Report("Operation is nested more than " +
                             std::to_string(context_->limits.max_depth) + " levels deep.",
                         {operation.offset});
      }
    }
  }

  size_t DepthOf(const SelectionSet& set) {
    size_t depth = 0;
    for (const Selection& selection : set.selections) {
      switch (selection.kind) {
        case SelectionKind::kField:
          depth = std::max(
              depth,
              1 + (selection.selection_set != nullptr ? DepthOf(*selection.selection_set) : 0));
          break;
        case SelectionKind::kInlineFragment:
          depth = std::max(depth, DepthOf(*selection.selection_set));
          break;
        case SelectionKind::kFragmentSpread: {
          const auto [known, added] = fragment_depths_.emplace(selection.name.text, 0);
          if (added) {
            if (const Fragment* fragment = context_->document.FindFragment(selection.name.text)) {
              const size_t measured = DepthOf(*fragment->selection_set);
              fragment_depths_[selection.name.text] = measured;
            }
          }
          depth = std::max(depth, fragment_depths_[selection.name.text]);
          break;
        }
      }
    }
    return depth;
  }

  ValidationContext* const context_;
  std::vector<std::string_view> type_names_;
  std::map<std::string_view, size_t> fragment_depths_;
};

}  // namespace

void ValidateSelections(ValidationContext* context) {
  Walker(context).Walk();
}

}  // namespace fsubs::graphql
