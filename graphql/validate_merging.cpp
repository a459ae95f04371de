// Field selection merging (specification, section 5.3.2): fields of one response name must be the
// same field with the same arguments, all the way down.
#include <map>
#include <set>

#include "graphql/print.hpp"
#include "graphql/validation_context.hpp"

namespace fsubs::graphql {
namespace {

struct Occurrence {
  const Selection* selection;
  const Type* parent;  // null where unknown
  const Field* field;  // null where unknown or a meta field
};

using Group = std::vector<Occurrence>;

class Merger {
 public:
  explicit Merger(ValidationContext* context) : context_(context) {}

  void Check(const SelectionSet& set, const Type* parent) {
    std::map<std::string_view, Group> groups;
    std::vector<std::string_view> order;
    std::set<std::string_view> visited;
    Collect(set, parent, &groups, &order, &visited);
    CheckGroups(groups, order);
  }

 private:
  void Collect(const SelectionSet& set, const Type* parent,
               std::map<std::string_view, Group>* groups, std::vector<std::string_view>* order,
               std::set<std::string_view>* visited) {
    for (const Selection& selection : set.selections) {
      switch (selection.kind) {
        case SelectionKind::kField: {
          Group& group = (*groups)[selection.response_name().text];
          if (group.empty()) order->push_back(selection.response_name().text);
          group.push_back({&selection, parent,
                           parent != nullptr
                               ? context_->schema.FieldOf(*parent, selection.name.text)
                               : nullptr});
          break;
        }
        case SelectionKind::kInlineFragment:
          Collect(*selection.selection_set,
                  selection.type_condition
                      ? context_->schema.FindType(selection.type_condition.text)
                      : parent,
                  groups, order, visited);
          break;
        case SelectionKind::kFragmentSpread:
          if (!visited->insert(selection.name.text).second) break;
          if (const Fragment* fragment = context_->document.FindFragment(selection.name.text)) {
            Collect(*fragment->selection_set,
                    context_->schema.FindType(fragment->type_condition.text), groups, order,
                    visited);
          }
          break;
      }
    }
  }

  // Compares each occurrence with the first of its group, then merges their sub-selections into one
  // and goes down: linear in the expanded document, which the work limit bounds.
  void CheckGroups(const std::map<std::string_view, Group>& groups,
                   const std::vector<std::string_view>& order) {
    for (std::string_view name : order) {
      const Group& group = groups.at(name);
      for (size_t i = 1; i < group.size(); ++i) {
        if (context_->full()) return;
        const std::string reason = Conflict(group[0], group[i]);
        if (reason.empty()) continue;
        context_->Report("Fields " + Quoted(name) + " conflict because " + reason +
                             ". Use different aliases on the fields to fetch both if this was "
                             "intentional.",
                         {group[0].selection->offset, group[i].selection->offset});
      }
      work_ += group.size();
      if (work_ > kMaxWork || ++depth_ > kMaxDepth) {
        if (!exhausted_) {
          context_->Report("Operation is too complex: its fragments expand to too many fields.",
                           {group[0].selection->offset});
        }
        exhausted_ = true;
        --depth_;
        return;
      }
      std::map<std::string_view, Group> inner;
      std::vector<std::string_view> inner_order;
      std::set<std::string_view> visited;
      for (const Occurrence& occurrence : group) {
        if (occurrence.selection->selection_set == nullptr) continue;
        Collect(*occurrence.selection->selection_set,
                occurrence.field != nullptr ? occurrence.field->type->type : nullptr, &inner,
                &inner_order, &visited);
      }
      CheckGroups(inner, inner_order);
      --depth_;
      if (exhausted_) return;
    }
  }

  // Empty, or why the two cannot be merged.
  static std::string Conflict(const Occurrence& a, const Occurrence& b) {
    // Fields of different object types never meet in one response object.
    const bool exclusive = a.parent != b.parent && a.parent != nullptr && b.parent != nullptr &&
                           a.parent->kind == TypeKind::kObject &&
                           b.parent->kind == TypeKind::kObject;
    if (!exclusive) {
      if (a.selection->name.text != b.selection->name.text) {
        return Quoted(a.selection->name.text) + " and " + Quoted(b.selection->name.text) +
               " are different fields";
      }
      if (!SameArguments(*a.selection, *b.selection)) return "they have differing arguments";
    }
    if (a.field != nullptr && b.field != nullptr && !SameShape(*a.field->type, *b.field->type)) {
      return "they return conflicting types " + Quoted(ToString(*a.field->type)) + " and " +
             Quoted(ToString(*b.field->type));
    }
    return {};
  }

  static bool SameArguments(const Selection& a, const Selection& b) {
    if (a.arguments.size() != b.arguments.size()) return false;
    for (const Argument& argument : a.arguments) {
      bool same = false;
      for (const Argument& other : b.arguments) {
        if (other.name.text == argument.name.text) {
          same = Print(*other.value) == Print(*argument.value);
        }
      }
      if (!same) return false;
    }
    return true;
  }

  static bool SameShape(const WrappedType& a, const WrappedType& b) {
    if (a.kind != b.kind) return false;
    if (a.kind != TypeRefKind::kNamed) return SameShape(*a.of, *b.of);
    return a.type == b.type || (a.type->is_composite() && b.type->is_composite());
  }

  static constexpr size_t kMaxWork = 100000;
  static constexpr size_t kMaxDepth = 500;

  ValidationContext* const context_;
  size_t work_ = 0;
  size_t depth_ = 0;
  bool exhausted_ = false;
};

}  // namespace

void ValidateMerging(ValidationContext* context) {
  for (const Operation& operation : context->document.operations) {
    Merger(context).Check(*operation.selection_set, context->schema.Root(operation.kind));
  }
}

}  // namespace fsubs::graphql
