// Rules for a schema as a whole (October 2021 specification, section 3), as graphql-js's
// validateSchema() checks them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "graphql/schema/schema.hpp"
#include "graphql/sdl/sdl_errors.hpp"

namespace fsubs::graphql {

// What `errors->document()` added to a schema.
struct SchemaPart {
  std::span<const std::unique_ptr<Type>> types;
  std::span<const DirectiveType> directives;
  // Fields of a type that was there before.
  const Type* extended = nullptr;
  std::span<const Field> fields;
};

// Check `part` of `schema`, whose rest has been checked. Stricter than graphql-js: default values
// and the arguments of directives must fit their types.
void CheckSchema(const Schema& schema, const SchemaPart& part, SdlErrors* errors);

// The parts of CheckSchema.
// How `type` implements its interfaces (section 3.6).
void CheckImplementations(const Schema& schema, const Type& type, SdlErrors* errors);
// Input types that refer to each other (section 3.10).
void CheckInputCycles(const SchemaPart& part, SdlErrors* errors);
// Literals against their types.
void CheckLiterals(const Schema& schema, const SchemaPart& part, SdlErrors* errors);

// The offsets of the name `wanted` among the names of a type's definition and its extensions.
template <typename Names>  // std::span<const Name> names(const TypeDefinition& node)
std::vector<uint32_t> OffsetsOf(const Type& type, std::string_view wanted, const Names& names) {
  std::vector<uint32_t> offsets;
  for (const TypeDefinition* node : type.nodes) {
    for (const Name& name : names(*node)) {
      if (name.text == wanted) offsets.push_back(name.offset);
    }
  }
  return offsets;
}

}  // namespace fsubs::graphql
