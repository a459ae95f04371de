// Checks the whole schema that a registration would make. Pure C++: knows nothing of the database,
// throws UserError.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/sdl/compose.hpp"
#include "graphql/sdl/growing_schema.hpp"

namespace fsubs {

// A type or a subscription field as it is registered, in UTF-8.
struct CatalogRow {
  std::string_view name;
  std::string_view sdl;
};

// Everything that would be registered.
struct Registration {
  std::span<const CatalogRow> types;
  std::span<const CatalogRow> fields;
};

// Why it would be, for error messages.
struct Occasion {
  std::string_view source;                  // text the user gave, for locations; may be empty
  std::string_view removed;                 // type that is being unregistered; empty: none
  std::span<const std::string_view> scope;  // of the subscription field that `source` defines
};

// The definitions in `sdl`. Throws UserError for what cannot be registered, and for names given
// twice.
std::vector<graphql::NamedDefinition> SplitTypes(std::string_view sdl);

// The name of the subscription field that `sdl` defines. Throws UserError if it does not define
// one.
std::string FieldName(std::string_view sdl);

// What was found valid, and how it is extended. A call that registers one type or field after
// thousands must not check the thousands again.
class CheckedSchema {
 public:
  // Throws UserError unless everything together is a valid schema and each argument of each
  // subscription field has a field of the same type to filter.
  CheckedSchema(const Registration& registration, const Occasion& occasion);

  // Whether it is known to stay valid with what is added; if not, all has to be checked to know.
  // The object then describes both together. Otherwise, and after an exception, it can only be
  // destroyed.
  bool TryAdd(const Registration& added);

  // Throws UserError unless clients can filter the subscription field `field` by each name of its
  // scope.
  void CheckScope(std::string_view field, std::span<const std::string_view> names) const;

  // Bytes of its text.
  size_t size() const { return schema_.size(); }

 private:
  bool HasTargets(const CatalogRow& field);

  graphql::GrowingSchema schema_;
  graphql::FilterChecks filters_;
};

}  // namespace fsubs
