#include "graphql/schema/argument_directives.hpp"

#include <algorithm>

namespace fsubs::graphql {
namespace {

const Directive* Find(const InputValue& argument, const ArgumentDirective& known) {
  if (argument.node == nullptr) return nullptr;
  const auto& directives = argument.node->directives;
  const auto found =
      std::find_if(directives.begin(), directives.end(),
                   [&](const Directive& directive) { return directive.name.text == known.name; });
  return found == directives.end() ? nullptr : &*found;
}

}  // namespace

std::string_view FilteredKey(const InputValue& argument) {
  const Directive* const directive = Find(argument, kFilters);
  if (directive == nullptr || directive->arguments.size() != 1) return {};
  const Value& value = *directive->arguments.front().value;
  return value.kind == ValueKind::kString ? value.text : std::string_view();
}

bool FiltersNothing(const InputValue& argument) {
  return Find(argument, kFiltersNothing) != nullptr;
}

}  // namespace fsubs::graphql
