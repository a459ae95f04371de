#include "graphql/validation/validate.hpp"

#include "graphql/validation/validate_merging.hpp"
#include "graphql/validation/validation_context.hpp"
#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

// Walks through a document along its types. At each node the rules run in graphql-js's order: those
// that check it before its children, then the children, then the other rules.
class Walk {
 public:
  explicit Walk(ValidationContext* context)
      : context_(context),
        operation_names_(context->arena()),
        fragment_names_(context->arena()),
        cycles_(context),
        merging_(context),
        definitions_(context),
        introspection_(context) {}

  void Run() {
    const Document& document = context_->document;
    ExecutableDefinitions(context_);
    for (const Definition& definition : document.definitions) {
      switch (definition.kind) {
        case DefinitionKind::kOperation:
          Visit(document.operations[definition.index]);
          break;
        case DefinitionKind::kFragment:
          Visit(document.fragments[definition.index]);
          break;
        case DefinitionKind::kType:
          definitions_.Visit(document.types[definition.index]);
          break;
        case DefinitionKind::kDirective:
          definitions_.Visit(document.directives[definition.index]);
          break;
        case DefinitionKind::kSchema:
          definitions_.Visit(document.schemas[definition.index]);
          break;
      }
    }
    NoUnusedFragments(context_);
  }

 private:
  void Visit(const Operation& operation) {
    constexpr std::string_view kLocations[] = {"QUERY", "MUTATION", "SUBSCRIPTION"};
    UniqueOperationNames(context_, operation, &operation_names_);
    LoneAnonymousOperation(context_, operation);
    SingleFieldSubscriptions(context_, operation);
    UniqueVariableNames(context_, operation);
    UniqueDirectivesPerLocation(context_, operation.directives);
    for (const VariableDefinition& variable : operation.variables) Visit(variable);
    VisitDirectives(context_, operation.directives, kLocations[static_cast<size_t>(operation.kind)],
                    nullptr);
    VisitSelections(*operation.selection_set, context_->schema.Root(operation.kind), nullptr, true);
    VariableUsages(context_, operation);
  }

  void Visit(const VariableDefinition& variable) {
    VariablesAreInputTypes(context_, variable);
    UniqueDirectivesPerLocation(context_, variable.directives);
    const TypeRef* named = variable.type;
    while (named->of != nullptr) named = named->of;
    KnownTypeNames(context_, named->name);
    if (variable.default_value != nullptr) {
      const WrappedRef type(context_, *variable.type);
      VisitValue(context_, *variable.default_value, type.input());
    }
    VisitDirectives(context_, variable.directives, "VARIABLE_DEFINITION", nullptr);
  }

  void Visit(const Fragment& fragment) {
    FragmentsOnCompositeTypes(context_, fragment.type_condition, fragment.name);
    UniqueFragmentNames(context_, fragment, &fragment_names_);
    cycles_.Visit(fragment);
    UniqueDirectivesPerLocation(context_, fragment.directives);
    KnownTypeNames(context_, fragment.type_condition);
    VisitDirectives(context_, fragment.directives, "FRAGMENT_DEFINITION", nullptr);
    VisitSelections(*fragment.selection_set,
                    context_->schema.FindType(fragment.type_condition.text), nullptr, true);
  }

  // `field` is the field around the set, `merges` whether it stands for an object by itself: the
  // fields of an inline fragment are those of the set around it.
  void VisitSelections(const SelectionSet& set, const Type* type, const Field* field, bool merges) {
    const Type* const parent = type != nullptr && type->is_composite() ? type : nullptr;
    if (merges) merging_.Check(set, parent);
    for (const Selection& selection : set.selections) {
      switch (selection.kind) {
        case SelectionKind::kField:
          VisitField(selection, parent);
          break;
        case SelectionKind::kInlineFragment:
          VisitInlineFragment(selection, parent, field);
          break;
        case SelectionKind::kFragmentSpread:
          KnownFragmentNames(context_, selection);
          PossibleFragmentSpreads(context_, selection, parent);
          UniqueDirectivesPerLocation(context_, selection.directives);
          VisitDirectives(context_, selection.directives, "FRAGMENT_SPREAD", field);
          break;
      }
    }
  }

  void VisitField(const Selection& field, const Type* parent) {
    const Field* const definition =
        parent != nullptr ? context_->schema.FieldOf(*parent, field.name.text) : nullptr;
    ScalarLeafs(context_, field, definition);
    FieldsOnCorrectType(context_, field, parent, definition);
    UniqueDirectivesPerLocation(context_, field.directives);
    UniqueArgumentNames(context_, field.arguments);
    introspection_.Enter(field, parent, definition);
    for (const Argument& argument : field.arguments) {
      KnownArgumentNames(context_, argument, parent, definition);
      const InputValue* const input =
          definition != nullptr ? definition->FindArgument(argument.name.text) : nullptr;
      VisitValue(context_, *argument.value, input != nullptr ? input->type : nullptr);
    }
    VisitDirectives(context_, field.directives, "FIELD", definition);
    if (field.selection_set != nullptr) {
      VisitSelections(*field.selection_set,
                      definition != nullptr ? definition->type->type : nullptr, definition, true);
    }
    if (definition != nullptr) ProvidedRequiredArguments(context_, field, *definition);
    introspection_.Leave(field);
  }

  void VisitInlineFragment(const Selection& fragment, const Type* parent, const Field* field) {
    const Name& condition = fragment.type_condition;
    if (condition) FragmentsOnCompositeTypes(context_, condition, {});
    PossibleFragmentSpreads(context_, fragment, parent);
    UniqueDirectivesPerLocation(context_, fragment.directives);
    if (condition) KnownTypeNames(context_, condition);
    VisitDirectives(context_, fragment.directives, "INLINE_FRAGMENT", field);
    VisitSelections(*fragment.selection_set,
                    condition ? context_->schema.FindType(condition.text) : parent, field, false);
  }

  ValidationContext* const context_;
  FirstUses operation_names_;
  FirstUses fragment_names_;
  NoFragmentCycles cycles_;
  FieldMerging merging_;
  DefinitionRules definitions_;
  IntrospectionRules introspection_;
};

}  // namespace

std::vector<Error> Validate(const Schema& schema, const Document& document,
                            const ValidationLimits& limits) {
  ValidationContext context(schema, document, limits);
  try {
    if (WithinLimits(&context)) Walk(&context).Run();
  } catch (const ValidationStopped&) {
    // The errors that were reported say why.
  }
  return context.TakeErrors();
}

}  // namespace fsubs::graphql
