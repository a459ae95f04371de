#include "worker/operation/plan.hpp"

#include <unordered_map>
#include <unordered_set>

#include "worker/base/heap_size.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {
namespace {

using graphql::Selection;
using graphql::SelectionKind;
using graphql::SelectionSet;
using graphql::Type;
using graphql::TypeKind;

Leaf LeafOf(const Type& type) {
  if (type.kind == TypeKind::kEnum) return Leaf::kEnum;
  if (type.kind != TypeKind::kScalar) return Leaf::kNone;
  if (!type.builtin) return Leaf::kCustom;
  if (type.name == "Int") return Leaf::kInt;
  if (type.name == "Float") return Leaf::kFloat;
  if (type.name == "Boolean") return Leaf::kBoolean;
  if (type.name == "ID") return Leaf::kId;
  return Leaf::kString;
}

// Fields of one response name.
struct Collected {
  std::string_view response;
  std::vector<const Selection*> selections;
};

// What CollectFields of the specification, section 6.3.2, gathers for one object.
struct Collection {
  std::vector<Collected> fields;                       // in the order of their first occurrence
  std::unordered_map<std::string_view, size_t> index;  // of `fields`, by response name
  std::unordered_set<std::string_view> visited;        // fragments
};

size_t HeapSizeOf(const std::vector<std::unique_ptr<ObjectPlan>>& objects) {
  size_t size = HeapArray(objects);
  for (const auto& object : objects) {
    size += HeapBlock(sizeof(ObjectPlan)) + HeapArray(object->fields);
    for (const FieldPlan& field : object->fields) {
      size += HeapSize(field.key) + HeapSize(field.response) + HeapArray(field.objects) +
              HeapArray(field.locations);
    }
  }
  return size;
}

}  // namespace

class PlanCompiler {
 public:
  PlanCompiler(const graphql::Schema& schema, const graphql::Document& document,
               const Variables& variables, Plan* plan)
      : schema_(schema), variables_(variables), plan_(plan), locations_(document.source()) {
    for (const graphql::Fragment& fragment : document.fragments) {
      fragments_[fragment.name.text] = &fragment;
    }
  }

  bool Compile(const graphql::Operation& operation) {
    const Type* const root = schema_.Root(operation.kind);
    plan_->root_ = CompileObject(root, {operation.selection_set});
    if (plan_->root_ == nullptr) return false;
    if (operation.kind != graphql::OperationKind::kSubscription) return true;
    return plan_->root_->fields.size() == 1 && !plan_->root_->fields.front().is_typename;
  }

 private:
  bool Included(std::span<const graphql::Directive> directives) const {
    for (const graphql::Directive& directive : directives) {
      const bool skip = directive.name.text == "skip";
      if (!skip && directive.name.text != "include") continue;
      for (const graphql::Argument& argument : directive.arguments) {
        if (argument.name.text == "if" && variables_.Resolve(*argument.value).is_true() == skip) {
          return false;
        }
      }
    }
    return true;
  }

  void Collect(const Type& object, const SelectionSet& set, Collection* collection) const {
    for (const Selection& selection : set.selections) {
      if (!Included(selection.directives)) continue;
      if (selection.kind == SelectionKind::kField) {
        const std::string_view name = selection.response_name().text;
        const auto [known, added] = collection->index.try_emplace(name, collection->fields.size());
        if (added) collection->fields.push_back({name, {}});
        collection->fields[known->second].selections.push_back(&selection);
        continue;
      }
      const SelectionSet* inner = selection.selection_set;
      std::string_view condition = selection.type_condition.text;
      if (selection.kind == SelectionKind::kFragmentSpread) {
        if (!collection->visited.insert(selection.name.text).second) continue;
        const graphql::Fragment* const fragment = fragments_.at(selection.name.text);
        inner = fragment->selection_set;
        condition = fragment->type_condition.text;
      }
      if (!condition.empty() && !schema_.FindType(condition)->Includes(&object)) continue;
      Collect(object, *inner, collection);
    }
  }

  // Null if there are too many selections.
  const ObjectPlan* CompileObject(const Type* object,
                                  const std::vector<const SelectionSet*>& sets) {
    Collection collection;
    for (const SelectionSet* set : sets) Collect(*object, *set, &collection);
    const std::vector<Collected>& collected = collection.fields;
    plan_->objects_.push_back(std::make_unique<ObjectPlan>());
    ObjectPlan* const compiled = plan_->objects_.back().get();
    compiled->type = object;
    compiled->fields.reserve(collected.size());
    for (const Collected& group : collected) selections_ += group.selections.size();
    if (selections_ > kMaxPlanSelections) return nullptr;
    for (const Collected& group : collected) {
      FieldPlan field;
      if (!CompileField(*object, group, &field)) return nullptr;
      compiled->fields.push_back(std::move(field));
    }
    return compiled;
  }

  bool CompileField(const Type& object, const Collected& group, FieldPlan* field) {
    field->response = group.response;
    JsonWriter(&field->key).Key(group.response);
    field->selection = group.selections.front();
    field->name = field->selection->name.text;
    field->parent = &object;
    for (const Selection* selection : group.selections) {
      field->locations.push_back(locations_.At(selection->offset));
    }
    if (field->name == "__typename") {
      field->is_typename = true;
      return true;
    }
    const graphql::Field* const definition = schema_.FieldOf(object, field->name);
    field->type = definition->type;
    const Type* const named = definition->type->type;
    field->leaf = LeafOf(*named);
    if (field->leaf != Leaf::kNone) return true;

    std::vector<const SelectionSet*> sets;
    for (const Selection* selection : group.selections) sets.push_back(selection->selection_set);
    const std::vector<const Type*> itself{named};
    for (const Type* possible : named->is_abstract() ? named->possible : itself) {
      if (!plan_->audience().Sees(*possible)) continue;
      const ObjectPlan* const below = CompileObject(possible, sets);
      if (below == nullptr) return false;
      field->objects.emplace_back(possible, below);
    }
    return true;
  }

  const graphql::Schema& schema_;
  const Variables& variables_;
  Plan* const plan_;
  std::unordered_map<std::string_view, const graphql::Fragment*> fragments_;
  graphql::LocationIndex locations_;
  size_t selections_ = 0;
};

std::unique_ptr<Plan> CompilePlan(std::shared_ptr<const PreparedDocument> prepared,
                                  const graphql::Operation& operation, const Variables& variables,
                                  bool timing) {
  auto plan = std::make_unique<Plan>();
  plan->prepared_ = std::move(prepared);
  plan->timing_ = timing;
  if (!PlanCompiler(plan->schema(), plan->document(), variables, plan.get()).Compile(operation)) {
    return nullptr;
  }
  plan->size_ = sizeof(Plan) + HeapSizeOf(plan->objects_);
  return plan;
}

}  // namespace fsubs
