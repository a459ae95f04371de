// Whether documents may ask for the schema, and how deep.
#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

// Lists of types within lists of types multiply. This many levels are refused.
constexpr size_t kMaxLists = 3;

bool IsList(std::string_view field) {
  return field == "fields" || field == "interfaces" || field == "possibleTypes" ||
         field == "inputFields";
}

// Fields of the query root that tell the schema in other ways.
bool TellsSchema(std::string_view root_field) {
  return root_field == "subscriptions" || root_field == "_service";
}

}  // namespace

void IntrospectionRules::Enter(const Selection& field, const Type* parent,
                               const Field* definition) {
  const bool asks = field.name.text == "__schema" || field.name.text == "__type";
  if (asks && too_deep_ == nullptr && IsTooDeep(field)) {
    too_deep_ = &field;
    context_->Report("Maximum introspection depth exceeded", {field.offset});
  }
  if (context_->limits.introspection || definition == nullptr) return;
  const Type& type = *definition->type->type;
  const bool tells =
      parent == context_->schema.Root(OperationKind::kQuery) && TellsSchema(field.name.text);
  if (!tells && !(type.builtin && type.name.starts_with("__"))) return;
  context_->Report(
      "GraphQL introspection has been disabled, but the requested query contained the field " +
          Quoted(field.name.text) + ".",
      {field.offset});
}

void IntrospectionRules::Leave(const Selection& field) {
  if (too_deep_ == &field) too_deep_ = nullptr;
}

// Fragments are followed once for each number of lists around them, so cycles end.
bool IntrospectionRules::IsTooDeep(const Selection& field) {
  bool too_deep = field.selection_set != nullptr && Follow(*field.selection_set, 0);
  while (!too_deep && !to_check_.empty()) {
    const auto [fragment, lists] = to_check_.back();
    to_check_.pop_back();
    const auto [checked, added] = checked_.try_emplace(fragment->name.text, lists);
    if (!added && checked->second >= lists) continue;
    checked->second = lists;
    too_deep = Follow(*fragment->selection_set, lists);
  }
  if (too_deep) {
    // Not all that was met has been checked.
    checked_.clear();
    to_check_.clear();
  }
  return too_deep;
}

bool IntrospectionRules::Follow(const SelectionSet& set, size_t lists) {
  for (const Selection& selection : set.selections) {
    if (selection.kind == SelectionKind::kFragmentSpread) {
      const Fragment* const fragment = context_->FindFragment(selection.name.text);
      if (fragment != nullptr) to_check_.emplace_back(fragment, lists);
      continue;
    }
    const bool list = selection.kind == SelectionKind::kField && IsList(selection.name.text);
    const size_t inner = lists + (list ? 1 : 0);
    if (inner >= kMaxLists) return true;
    if (selection.selection_set != nullptr && Follow(*selection.selection_set, inner)) return true;
  }
  return false;
}

}  // namespace fsubs::graphql
