// Input types that refer to each other, and literals (specification, sections 3.10 and 5.6).
#include <unordered_map>
#include <unordered_set>

#include "graphql/sdl/schema_rules.hpp"
#include "graphql/sdl/sdl_rules.hpp"
#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

// A depth first search for fields that lead back to their type and may not be null. It keeps its
// own stack: a chain of types may be as long as the schema.
class CycleSearch {
 public:
  explicit CycleSearch(SdlErrors* errors) : errors_(errors) {}

  void From(const Type& start) {
    Enter(start);
    while (!path_.empty()) {
      errors_->Pass();
      Step& step = path_.back();
      if (step.next == step.type->input_fields.size()) {
        depth_.erase(step.type);
        path_.pop_back();
        continue;
      }
      const InputValue& field = step.type->input_fields[step.next++];
      if (!field.type->is_non_null() || field.type->of->kind != TypeRefKind::kNamed) continue;
      const auto known = depth_.find(field.type->type);
      if (known != depth_.end()) {
        Report(*field.type->type, known->second);
      } else {
        Enter(*field.type->type);
      }
    }
  }

 private:
  struct Step {
    const Type* type;
    size_t next;  // the field behind the one that is being followed
  };

  void Enter(const Type& type) {
    if (type.kind != TypeKind::kInputObject || !visited_.insert(&type).second) return;
    depth_[&type] = path_.size();
    path_.push_back({&type, 0});
  }

  void Report(const Type& type, size_t from) {
    if (errors_->full()) return;
    std::string fields;
    std::vector<uint32_t> offsets;
    for (size_t i = from; i < path_.size(); ++i) {
      const InputValue& field = path_[i].type->input_fields[path_[i].next - 1];
      fields.append(fields.empty() ? "" : ".").append(field.name);
      offsets.push_back(field.node->offset);
    }
    errors_->Report("Cannot reference Input Object " + Quoted(type.name) +
                        " within itself through a series of non-null fields: " + Quoted(fields) +
                        ".",
                    offsets);
  }

  SdlErrors* const errors_;
  std::vector<Step> path_;
  std::unordered_map<const Type*, size_t> depth_;  // of those in `path_`
  std::unordered_set<const Type*> visited_;
};

// Visit every argument and input field that has a default value.
template <typename Visitor>  // void visit(const InputValue& input)
void ForEachDefault(const SchemaPart& part, const Visitor& visit) {
  const auto inputs = [&](const std::vector<InputValue>& nodes) {
    for (const InputValue& input : nodes) {
      if (input.default_value != nullptr) visit(input);
    }
  };
  for (const auto& type : part.types) {
    if (type->builtin) continue;
    for (const Field& field : type->fields) inputs(field.arguments);
    inputs(type->input_fields);
  }
  for (const Field& field : part.fields) inputs(field.arguments);
  for (const DirectiveType& directive : part.directives) {
    if (!directive.builtin) inputs(directive.arguments);
  }
}

// Arguments of directives, and default values.
void VisitLiterals(const SchemaPart& part, const SdlErrors& errors, ValidationContext* context) {
  const Schema& schema = context->schema;
  ForEachDirectives(context->document, [&](std::span<const Directive> directives, auto,
                                           const auto&) {
    errors.Pass();
    for (const Directive& directive : directives) {
      const DirectiveType* const definition = schema.FindDirective(directive.name.text);
      if (definition == nullptr) continue;
      for (const Argument& argument : directive.arguments) {
        VisitValue(context, *argument.value, definition->FindArgument(argument.name.text)->type);
      }
    }
  });
  ForEachDefault(part, [&](const InputValue& input) {
    errors.Pass();
    VisitValue(context, *input.default_value, input.type);
  });
}

}  // namespace

void CheckInputCycles(const SchemaPart& part, SdlErrors* errors) {
  CycleSearch search(errors);
  for (const auto& type : part.types) search.From(*type);
}

void CheckLiterals(const Schema& schema, const SchemaPart& part, SdlErrors* errors) {
  const ValidationLimits limits;
  ValidationContext context(schema, errors->document(), limits);
  try {
    VisitLiterals(part, *errors, &context);
  } catch (const ValidationStopped&) {
    // Enough errors have been found.
  }
  for (Error& error : context.TakeErrors()) errors->Add(std::move(error));
  if (!errors->empty()) return;
  ForEachDefault(part, [&](const InputValue& input) {
    if (input.default_text) return;
    errors->Report("The default value of " + Quoted(input.name) +
                       " is too long with the defaults of its fields.",
                   {input.default_value->offset});
  });
}

}  // namespace fsubs::graphql
