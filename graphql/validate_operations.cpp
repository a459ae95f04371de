// Operations (specification, section 5.2) and fragments as such (5.5.1, 5.5.2.2).
#include <map>
#include <set>

#include "graphql/suggest.hpp"
#include "graphql/validation_context.hpp"

namespace fsubs::graphql {
namespace {

// 5.2.3.1: the response names of the root fields, fragments expanded.
void CollectRootFields(const Document& document, const SelectionSet& set,
                       std::map<std::string_view, std::vector<const Selection*>>* fields,
                       std::vector<std::string_view>* order, std::set<std::string_view>* visited) {
  for (const Selection& selection : set.selections) {
    switch (selection.kind) {
      case SelectionKind::kField: {
        auto& group = (*fields)[selection.response_name().text];
        if (group.empty()) order->push_back(selection.response_name().text);
        group.push_back(&selection);
        break;
      }
      case SelectionKind::kInlineFragment:
        CollectRootFields(document, *selection.selection_set, fields, order, visited);
        break;
      case SelectionKind::kFragmentSpread:
        if (!visited->insert(selection.name.text).second) break;
        if (const Fragment* fragment = document.FindFragment(selection.name.text)) {
          CollectRootFields(document, *fragment->selection_set, fields, order, visited);
        }
        break;
    }
  }
}

void ValidateSingleRootField(ValidationContext* context, const Operation& operation) {
  std::map<std::string_view, std::vector<const Selection*>> fields;
  std::vector<std::string_view> order;
  std::set<std::string_view> visited;
  CollectRootFields(context->document, *operation.selection_set, &fields, &order, &visited);
  const std::string subject =
      operation.name ? "Subscription " + Quoted(operation.name.text) : "Anonymous Subscription";
  if (order.size() > 1) {
    Error error{subject + " must select only one top level field.", {}};
    for (size_t i = 1; i < order.size(); ++i) {
      for (const Selection* field : fields[order[i]]) {
        error.locations.push_back(context->document.LocationOf(field->offset));
      }
    }
    if (!context->full()) context->errors.push_back(std::move(error));
  }
  for (std::string_view name : order) {
    const Selection* const field = fields[name].front();
    if (field->name.text.starts_with("__")) {
      context->Report(subject + " must not select an introspection top level field.",
                      {field->offset});
    }
  }
}

void CollectSpreads(const SelectionSet& set, std::vector<const Selection*>* spreads) {
  for (const Selection& selection : set.selections) {
    if (selection.kind == SelectionKind::kFragmentSpread) {
      spreads->push_back(&selection);
    } else if (selection.selection_set != nullptr) {
      CollectSpreads(*selection.selection_set, spreads);
    }
  }
}

class CycleFinder {
 public:
  explicit CycleFinder(ValidationContext* context) : context_(context) {}

  void Visit(const Fragment& fragment) {
    if (!visited_.insert(fragment.name.text).second) return;
    std::vector<const Selection*> spreads;
    CollectSpreads(*fragment.selection_set, &spreads);
    if (spreads.empty()) return;
    on_path_[fragment.name.text] = path_.size();
    for (const Selection* spread : spreads) {
      path_.push_back(spread);
      const auto cycle = on_path_.find(spread->name.text);
      if (cycle == on_path_.end()) {
        if (const Fragment* next = context_->document.FindFragment(spread->name.text)) Visit(*next);
      } else {
        Report(cycle->second);
      }
      path_.pop_back();
    }
    on_path_.erase(fragment.name.text);
  }

 private:
  void Report(size_t start) {
    std::string via;
    Error error;
    for (size_t i = start; i < path_.size(); ++i) {
      error.locations.push_back(context_->document.LocationOf(path_[i]->offset));
      if (i + 1 == path_.size()) break;
      via += via.empty() ? " via " : ", ";
      via += Quoted(path_[i]->name.text);
    }
    error.message =
        "Cannot spread fragment " + Quoted(path_.back()->name.text) + " within itself" + via + ".";
    if (!context_->full()) context_->errors.push_back(std::move(error));
  }

  ValidationContext* const context_;
  std::set<std::string_view> visited_;
  std::vector<const Selection*> path_;
  std::map<std::string_view, size_t> on_path_;
};

}  // namespace

void ValidateOperations(ValidationContext* context) {
  const Document& document = context->document;
  for (const TypeDefinition& type : document.types) {
    context->Report("The " + Quoted(type.name.text) + " definition is not executable.",
                    {type.offset});
  }
  for (const DirectiveDefinition& directive : document.directives) {
    context->Report("The " + Quoted(directive.name.text) + " definition is not executable.",
                    {directive.offset});
  }
  for (const SchemaDefinition& schema : document.schemas) {
    context->Report("The schema definition is not executable.", {schema.offset});
  }
  std::map<std::string_view, uint32_t> names;
  for (const Operation& operation : document.operations) {
    if (!operation.name) {
      if (document.operations.size() > 1) {
        context->Report("This anonymous operation must be the only defined operation.",
                        {operation.offset});
      }
    } else if (const auto [known, added] =
                   names.emplace(operation.name.text, operation.name.offset);
               !added) {
      context->Report("There can be only one operation named " + Quoted(operation.name.text) + ".",
                      {known->second, operation.name.offset});
    }
    if (operation.kind == OperationKind::kSubscription) {
      ValidateSingleRootField(context, operation);
    }
    if (context->schema.Root(operation.kind) == nullptr) {
      constexpr const char* kWords[] = {"query", "mutation", "subscription"};
      context->Report(std::string("The schema does not support ") +
                          kWords[static_cast<size_t>(operation.kind)] + " operations.",
                      {operation.offset});
    }
  }
}

void ValidateFragments(ValidationContext* context) {
  const Document& document = context->document;
  std::map<std::string_view, uint32_t> names;
  for (const Fragment& fragment : document.fragments) {
    const auto [known, added] = names.emplace(fragment.name.text, fragment.name.offset);
    if (!added) {
      context->Report("There can be only one fragment named " + Quoted(fragment.name.text) + ".",
                      {known->second, fragment.name.offset});
    }
  }
  CycleFinder cycles(context);
  for (const Fragment& fragment : document.fragments) cycles.Visit(fragment);

  std::set<std::string_view> used;
  std::vector<const Selection*> spreads;
  for (const Operation& operation : document.operations) {
    CollectSpreads(*operation.selection_set, &spreads);
  }
  while (!spreads.empty()) {
    const std::string_view name = spreads.back()->name.text;
    spreads.pop_back();
    if (!used.insert(name).second) continue;
    if (const Fragment* fragment = document.FindFragment(name)) {
      CollectSpreads(*fragment->selection_set, &spreads);
    }
  }
  for (const Fragment& fragment : document.fragments) {
    if (!used.contains(fragment.name.text)) {
      context->Report("Fragment " + Quoted(fragment.name.text) + " is never used.",
                      {fragment.offset});
    }
  }
}

}  // namespace fsubs::graphql
