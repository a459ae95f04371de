#include "worker/operation/access_check.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace fsubs {
namespace {

using graphql::InputValue;
using graphql::Selection;
using graphql::SelectionKind;
using graphql::SelectionSet;
using graphql::Type;
using graphql::TypeKind;
using graphql::ValueKind;

// A long document may be wrong all along. More errors than this say nothing new.
constexpr size_t kMaxErrors = 100;

using Path = std::vector<PathItem>;

// The last response name of the path to a selection.
struct Step {
  const Step* above;
  std::string_view name;
};

Path PathTo(const Step* step) {
  Path path;
  for (; step != nullptr; step = step->above) path.emplace_back(std::string(step->name));
  std::reverse(path.begin(), path.end());
  return path;
}

std::string NameOf(const Type& type) {
  return std::string(type.name);
}
template <typename Node>
std::string NameOf(const Type& type, const Node& part) {
  return NameOf(type) + "." + std::string(part.name);
}

// The named type at the bottom; null if there is none.
const Type* TypeOf(const graphql::Schema& schema, const graphql::TypeRef& ref) {
  const graphql::TypeRef* named = &ref;
  while (named->of != nullptr) named = named->of;
  return schema.FindType(named->name.text);
}

bool Uses(const graphql::Value& literal, std::string_view variable) {
  return (literal.kind == ValueKind::kVariable && literal.text == variable) ||
         std::any_of(literal.items.begin(), literal.items.end(),
                     [&](const graphql::Value* item) { return Uses(*item, variable); }) ||
         std::any_of(
             literal.fields.begin(), literal.fields.end(),
             [&](const graphql::ObjectField& field) { return Uses(*field.value, variable); });
}

bool Uses(std::span<const graphql::Argument> arguments, std::string_view variable) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const graphql::Argument& argument) {
    return Uses(*argument.value, variable);
  });
}

// The path to the first selection whose arguments use a variable.
Path PathToUse(const graphql::Document& document, const graphql::Operation& operation,
               std::string_view variable) {
  std::deque<Step> steps;
  std::deque<std::pair<const SelectionSet*, const Step*>> sets{{operation.selection_set, nullptr}};
  std::unordered_set<std::string_view> spread;
  for (; !sets.empty(); sets.pop_front()) {
    const auto [set, above] = sets.front();
    for (const Selection& selection : set->selections) {
      const Step* path = above;
      if (selection.kind == SelectionKind::kField) {
        path = &steps.emplace_back(Step{above, selection.response_name().text});
        if (Uses(selection.arguments, variable)) return PathTo(path);
      }
      if (selection.selection_set != nullptr) sets.emplace_back(selection.selection_set, path);
      if (selection.kind != SelectionKind::kFragmentSpread) continue;
      const graphql::Fragment* const fragment = document.FindFragment(selection.name.text);
      if (fragment != nullptr && spread.insert(selection.name.text).second) {
        sets.emplace_back(fragment->selection_set, path);
      }
    }
  }
  return {};
}

// Finds every place of a document that names what the audience does not see.
class AccessWalk {
 public:
  AccessWalk(const graphql::Schema& schema, const Audience& audience,
             const graphql::Document& document)
      : schema_(schema), audience_(audience), document_(document), locations_(document.source()) {}

  void CheckDocument() {
    for (const graphql::Fragment& fragment : document_.fragments) {
      fragments_.emplace(fragment.name.text, &fragment);
    }
    for (const graphql::Operation& operation : document_.operations) {
      for (const graphql::VariableDefinition& variable : operation.variables) {
        CheckVariable(operation, variable);
      }
      CheckDirectives(operation.directives, nullptr);
      CheckSelections(*operation.selection_set, schema_.Root(operation.kind), nullptr);
      CheckWaiting();
    }
    for (const graphql::Fragment& fragment : document_.fragments) {
      Wait(fragment.name.text, nullptr);
    }
    CheckWaiting();
  }

