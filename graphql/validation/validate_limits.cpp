// What an operation may cost: how deep it is nested, and how many fields and aliases it has, with
// its fragments expanded. Each fragment is measured once, so that this costs no more than reading
// the document.
#include <algorithm>
#include <unordered_map>

#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

struct Extent {
  size_t depth = 0;
  size_t aliases = 0;
  size_t selections = 0;
};

// Fragments multiply, so sums stop at a number that exceeds every limit.
size_t Sum(size_t a, size_t b) {
  constexpr size_t kMost = SIZE_MAX / 2;
  return std::min(a + b, kMost);
}

class Measure {
 public:
  explicit Measure(ValidationContext* context) : context_(context) {}

  Extent Of(const Operation& operation) {
    for (const Selection* spread : context_->SpreadsOf(*operation.selection_set)) {
      if (const Fragment* fragment = context_->FindFragment(spread->name.text)) Prepare(*fragment);
    }
    return Of(*operation.selection_set);
  }

 private:
  // Measures the fragments that `root` spreads, then `root`. In a cycle, which another rule
  // reports, a fragment that is still being measured counts as empty.
  void Prepare(const Fragment& root) {
    struct Level {
      const Fragment* fragment;
      size_t next;
    };
    if (!fragments_.try_emplace(&root).second) return;
    std::vector<Level> levels{{&root, 0}};
    while (!levels.empty()) {
      Level& level = levels.back();
      const auto& spreads = context_->SpreadsOf(*level.fragment->selection_set);
      if (level.next == spreads.size()) {
        fragments_[level.fragment] = Of(*level.fragment->selection_set);
        levels.pop_back();
        continue;
      }
      const Fragment* const inner = context_->FindFragment(spreads[level.next++]->name.text);
      if (inner != nullptr && fragments_.try_emplace(inner).second) levels.push_back({inner, 0});
    }
  }

  // REQUIRES: the fragments in `set` were prepared.
  Extent Of(const SelectionSet& set) {
    Extent total;
    for (const Selection& selection : set.selections) {
      Extent extent;
      if (selection.kind == SelectionKind::kFragmentSpread) {
        const Fragment* const fragment = context_->FindFragment(selection.name.text);
        if (fragment != nullptr) extent = fragments_[fragment];
      } else if (selection.selection_set != nullptr) {
        extent = Of(*selection.selection_set);
      }
      if (selection.kind == SelectionKind::kField) {
        extent.depth = Sum(extent.depth, 1);
        extent.selections = Sum(extent.selections, 1);
        extent.aliases = Sum(extent.aliases, selection.alias ? 1 : 0);
      }
      total.depth = std::max(total.depth, extent.depth);
      total.aliases = Sum(total.aliases, extent.aliases);
      total.selections = Sum(total.selections, extent.selections);
    }
    return total;
  }

  ValidationContext* const context_;
  std::unordered_map<const Fragment*, Extent> fragments_;
};

}  // namespace

bool WithinLimits(ValidationContext* context) {
  const ValidationLimits& limits = context->limits;
  Measure measure(context);
  bool within = true;
  for (const Operation& operation : context->document.operations) {
    const Extent extent = measure.Of(operation);
    const auto check = [&](size_t amount, size_t limit, const char* verb, const char* noun) {
      if (amount <= limit) return;
      within = false;
      context->Report("Operation " + (verb + (" more than " + std::to_string(limit))) + noun,
                      {operation.offset});
    };
    check(extent.depth, limits.max_depth, "is nested", " levels deep.");
    check(extent.aliases, limits.max_aliases, "has", " aliases.");
    check(extent.selections, limits.max_selections, "selects", " fields.");
  }
  return within;
}

}  // namespace fsubs::graphql
