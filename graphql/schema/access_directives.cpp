#include "graphql/schema/access_directives.hpp"

#include <algorithm>
#include <iterator>

#include "graphql/language/error.hpp"
#include "graphql/language/print.hpp"

namespace fsubs::graphql {
namespace {

constexpr std::string_view kFederation = "federation__";

// A lone value counts as a list of one (specification, section 3.11).
template <typename Visitor>  // void(const Value& item)
void ForEachItem(const Value& value, const Visitor& visit) {
  if (value.kind != ValueKind::kList) {
    visit(value);
    return;
  }
  for (const Value* item : value.items) visit(*item);
}

template <typename Item>
void SortOnce(std::vector<Item>* items) {
  std::sort(items->begin(), items->end());
  items->erase(std::unique(items->begin(), items->end()), items->end());
}

// False if it is no list of texts, or an empty one, or has an empty text.
bool ReadNames(const Value& value, std::vector<std::string>* names) {
  bool readable = true;
  ForEachItem(value, [&](const Value& item) {
    readable = readable && item.kind == ValueKind::kString && !item.text.empty();
    if (readable) names->emplace_back(item.text);
  });
  SortOnce(names);
  return readable && !names->empty();
}

bool ReadLists(size_t depth, const Value& value, AccessDemand* demand) {
  bool readable = true;
  if (depth == 1) {
    std::vector<std::string> names;
    readable = ReadNames(value, &names);
    for (std::string& name : names) demand->any_of.push_back({std::move(name)});
    return readable;
  }
  ForEachItem(value, [&](const Value& item) {
    readable = readable && ReadNames(item, &demand->any_of.emplace_back());
  });
  SortOnce(&demand->any_of);
  return readable && !demand->any_of.empty();
}

}  // namespace

const AccessDirective* FindAccessDirective(std::string_view name) {
  if (name.starts_with(kFederation)) name.remove_prefix(kFederation.size());
  const auto found = std::find_if(std::begin(kAccessDirectives), std::end(kAccessDirectives),
                                  [&](const AccessDirective& known) { return known.name == name; });
  return found == std::end(kAccessDirectives) ? nullptr : found;
}

std::string ReadDemand(const Directive& directive, AccessDemand* demand) {
  const AccessDirective& known = *FindAccessDirective(directive.name.text);
  *demand = {.kind = known.kind};
  const std::string name = Quoted("@" + std::string(directive.name.text));
  const Value* given = nullptr;
  for (const Argument& argument : directive.arguments) {
    if (argument.name.text != known.argument) {
      return "Unknown argument " + Quoted(argument.name.text) + " on directive " + name + ".";
    }
    given = argument.value;
  }
  if (known.depth == 0) return {};
  if (given != nullptr && ReadLists(known.depth, *given, demand)) return {};
  return "Argument " + Quoted(known.argument) + " of directive " + name + " must be a list of " +
         (known.depth == 1 ? "names, and not empty" : "lists of names, none of them empty") +
         (given == nullptr ? "." : ", not " + Print(*given) + ".");
}

}  // namespace fsubs::graphql
