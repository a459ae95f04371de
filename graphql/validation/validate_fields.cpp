// Fields of selection sets (specification, sections 5.3.1 and 5.3.3).
#include <algorithm>
#include <map>

#include "graphql/language/suggest.hpp"
#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

bool IsSubtype(const Type& super, const Type& type) {
  return super.kind == TypeKind::kInterface &&
         std::find(type.interfaces.begin(), type.interfaces.end(), &super) != type.interfaces.end();
}

// Types among those that `type` can be, and their interfaces, that have such a field: those with
// most uses first, then the wider ones.
std::vector<std::string> TypesWithField(const ValidationContext& context, const Type& type,
                                        std::string_view field) {
  std::vector<const Type*> types;
  std::map<const Type*, size_t> uses;
  const auto use = [&](const Type* candidate) {
    const Field* const found = candidate->FindField(field);
    if (found == nullptr || !context.Shows(*found) || !context.Shows(*candidate)) return false;
    if (uses[candidate]++ == 0) types.push_back(candidate);
    return true;
  };
  for (const Type* possible : type.possible) {
    if (!use(possible)) continue;
    for (const Type* interface : possible->interfaces) use(interface);
  }
  const auto before = [&](const Type* a, const Type* b) {
    if (uses[a] != uses[b]) return uses[a] > uses[b];
    if (IsSubtype(*a, *b)) return true;
    if (IsSubtype(*b, *a)) return false;
    return NaturalLess(a->name, b->name);
  };
  std::stable_sort(types.begin(), types.end(), before);
  std::vector<std::string> names;
  for (const Type* found : types) names.emplace_back(found->name);
  return names;
}

std::string HintForField(const ValidationContext& context, const Type& parent,
                         std::string_view field) {
  if (!context.limits.suggestions) return {};
  if (parent.is_abstract()) {
    std::string hint =
        DidYouMean(TypesWithField(context, parent, field), "to use an inline fragment on");
    if (!hint.empty()) return hint;
  }
  return context.Hint(field, context.NamesOf(parent.fields));
}

}  // namespace

void ScalarLeafs(ValidationContext* context, const Selection& field, const Field* definition) {
  if (definition == nullptr) return;
  const WrappedType& type = *definition->type;
  const bool leaf = type.type->is_leaf();
  if (leaf && field.selection_set != nullptr) {
    context->Report("Field " + Quoted(field.name.text) + " must not have a selection since type " +
                        Quoted(ToString(type)) + " has no subfields.",
                    {field.selection_set->offset});
  } else if (!leaf && field.selection_set == nullptr) {
    context->Report("Field " + Quoted(field.name.text) + " of type " + Quoted(ToString(type)) +
                        " must have a selection of subfields. Did you mean \"" +
                        std::string(field.name.text) + " { ... }\"?",
                    {field.offset});
  }
}

void FieldsOnCorrectType(ValidationContext* context, const Selection& field, const Type* parent,
                         const Field* definition) {
  if (parent == nullptr || definition != nullptr) return;
  context->Report("Cannot query field " + Quoted(field.name.text) + " on type " +
                      Quoted(parent->name) + "." + HintForField(*context, *parent, field.name.text),
                  {field.offset});
}

}  // namespace fsubs::graphql