  void CheckValues(const graphql::Operation& operation, const std::optional<JsonValue>& values) {
    std::unordered_set<std::string_view> without_value;
    for (const graphql::VariableDefinition& variable : operation.variables) {
      const auto value = values ? values->Find(variable.name.text) : std::nullopt;
      if (!value && variable.default_value == nullptr) without_value.insert(variable.name.text);
      const Type* const type = TypeOf(schema_, *variable.type);
      if (!value || type == nullptr) continue;
      ForEachHidden(*value, *type, [&](const Type& owner, const auto& node) {
        Refuse(
            node, variable.offset, [&] { return NameOf(owner, node); },
            [&] { return PathToUse(document_, operation, variable.name.text); });
      });
    }
    if (!without_value.empty()) CheckDefaults(operation, without_value);
  }

  AccessRefusal Take() { return std::move(refusal_); }

 private:
  // `name` and `path` are called only if there is room for an error.
  template <typename Node, typename MakeName, typename MakePath>
  void Refuse(const Node& node, uint32_t offset, const MakeName& name, const MakePath& path) {
    const Denial denial = audience_.DenialOf(node);
    if (!refusal_.denial || denial < *refusal_.denial) refusal_.denial = denial;
    if (refusal_.errors.size() >= kMaxErrors) return;
    refusal_.errors.push_back({.message = "Access to " + graphql::Quoted(name()) + " is denied.",
                               .code = kErrorForbidden,
                               .locations = {locations_.At(offset)},
                               .path = path(),
                               .extensions = ReasonExtension(denial)});
  }

  void CheckVariable(const graphql::Operation& operation,
                     const graphql::VariableDefinition& variable) {
    CheckDirectives(variable.directives, nullptr);
    const Type* const type = TypeOf(schema_, *variable.type);
    // Those of the specification are hidden where nothing uses them, and no secret.
    if (type == nullptr || type->builtin) return;
    const auto path = [&] { return PathToUse(document_, operation, variable.name.text); };
    if (!audience_.Sees(*type)) {
      Refuse(
          *type, variable.type->offset, [&] { return NameOf(*type); }, path);
    } else if (variable.default_value != nullptr) {
      CheckLiteral(*variable.default_value, *type, path);
    }
  }

  // An argument whose variable has no value has its default, as one that is left out.
  void CheckDefaults(const graphql::Operation& operation,
                     const std::unordered_set<std::string_view>& without_value) {
    struct Level {
      const SelectionSet* set;
      const Type* type;
      const Step* path;
    };
    std::deque<Level> levels{{operation.selection_set, schema_.Root(operation.kind), nullptr}};
    std::unordered_set<std::string_view> spread;
    for (; !levels.empty(); levels.pop_front()) {
      const auto [set, type, above] = levels.front();
      for (const Selection& selection : set->selections) {
        if (selection.kind == SelectionKind::kFragmentSpread) {
          const graphql::Fragment* const fragment = document_.FindFragment(selection.name.text);
          if (fragment == nullptr || !spread.insert(selection.name.text).second) continue;
          levels.push_back(
              {fragment->selection_set, schema_.FindType(fragment->type_condition.text), above});
          continue;
        }
        if (selection.kind != SelectionKind::kField) {
          const graphql::Name& condition = selection.type_condition;
          levels.push_back({selection.selection_set,
                            condition ? schema_.FindType(condition.text) : type, above});
          continue;
        }
        const graphql::Field* const field =
            type == nullptr ? nullptr : schema_.FieldOf(*type, selection.name.text);
        if (field == nullptr) continue;
        const Step* const path = &steps_.emplace_back(Step{above, selection.response_name().text});
        for (const graphql::Argument& node : selection.arguments) {
          if (node.value->kind != ValueKind::kVariable) continue;
          const InputValue* const argument = field->FindArgument(node.name.text);
          if (argument == nullptr || !without_value.contains(node.value->text)) continue;
          RefuseDefault(
              *argument, node.value->offset, [&, owner = type] { return NameOf(*owner, *field); },
              path);
        }
        if (selection.selection_set == nullptr) continue;
        levels.push_back({selection.selection_set, field->type->type, path});
      }
    }
  }

