#include "graphql/validation/validation_context.hpp"

#include <algorithm>

#include "graphql/language/name_index.hpp"
#include "graphql/language/suggest.hpp"

namespace fsubs::graphql {

void ValidationContext::Report(std::string message, std::span<const uint32_t> offsets) {
  if (errors_.size() >= limits.max_errors) {
    errors_.push_back({"Too many validation errors, error limit reached. Validation aborted.", {}});
    throw ValidationStopped();
  }
  Error error{std::move(message), {}};
  if (!locations_) locations_.emplace(document.source());
  error.locations.reserve(offsets.size());
  for (uint32_t offset : offsets) error.locations.push_back(locations_->At(offset));
  errors_.push_back(std::move(error));
}

void ValidationContext::Abort() {
  errors_.push_back({"Validation aborted.", {}});
  throw ValidationStopped();
}

void ValidationContext::Fail(std::string message, uint32_t offset) {
  errors_ = {{std::move(message), {document.LocationOf(offset)}}};
  throw ValidationStopped();
}

std::string ValidationContext::Hint(std::string_view name,
                                    const std::vector<std::string_view>& options,
                                    std::string_view kind) const {
  return limits.suggestions ? DidYouMean(Suggest(name, options), kind) : std::string();
}

const Fragment* ValidationContext::FindFragment(std::string_view name) {
  if (fragments_.empty()) {
    for (const Fragment& fragment : document.fragments) fragments_[fragment.name.text] = &fragment;
  }
  const auto found = fragments_.find(name);
  return found == fragments_.end() ? nullptr : found->second;
}

const std::vector<const Selection*>& ValidationContext::SpreadsOf(const SelectionSet& set) {
  const auto [known, added] = spreads_.try_emplace(&set);
  std::vector<const Selection*>& spreads = known->second;
  if (!added || document.fragments.empty()) return spreads;
  std::vector<const SelectionSet*> sets{&set};
  while (!sets.empty()) {
    const SelectionSet& next = *sets.back();
    sets.pop_back();
    for (const Selection& selection : next.selections) {
      if (selection.kind == SelectionKind::kFragmentSpread) {
        spreads.push_back(&selection);
      } else if (selection.selection_set != nullptr) {
        sets.push_back(selection.selection_set);
      }
    }
  }
  return spreads;
}

ReferencedFragments& ValidationContext::ReferencedBy(std::span<const Operation> operations) {
  if (document.fragments.empty()) return no_fragments_;
  NameIndex names(&arena_);
  for (const Operation& operation : operations) {
    for (const Selection* spread : SpreadsOf(*operation.selection_set)) {
      names.Add(spread->name.text);
    }
  }
  std::vector<std::string_view> key;
  for (size_t i = 0; i < names.size(); ++i) key.push_back(names[i]);
  std::sort(key.begin(), key.end());
  const auto [known, added] = referenced_.try_emplace(std::move(key));
  ReferencedFragments& referenced = known->second;
  if (!added) return referenced;
  SpendFragmentWork(names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const Fragment* const fragment = FindFragment(names[i]);
    if (fragment == nullptr) continue;
    referenced.fragments.push_back(fragment);
    const auto& spreads = SpreadsOf(*fragment->selection_set);
    SpendFragmentWork(spreads.size());
    for (const Selection* spread : spreads) names.Add(spread->name.text);
  }
  return referenced;
}

void ValidationContext::SpendFragmentWork(size_t cost) {
  constexpr size_t kBudget = 50000;
  fragment_work_ += cost;
  if (fragment_work_ > kBudget) Abort();
}

}  // namespace fsubs::graphql
