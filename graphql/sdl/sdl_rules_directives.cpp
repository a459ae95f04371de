// Directives where they are used in a type system document (specification,
// sections 3.13, 5.4, 5.7).
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "graphql/language/print.hpp"
#include "graphql/language/suggest.hpp"
#include "graphql/sdl/access_definitions.hpp"
#include "graphql/sdl/sdl_rules.hpp"

namespace fsubs::graphql {
namespace {

// Federation's directives reach a schema through `@link` or not at all; subgraphs do not define
// them (Apollo Federation subgraph specification).
bool IsOfFederation(std::string_view directive) {
  constexpr std::string_view kNames[] = {"authenticated",
                                         "composeDirective",
                                         "context",
                                         "cost",
                                         "extends",
                                         "external",
                                         "fromContext",
                                         "inaccessible",
                                         "interfaceObject",
                                         "key",
                                         "link",
                                         "listSize",
                                         "override",
                                         "policy",
                                         "provides",
                                         "requires",
                                         "requiresScopes",
                                         "shareable",
                                         "tag"};
  return directive.starts_with("federation__") || directive.starts_with("link__") ||
         std::find(std::begin(kNames), std::end(kNames), directive) != std::end(kNames);
}

class DirectiveRules {
 public:
  DirectiveRules(const KnownNames& known, SdlErrors* errors)
      : document_(errors->document()), base_(known.base), errors_(errors) {
    for (const Document* document : {known.prelude, &document_}) {
      if (document == nullptr) continue;
      for (const DirectiveDefinition& directive : document->directives) {
        definitions_[directive.name.text] = &directive;
      }
    }
  }

  void Check() {
    for (const DirectiveDefinition& definition : document_.directives) {
      const AccessDirective* const known = FindAccessDirective(definition.name.text);
      if (known == nullptr) continue;
      std::string problem = CheckAccessDefinition(*known, definition);
      if (!problem.empty()) errors_->Report(std::move(problem), {definition.name.offset});
    }
    ForEachDirectives(document_,
                      [&](std::span<const Directive> directives, std::string_view location,
                          std::optional<std::string_view> shared) {
                        errors_->Pass();
                        for (const Directive& directive : directives) CheckUse(directive, location);
                        Offsets own;
                        const bool joined = shared && !directives.empty();
                        CheckOnce(directives, joined ? &shared_[*shared] : &own);
                      });
    ForEachDefault(document_, [&](const InputValueDefinition& definition) {
      CheckFieldNames(*definition.default_value);
    });
  }

 private:
  using Offsets = std::unordered_map<std::string_view, uint32_t>;

  const DirectiveDefinition* Find(std::string_view name) const {
    const auto found = definitions_.find(name);
    if (found != definitions_.end()) return found->second;
    const DirectiveType* const known = base_ == nullptr ? nullptr : base_->FindDirective(name);
    return known == nullptr ? nullptr : known->node;
  }

  // Where a directive may be used, and its arguments.
  void CheckUse(const Directive& directive, std::string_view location) {
    const std::string name = "@" + std::string(directive.name.text);
    CheckArgumentNames(directive);
    const DirectiveDefinition* const definition = Find(directive.name.text);
    if (FindAccessDirective(directive.name.text) != nullptr) {
      CheckDemand(directive, location, name);
    } else if (definition == nullptr) {
      if (!IsOfFederation(directive.name.text)) {
        errors_->Report("Unknown directive " + Quoted(name) + ".", {directive.offset});
      }
    }
    if (definition == nullptr) return;
    const auto& locations = definition->locations;
    if (std::none_of(locations.begin(), locations.end(),
                     [&](const Name& known) { return known.text == location; })) {
      errors_->Report(
          "Directive " + Quoted(name) + " may not be used on " + std::string(location) + ".",
          {directive.offset});
    }
    CheckArguments(directive, *definition, name);
  }

