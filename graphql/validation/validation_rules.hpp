// The rules of section 5, named as graphql-js names them. Private to validate*.cpp: Validate calls
// them along one walk through the document, in graphql-js's order, which is that of the errors.
//
// `parent` is the composite type that selections are on and `definition` the field that a selection
// names. Both are null where the document is wrong; what needs them is then not checked.
#pragma once

#include <memory_resource>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/language/name_index.hpp"
#include "graphql/schema/schema.hpp"
#include "graphql/validation/validation_context.hpp"

namespace fsubs::graphql {

// A type as a document writes it, in the schema's terms.
class WrappedRef {
 public:
  WrappedRef(const ValidationContext* context, const TypeRef& ref) {
    const TypeRef* at = &ref;
    while (at->of != nullptr) at = at->of;
    const Type* const named = context->schema.FindType(at->name.text);
    if (named == nullptr) return;
    for (at = &ref; at != nullptr; at = at->of) chain_.push_back({at->kind, named, nullptr});
    for (size_t i = 0; i + 1 < chain_.size(); ++i) chain_[i].of = &chain_[i + 1];
  }
  WrappedRef(const WrappedRef&) = delete;
  WrappedRef& operator=(const WrappedRef&) = delete;

  // Null if the schema has no such type.
  const WrappedType* get() const { return chain_.empty() ? nullptr : &chain_.front(); }
  // Null if it is not an input type.
  const WrappedType* input() const {
    return !chain_.empty() && chain_.front().type->is_input() ? &chain_.front() : nullptr;
  }

 private:
  std::vector<WrappedType> chain_;
};

// Not in the specification: the limits of ValidationLimits. Returns whether the document keeps
// them.
bool WithinLimits(ValidationContext* context);

// 5.1, 5.2: documents and operations.
void ExecutableDefinitions(ValidationContext* context);
void UniqueOperationNames(ValidationContext* context, const Operation& operation, FirstUses* names);
void LoneAnonymousOperation(ValidationContext* context, const Operation& operation);
void SingleFieldSubscriptions(ValidationContext* context, const Operation& operation);

// 5.3: fields. Merging (5.3.2) is in validate_merging.hpp.
void ScalarLeafs(ValidationContext* context, const Selection& field, const Field* definition);
void FieldsOnCorrectType(ValidationContext* context, const Selection& field, const Type* parent,
                         const Field* definition);

// 5.4: arguments of fields and directives.
void KnownArgumentNames(ValidationContext* context, const Argument& argument, const Type* parent,
                        const Field* definition);
void UniqueArgumentNames(ValidationContext* context, std::span<const Argument> arguments);
void ProvidedRequiredArguments(ValidationContext* context, const Selection& field,
                               const Field& definition);

// 5.5: fragments.
// `others` are suggested beside the schema's types and those that the document defines.
void KnownTypeNames(ValidationContext* context, const Name& type,
                    std::span<const std::string_view> others = {});
void FragmentsOnCompositeTypes(ValidationContext* context, const Name& type, const Name& fragment);
void UniqueFragmentNames(ValidationContext* context, const Fragment& fragment, FirstUses* names);
void KnownFragmentNames(ValidationContext* context, const Selection& spread);
void PossibleFragmentSpreads(ValidationContext* context, const Selection& spread,
                             const Type* parent);
void NoUnusedFragments(ValidationContext* context);

// No fragment may contain itself. Each fragment is followed once.
class NoFragmentCycles {
 public:
  explicit NoFragmentCycles(ValidationContext* context)
      : context_(context), visited_(context->arena()), on_path_(context->arena()) {}
  void Visit(const Fragment& fragment);

 private:
  struct Level {
    const Fragment* fragment;
    const std::vector<const Selection*>* spreads;
    size_t next = 0;
  };
  void Enter(const Fragment& fragment);
  void Report(size_t start);

