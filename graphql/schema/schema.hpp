// A GraphQL schema: types by name, ready for validation and execution. Immutable after BuildSchema,
// so threads may share it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graphql/language/ast.hpp"

namespace fsubs::graphql {

struct Type;

// The number of an element in its schema: a type, field, argument, input field, enum value or
// directive. Counts from 1; 0 are the meta fields.
using ElementId = uint32_t;

// A named type under its list and non-null wrappers.
struct WrappedType {
  TypeRefKind kind = TypeRefKind::kNamed;
  const Type* type = nullptr;       // the named type at the bottom, whatever the kind
  const WrappedType* of = nullptr;  // kList, kNonNull

  bool is_non_null() const { return kind == TypeRefKind::kNonNull; }
  // This type without an outer non-null.
  const WrappedType* nullable() const { return is_non_null() ? of : this; }
};

// As in SDL: "[Order!]!".
std::string ToString(const WrappedType& type);
bool operator==(const WrappedType& a, const WrappedType& b);

struct InputValue {
  ElementId id = 0;
  std::string_view name;
  std::string_view description;
  const WrappedType* type = nullptr;
  const Value* default_value = nullptr;        // null: none
  std::optional<std::string> default_text;     // coerced, as introspection shows it
  std::optional<std::string_view> deprecated;  // the reason
  const InputValueDefinition* node = nullptr;  // what it was built from

  // Must be given: non-null and without a default.
  bool required() const { return type->is_non_null() && default_value == nullptr; }
};

struct Field {
  ElementId id = 0;
  std::string_view name;
  std::string_view description;
  const WrappedType* type = nullptr;
  std::vector<InputValue> arguments;
  std::optional<std::string_view> deprecated;  // the reason
  const FieldDefinition* node = nullptr;

  const InputValue* FindArgument(std::string_view argument) const;
};

struct EnumValue {
  ElementId id = 0;
  std::string_view name;
  std::string_view description;
  std::optional<std::string_view> deprecated;  // the reason
  const EnumValueDefinition* node = nullptr;
};

struct Type {
  ElementId id = 0;
  TypeKind kind = TypeKind::kScalar;
  bool builtin = false;  // defined by the specification
  std::string_view name;
  std::string_view description;
  std::optional<std::string_view> specified_by;  // scalars: a URL
  std::vector<Field> fields;                     // objects, interfaces
  std::vector<InputValue> input_fields;          // input objects
  std::vector<EnumValue> values;                 // enums
  std::vector<const Type*> interfaces;           // objects, interfaces: what they implement
  std::vector<const Type*> possible;             // interfaces, unions: the object types they can be
  std::vector<const TypeDefinition*> nodes;      // the definition, then its extensions

  bool is_leaf() const { return kind == TypeKind::kScalar || kind == TypeKind::kEnum; }
  bool is_composite() const {
    return kind == TypeKind::kObject || kind == TypeKind::kInterface || kind == TypeKind::kUnion;
  }
  bool is_abstract() const { return kind == TypeKind::kInterface || kind == TypeKind::kUnion; }
  bool is_input() const { return is_leaf() || kind == TypeKind::kInputObject; }
  bool is_output() const { return kind != TypeKind::kInputObject; }
  // Whether a value of the object type `object` is a value of this type.
  bool Includes(const Type* object) const;

  const Field* FindField(std::string_view field) const;
  const InputValue* FindInputField(std::string_view field) const;
  const EnumValue* FindValue(std::string_view value) const;

  // For the builder.
  std::unordered_map<std::string_view, size_t> index;  // of fields, input fields or values
};

struct DirectiveType {
  ElementId id = 0;
  std::string_view name;
  std::string_view description;
  bool builtin = false;  // defined by the specification
  bool repeatable = false;
  std::vector<InputValue> arguments;
  std::vector<std::string_view> locations;
  const DirectiveDefinition* node = nullptr;

  bool AllowedAt(std::string_view location) const;
  const InputValue* FindArgument(std::string_view argument) const;
};

class Schema {
 public:
  const Type* FindType(std::string_view name) const;
  const DirectiveType* FindDirective(std::string_view name) const;
  const Type* Root(OperationKind kind) const { return roots_[static_cast<size_t>(kind)]; }
  // A field that may be selected on `parent`: one of its own or a meta field (specification,
  // sections 4.1 and 4.2). Null if there is none.
  const Field* FieldOf(const Type& parent, std::string_view name) const;
  std::string_view description() const { return description_; }

  // In the order in which introspection lists them: that of their definitions, with the types of
  // the specification where they are first used. Scalars of the specification that are not used are
  // left out.
  std::span<const std::unique_ptr<Type>> types() const { return types_; }
  std::span<const DirectiveType> directives() const { return directives_; }
  // One more than the largest ElementId. A schema that BuildSchema has made has numbered its
  // elements.
  size_t element_count() const { return element_count_; }

 private:
  friend class SchemaBuilder;
  std::vector<std::shared_ptr<const Document>> sources_;  // what the views point into
  std::vector<std::unique_ptr<Type>> types_;
  std::unordered_map<std::string_view, Type*> by_name_;
  std::vector<DirectiveType> directives_;
  std::vector<std::unique_ptr<WrappedType>> wrapped_;
  const Type* roots_[3] = {nullptr, nullptr, nullptr};
  Type meta_;  // an object type, whose fields are the meta fields
  std::string_view description_;
  size_t element_count_ = 0;
};

}  // namespace fsubs::graphql