  // Fragments wait for their turn, as they may lead to each other without an end.
  void Wait(std::string_view fragment, const Step* path) {
    const auto found = fragments_.find(fragment);
    if (found == fragments_.end()) return;
    waiting_.emplace_back(found->second, path);
    fragments_.erase(found);
  }

  void CheckWaiting() {
    for (; !waiting_.empty(); waiting_.pop_front()) {
      const auto [fragment, path] = waiting_.front();
      CheckDirectives(fragment->directives, path);
      CheckOn(fragment->type_condition, *fragment->selection_set, path);
    }
  }

  // Selections on a type that is named.
  void CheckOn(const graphql::Name& condition, const SelectionSet& set, const Step* path) {
    const Type* const type = schema_.FindType(condition.text);
    if (type == nullptr || audience_.Sees(*type)) {
      CheckSelections(set, type, path);
    } else {
      Refuse(
          *type, condition.offset, [&] { return NameOf(*type); }, [&] { return PathTo(path); });
    }
  }

  // `type` is null if it is not known, and then nothing below is.
  void CheckSelections(const SelectionSet& set, const Type* type, const Step* path) {
    for (const Selection& selection : set.selections) {
      if (selection.kind == SelectionKind::kField) {
        CheckField(selection, type, path);
        continue;
      }
      CheckDirectives(selection.directives, path);
      if (selection.kind == SelectionKind::kFragmentSpread) {
        Wait(selection.name.text, path);
      } else if (selection.type_condition) {
        CheckOn(selection.type_condition, *selection.selection_set, path);
      } else {
        CheckSelections(*selection.selection_set, type, path);
      }
    }
  }

  void CheckField(const Selection& selection, const Type* parent, const Step* above) {
    const Step* const path = &steps_.emplace_back(Step{above, selection.response_name().text});
    CheckDirectives(selection.directives, path);
    const graphql::Field* const field =
        parent == nullptr ? nullptr : schema_.FieldOf(*parent, selection.name.text);
    if (field != nullptr) {
      const auto name = [&] { return NameOf(*parent, *field); };
      if (!audience_.Sees(*field)) {
        Refuse(*field, selection.offset, name, [&] { return PathTo(path); });
        return;
      }
      CheckArguments(selection.arguments, field->arguments, name, path);
      for (const InputValue& argument : field->arguments) {
        CheckDefault(selection, argument, name, path);
      }
    }
    if (selection.selection_set == nullptr) return;
    CheckSelections(*selection.selection_set, field == nullptr ? nullptr : field->type->type, path);
  }

  void CheckDirectives(std::span<const graphql::Directive> directives, const Step* path) {
    for (const graphql::Directive& directive : directives) {
      const graphql::DirectiveType* const type = schema_.FindDirective(directive.name.text);
      if (type == nullptr) continue;
      CheckArguments(
          directive.arguments, type->arguments, [&] { return "@" + std::string(type->name); },
          path);
    }
  }

  template <typename MakeName>  // of what takes the arguments
  void CheckArguments(std::span<const graphql::Argument> given,
                      const std::vector<InputValue>& arguments, const MakeName& owner,
                      const Step* path) {
    for (const graphql::Argument& node : given) {
      const auto argument =
          std::find_if(arguments.begin(), arguments.end(),
                       [&](const InputValue& known) { return known.name == node.name.text; });
      if (argument == arguments.end()) continue;
      if (audience_.Sees(*argument)) {
        CheckLiteral(*node.value, *argument->type->type, [&] { return PathTo(path); });
      } else {
        RefuseArgument(*argument, *argument, node.name.offset, owner, path);
      }
    }
  }

  // An argument that is left out has its default value, and the client might not have given that.
  template <typename MakeName>
  void CheckDefault(const Selection& selection, const InputValue& argument, const MakeName& field,
                    const Step* path) {
    const auto& given = selection.arguments;
    if (std::any_of(given.begin(), given.end(), [&](const graphql::Argument& node) {
          return node.name.text == argument.name;
        })) {
      return;
    }
    RefuseDefault(argument, selection.offset, field, path);
  }