  // What no client could be told from must not be registered.
  void CheckDemand(const Directive& directive, std::string_view location, const std::string& name) {
    if (!IsAccessLocation(location)) {
      errors_->Report(
          "Directive " + Quoted(name) + " may not be used on " + std::string(location) + ".",
          {directive.offset});
    }
    AccessDemand demand;
    std::string problem = ReadDemand(directive, &demand);
    if (!problem.empty()) errors_->Report(std::move(problem), {directive.offset});
  }

  void CheckArgumentNames(const Directive& directive) {
    std::map<std::string_view, std::vector<uint32_t>> offsets;
    for (const Argument& argument : directive.arguments) {
      offsets[argument.name.text].push_back(argument.name.offset);
      CheckFieldNames(*argument.value);
    }
    for (const auto& [name, places] : offsets) {
      if (places.size() > 1) {
        errors_->Report("There can be only one argument named " + Quoted(name) + ".", places);
      }
    }
  }

  // Of objects in a literal. The parser bounds how deep it is.
  void CheckFieldNames(const Value& value) {
    for (const Value* item : value.items) CheckFieldNames(*item);
    Offsets seen;
    for (const ObjectField& field : value.fields) {
      const auto [known, added] = seen.emplace(field.name.text, field.name.offset);
      if (!added) {
        errors_->Report("There can be only one input field named " + Quoted(field.name.text) + ".",
                        {known->second, field.name.offset});
      }
      CheckFieldNames(*field.value);
    }
  }

  void CheckArguments(const Directive& directive, const DirectiveDefinition& definition,
                      const std::string& name) {
    std::set<std::string_view> names;
    for (const InputValueDefinition& argument : definition.arguments) {
      names.insert(argument.name.text);
    }
    const std::vector<std::string_view> known(names.begin(), names.end());
    for (const Argument& argument : directive.arguments) {
      if (names.contains(argument.name.text)) continue;
      errors_->Report("Unknown argument " + Quoted(argument.name.text) + " on directive " +
                          Quoted(name) + "." + DidYouMean(Suggest(argument.name.text, known)),
                      {argument.name.offset});
    }
    for (const InputValueDefinition& wanted : definition.arguments) {
      if (wanted.type->kind != TypeRefKind::kNonNull || wanted.default_value != nullptr) continue;
      const auto& given = directive.arguments;
      if (std::any_of(given.begin(), given.end(), [&](const Argument& argument) {
            return argument.name.text == wanted.name.text;
          })) {
        continue;
      }
      errors_->Report("Directive " + Quoted(name) + " argument " + Quoted(wanted.name.text) +
                          " of type " + Quoted(Print(*wanted.type)) +
                          " is required, but it was not provided.",
                      {directive.offset});
    }
  }

  void CheckOnce(std::span<const Directive> directives, Offsets* seen) {
    for (const Directive& directive : directives) {
      const DirectiveDefinition* const definition = Find(directive.name.text);
      const bool once = definition != nullptr ? !definition->repeatable
                                              : FindAccessDirective(directive.name.text) != nullptr;
      if (!once) continue;
      const auto [known, added] = seen->emplace(directive.name.text, directive.offset);
      if (added) continue;
      errors_->Report("The directive \"@" + std::string(directive.name.text) +
                          "\" can only be used once at this location.",
                      {known->second, directive.offset});
    }
  }

  const Document& document_;
  const Schema* const base_;
  SdlErrors* const errors_;
  std::unordered_map<std::string_view, const DirectiveDefinition*> definitions_;
  std::unordered_map<std::string_view, Offsets> shared_;
};

}  // namespace

std::string_view DirectiveLocationOf(TypeKind kind) {
  constexpr std::string_view kLocations[] = {"SCALAR", "OBJECT", "INTERFACE",
                                             "UNION",  "ENUM",   "INPUT_OBJECT"};
  return kLocations[static_cast<size_t>(kind)];
}

void CheckSdlDirectives(const KnownNames& known, SdlErrors* errors) {
  DirectiveRules(known, errors).Check();
}

void CheckSdl(const KnownNames& known, SdlErrors* errors) {
  CheckSdlNames(known, errors);
  CheckSdlDirectives(known, errors);
}

}  // namespace fsubs::graphql
