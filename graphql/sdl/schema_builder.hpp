// Builds a schema from the text of type system documents.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "graphql/language/checkpoint.hpp"
#include "graphql/language/error.hpp"
#include "graphql/schema/schema.hpp"

namespace fsubs::graphql {

struct SchemaResult {
  std::shared_ptr<const Schema> schema;  // null if there are errors
  std::vector<Error> errors;             // locations are in the given SDL
};

// Build a schema from a type system document and check it (specification, section 3). The
// specification's own scalars, directives and introspection types are added.
SchemaResult BuildSchema(std::string_view sdl, Checkpoint checkpoint = GoOn);

// Builds a schema that can grow. What a checkpoint throws leaves a builder that can only be
// destroyed.
class SchemaBuilder {
 public:
  explicit SchemaBuilder(Checkpoint checkpoint = GoOn) : checkpoint_(checkpoint) {}

  // Begin with a schema as BuildSchema does. Returns its errors; after errors the builder can only
  // be destroyed.
  std::vector<Error> Build(std::string_view sdl);

  // Add the types that `sdl` defines, and the fields by which it extends one object type. Takes as
  // long as `sdl` needs, however large the schema is. Returns the errors of what is added, and
  // leaves the schema as it was if there are any. REQUIRES: Build has succeeded; `sdl` defines no
  // directives and no schema, extends nothing else, and the schema does not use what it defines.
  std::vector<Error> Extend(std::string_view sdl);

  // The schema as it is now, with all scalars of the specification and its types in no order.
  const Schema& schema() const { return *schema_; }

  // Arrange the schema as Schema::types() says and hand it out. The builder can only be destroyed.
  std::shared_ptr<const Schema> Take();

 private:
  class Addition;

  void Declare(const Document& document, bool builtin);
  void Define(const Document& document, bool builtin);
  void DefineType(const TypeDefinition& definition, Type* type);
  void DefineDirective(const DirectiveDefinition& definition, bool builtin);
  void DefineRoots(const Document& document);
  void LinkPossibleTypes(size_t first_type);
  void NumberElements();

  const WrappedType* Wrap(const TypeRef& ref);
  InputValue DefineInput(const InputValueDefinition& definition);
  std::vector<InputValue> DefineInputs(std::span<const InputValueDefinition> definitions);
  Type* Find(std::string_view name) const { return schema_->by_name_.at(name); }

  const Checkpoint checkpoint_;
  std::shared_ptr<Schema> schema_ = std::make_shared<Schema>();
};

}  // namespace fsubs::graphql