  // Refuse the default of an argument if the audience does not see all of it.
  template <typename MakeName>
  void RefuseDefault(const InputValue& argument, uint32_t offset, const MakeName& field,
                     const Step* path) {
    if (argument.default_value == nullptr || audience_.visibility().ShowsDefault(argument)) return;
    ForEachHidden(*argument.default_value, *argument.type->type,
                  [&](const Type&, const auto& node, uint32_t) {
                    RefuseArgument(node, argument, offset, field, path);
                  });
  }

  template <typename Node, typename MakeName>
  void RefuseArgument(const Node& node, const InputValue& argument, uint32_t offset,
                      const MakeName& owner, const Step* path) {
    Refuse(
        node, offset, [&] { return owner() + "(" + std::string(argument.name) + ":)"; },
        [&] { return PathTo(path); });
  }

  template <typename MakePath>
  void CheckLiteral(const graphql::Value& literal, const Type& type, const MakePath& path) {
    ForEachHidden(literal, type, [&](const Type& owner, const auto& node, uint32_t offset) {
      Refuse(
          node, offset, [&] { return NameOf(owner, node); }, path);
    });
  }

  // Visit what a literal names and the audience does not see:
  // void(const Type& owner, const Node& value_or_field, uint32_t offset).
  template <typename Visitor>
  void ForEachHidden(const graphql::Value& literal, const Type& type, const Visitor& visit) const {
    for (const graphql::Value* item : literal.items) ForEachHidden(*item, type, visit);
    if (literal.kind == ValueKind::kEnum) {
      const graphql::EnumValue* const value = type.FindValue(literal.text);
      if (value != nullptr && !audience_.Sees(*value)) visit(type, *value, literal.offset);
    }
    for (const graphql::ObjectField& node : literal.fields) {
      const InputValue* const field = type.FindInputField(node.name.text);
      if (field == nullptr) continue;
      if (audience_.Sees(*field)) {
        ForEachHidden(*node.value, *field->type->type, visit);
      } else {
        visit(type, *field, node.name.offset);
      }
    }
  }

  // The same for JSON: void(const Type& owner, const Node& value_or_field).
  template <typename Visitor>
  void ForEachHidden(const JsonValue& json, const Type& type, const Visitor& visit) const {
    if (json.type() == JsonType::kArray) {
      json.ForEachElement([&](const JsonValue& item) { ForEachHidden(item, type, visit); });
    } else if (json.type() == JsonType::kString) {
      const graphql::EnumValue* const value = type.FindValue(json.text());
      if (value != nullptr && !audience_.Sees(*value)) visit(type, *value);
    } else if (json.type() == JsonType::kObject) {
      json.ForEachMember([&](std::string_view name, const JsonValue& member) {
        const InputValue* const field = type.FindInputField(name);
        if (field == nullptr) return;
        if (audience_.Sees(*field)) {
          ForEachHidden(member, *field->type->type, visit);
        } else {
          visit(type, *field);
        }
      });
    }
  }

  const graphql::Schema& schema_;
  const Audience& audience_;
  const graphql::Document& document_;
  graphql::LocationIndex locations_;
  std::deque<Step> steps_;
  std::unordered_map<std::string_view, const graphql::Fragment*> fragments_;  // not yet spread
  std::deque<std::pair<const graphql::Fragment*, const Step*>> waiting_;
  AccessRefusal refusal_;
};

}  // namespace

AccessRefusal CheckAccess(const graphql::Schema& schema, const Audience& audience,
                          const graphql::Document& document) {
  if (audience.sees_all()) return {};
  AccessWalk walk(schema, audience, document);
  walk.CheckDocument();
  return walk.Take();
}

AccessRefusal CheckAccess(const graphql::Schema& schema, const Audience& audience,
                          const graphql::Document& document, const graphql::Operation& operation,
                          const std::optional<JsonValue>& values) {
  if (audience.sees_all()) return {};
  AccessWalk walk(schema, audience, document);
  walk.CheckValues(operation, values);
  return walk.Take();
}

std::vector<ErrorExtension> ReasonExtension(Denial denial) {
  return {{"reason", std::string(NameOf(denial))}};
}

}  // namespace fsubs