  ValidationContext* const context_;
  NameIndex visited_;
  std::vector<Level> levels_;
  std::vector<const Selection*> path_;  // the spreads that lead to the last level
  std::pmr::unordered_map<std::string_view, size_t> on_path_;  // where on it a fragment begins
};

// 5.6: ValuesOfCorrectType and UniqueInputFieldNames, for a value where `type` is wanted.
void VisitValue(ValidationContext* context, const Value& value, const WrappedType* type);
void UniqueInputFieldNames(ValidationContext* context, const Value& value);

// 5.7: directives. If a document defines directives, which is an error by itself, those definitions
// count. UniqueDirectivesPerLocation runs where the directives' node begins.
void UniqueDirectivesPerLocation(ValidationContext* context, std::span<const Directive> directives);
void UniqueDirectivesPerLocation(ValidationContext* context, std::span<const Directive> directives,
                                 FirstUses* seen);
// The other rules for directives, and the rules for their arguments. `field` is the field around
// them: graphql-js takes the arguments of an unknown directive for that field's.
void VisitDirectives(ValidationContext* context, std::span<const Directive> directives,
                     std::string_view location, const Field* field);

// 5.8: variables.
void UniqueVariableNames(ValidationContext* context, const Operation& operation);
void VariablesAreInputTypes(ValidationContext* context, const VariableDefinition& variable);
// NoUndefinedVariables, NoUnusedVariables and VariablesInAllowedPosition.
void VariableUsages(ValidationContext* context, const Operation& operation);

// What the rules report about type system definitions, which an executable document must not have.
class DefinitionRules {
 public:
  explicit DefinitionRules(ValidationContext* context)
      : context_(context),
        schema_directives_(context->arena()),
        type_directives_(context->arena()) {}
  void Visit(const SchemaDefinition& schema);
  void Visit(const TypeDefinition& type);
  void Visit(const DirectiveDefinition& directive);

 private:
  void VisitNamedType(const Name& name);
  void VisitType(const TypeRef& type);
  void VisitInput(const InputValueDefinition& input, std::string_view location);

  ValidationContext* const context_;
  FirstUses schema_directives_;
  std::pmr::unordered_map<std::string_view, FirstUses> type_directives_;
};

// Not in the specification: MaxIntrospectionDepth, which graphql-js recommends, and, where
// introspection is off, NoSchemaIntrospection.
class IntrospectionRules {
 public:
  explicit IntrospectionRules(ValidationContext* context)
      : context_(context), checked_(context->arena()) {}
  void Enter(const Selection& field, const Type* parent, const Field* definition);
  void Leave(const Selection& field);

 private:
  bool IsTooDeep(const Selection& field);
  bool Follow(const SelectionSet& set, size_t lists);

  ValidationContext* const context_;
  const Selection* too_deep_ = nullptr;  // not looked into again
  std::pmr::unordered_map<std::string_view, size_t>
      checked_;  // fragments, by the lists around them
  std::vector<std::pair<const Fragment*, size_t>> to_check_;
};

// One error for each name that is used more than once; `noun` as in "argument named \"".
template <typename Node, typename NameOf>
void ReportRepeated(ValidationContext* context, std::span<const Node> nodes, std::string_view noun,
                    NameOf name_of) {
  if (nodes.size() < 2) return;
  NameIndex names(context->arena());
  for (const Node& node : nodes) names.Add(name_of(node).text);
  if (names.size() == nodes.size()) return;
  std::vector<std::vector<uint32_t>> uses(names.size());
  for (const Node& node : nodes) {
    uses[names.Find(name_of(node).text)].push_back(name_of(node).offset);
  }
  for (size_t i = 0; i < uses.size(); ++i) {
    if (uses[i].size() == 1) continue;
    context->Report("There can be only one " + std::string(noun) + std::string(names[i]) + "\".",
                    uses[i]);
  }
}

}  // namespace fsubs::graphql
