// Fragments (specification, section 5.5).
#include <algorithm>

#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

// Whether some object type that the client sees is both.
bool Overlap(const ValidationContext& context, const Type& a, const Type& b) {
  if (&a == &b) return true;
  if (!a.is_abstract()) return b.Includes(&a);
  return b.is_abstract() ? std::any_of(a.possible.begin(), a.possible.end(),
                                       [&](const Type* type) {
                                         return context.Shows(*type) && b.Includes(type);
                                       })
                         : a.Includes(&b);
}

}  // namespace

void KnownTypeNames(ValidationContext* context, const Name& type,
                    std::span<const std::string_view> others) {
  if (context->schema.FindType(type.text) != nullptr) return;
  std::vector<std::string_view> names(others.begin(), others.end());
  for (const auto& known : context->schema.types()) {
    if (context->Shows(*known)) names.push_back(known->name);
  }
  for (const TypeDefinition& defined : context->document.types) {
    if (defined.extension) continue;
    if (defined.name.text == type.text) return;
    names.push_back(defined.name.text);
  }
  context->Report("Unknown type " + Quoted(type.text) + "." + context->Hint(type.text, names),
                  {type.offset});
}

void FragmentsOnCompositeTypes(ValidationContext* context, const Name& type, const Name& fragment) {
  const Type* const known = context->schema.FindType(type.text);
  if (known == nullptr || known->is_composite()) return;
  context->Report("Fragment " + (fragment ? Quoted(fragment.text) + " " : "") +
                      "cannot condition on non composite type " + Quoted(type.text) + ".",
                  {type.offset});
}

void UniqueFragmentNames(ValidationContext* context, const Fragment& fragment, FirstUses* names) {
  if (const auto first = names->Add(fragment.name.text, fragment.name.offset)) {
    context->Report("There can be only one fragment named " + Quoted(fragment.name.text) + ".",
                    {*first, fragment.name.offset});
  }
}

void KnownFragmentNames(ValidationContext* context, const Selection& spread) {
  if (context->FindFragment(spread.name.text) != nullptr) return;
  context->Report("Unknown fragment " + Quoted(spread.name.text) + ".", {spread.name.offset});
}

void PossibleFragmentSpreads(ValidationContext* context, const Selection& spread,
                             const Type* parent) {
  Name condition = spread.type_condition;
  if (spread.kind == SelectionKind::kFragmentSpread) {
    const Fragment* const fragment = context->FindFragment(spread.name.text);
    if (fragment != nullptr) condition = fragment->type_condition;
  }
  if (!condition || parent == nullptr) return;
  const Type* const type = context->schema.FindType(condition.text);
  if (type == nullptr || !type->is_composite() || Overlap(*context, *type, *parent)) return;
  context->Report("Fragment " + (spread.name ? Quoted(spread.name.text) + " " : "") +
                      "cannot be spread here as objects of type " + Quoted(parent->name) +
                      " can never be of type " + Quoted(type->name) + ".",
                  {spread.offset});
}

void NoUnusedFragments(ValidationContext* context) {
  const Document& document = context->document;
  if (document.fragments.empty()) return;
  NameIndex used(context->arena());
  for (const Fragment* fragment : context->ReferencedBy(document.operations).fragments) {
    used.Add(fragment->name.text);
  }
  for (const Fragment& fragment : document.fragments) {
    if (used.Find(fragment.name.text) != NameIndex::kNone) continue;
    context->Report("Fragment " + Quoted(fragment.name.text) + " is never used.",
                    {fragment.offset});
  }
}

void NoFragmentCycles::Visit(const Fragment& fragment) {
  Enter(fragment);
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.next == level.spreads->size()) {
      on_path_.erase(level.fragment->name.text);
      levels_.pop_back();
      if (!levels_.empty()) path_.pop_back();
      continue;
    }
    const Selection* const spread = (*level.spreads)[level.next++];
    path_.push_back(spread);
    const auto cycle = on_path_.find(spread->name.text);
    const size_t depth = levels_.size();
    if (cycle != on_path_.end()) {
      Report(cycle->second);
    } else if (const Fragment* inner = context_->FindFragment(spread->name.text)) {
      Enter(*inner);
    }
    if (levels_.size() == depth) path_.pop_back();
  }
}

void NoFragmentCycles::Enter(const Fragment& fragment) {
  const size_t visited = visited_.size();
  if (visited_.Add(fragment.name.text) != visited) return;
  const auto& spreads = context_->SpreadsOf(*fragment.selection_set);
  if (spreads.empty()) return;
  on_path_[fragment.name.text] = path_.size();
  levels_.push_back({&fragment, &spreads});
}

void NoFragmentCycles::Report(size_t start) {
  std::string via;
  std::vector<uint32_t> offsets;
  for (size_t i = start; i < path_.size(); ++i) {
    offsets.push_back(path_[i]->offset);
    if (i + 1 == path_.size()) break;
    via.append(via.empty() ? " via " : ", ").append(Quoted(path_[i]->name.text));
  }
  context_->Report(
      "Cannot spread fragment " + Quoted(path_.back()->name.text) + " within itself" + via + ".",
      offsets);
}

}  // namespace fsubs::graphql
