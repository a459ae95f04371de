#include "graphql/sdl/access_definitions.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "graphql/language/error.hpp"
#include "graphql/schema/argument_directives.hpp"
#include "graphql/sdl/sdl_rules.hpp"

namespace fsubs::graphql {
namespace {

std::string DefinitionOf(const AccessDirective& directive) {
  std::string sdl(directive.definition);
  for (const std::string_view location : kAccessLocations) {
    sdl.append(location == kAccessLocations[0] ? " on " : " | ").append(location);
  }
  return sdl;
}

// A type of so many lists of a named type, none of which may be null.
bool IsListOfNames(const TypeRef& type, size_t depth) {
  if (type.kind != TypeRefKind::kNonNull) return false;
  if (depth == 0) return type.of->kind == TypeRefKind::kNamed;
  return type.of->kind == TypeRefKind::kList && IsListOfNames(*type.of->of, depth - 1);
}

bool TakesItsArgument(const AccessDirective& known, const DirectiveDefinition& definition) {
  if (known.depth == 0) return definition.arguments.empty();
  if (definition.arguments.size() != 1) return false;
  const InputValueDefinition& argument = definition.arguments.front();
  return argument.name.text == known.argument && argument.default_value == nullptr &&
         IsListOfNames(*argument.type, known.depth);
}

// Whether `link`, a use of `@link`, brings the directive under its own name.
bool Imports(const Directive& link, std::string_view directive) {
  for (const Argument& argument : link.arguments) {
    const Value& value = *argument.value;
    if (argument.name.text == "url") {
      // A specification has the name of the directive that it is about.
      if (value.text.find("/" + std::string(directive) + "/") != value.text.npos) return true;
    } else if (argument.name.text == "import") {
      const std::string name = "@" + std::string(directive);
      if (std::any_of(value.items.begin(), value.items.end(), [&](const Value* item) {
            return item->kind == ValueKind::kString && item->text == name;
          })) {
        return true;
      }
    }
  }
  return false;
}

bool HasDefinition(const Document& document, std::string_view directive) {
  if (std::any_of(document.directives.begin(), document.directives.end(),
                  [&](const DirectiveDefinition& node) { return node.name.text == directive; })) {
    return true;
  }
  for (const SchemaDefinition& schema : document.schemas) {
    for (const Directive& use : schema.directives) {
      if (use.name.text == "link" && Imports(use, directive)) return true;
    }
  }
  return false;
}

}  // namespace

bool IsAccessLocation(std::string_view location) {
  return std::find(std::begin(kAccessLocations), std::end(kAccessLocations), location) !=
         std::end(kAccessLocations);
}

std::string CheckAccessDefinition(const AccessDirective& known,
                                  const DirectiveDefinition& definition) {
  const auto& locations = definition.locations;
  if (TakesItsArgument(known, definition) &&
      std::all_of(locations.begin(), locations.end(),
                  [](const Name& location) { return IsAccessLocation(location.text); })) {
    return {};
  }
  return "Directive " + Quoted("@" + std::string(definition.name.text)) +
         " says who may see what. It needs no definition, and may have no other than " +
         Quoted(DefinitionOf(known)) + ", or less of its places.";
}

std::string GenerateDirectives(const Document& document) {
  std::unordered_set<std::string_view> used;
  ForEachDirectives(document, [&](std::span<const Directive> directives, auto, const auto&) {
    for (const Directive& directive : directives) used.insert(directive.name.text);
  });
  std::string sdl;
  for (const AccessDirective& known : kAccessDirectives) {
    if (!used.contains(known.name) || HasDefinition(document, known.name)) continue;
    sdl.append("\n").append(DefinitionOf(known)).append("\n");
  }
  for (const ArgumentDirective& known : kArgumentDirectives) {
    if (!used.contains(known.name) || HasDefinition(document, known.name)) continue;
    sdl.append("\n").append(known.definition).append("\n");
  }
  return sdl;
}

}  // namespace fsubs::graphql
