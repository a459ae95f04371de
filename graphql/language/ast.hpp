// The syntax tree of a GraphQL document (October 2021 specification, section 2 and appendix B).
//
// Nodes are plain structs in the document's arena: they hold views and pointers, own nothing and
// live as long as their Document. `offset` is a byte offset into the source, that of the
// description where a node has one. A description that was left out has a null data(), an empty
// one has not.
#pragma once

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <string_view>

#include "graphql/language/error.hpp"

namespace fsubs::graphql {

struct Name {
  std::string_view text;  // empty where the grammar lets it be left out
  uint32_t offset = 0;
  explicit operator bool() const { return !text.empty(); }
};

enum class ValueKind : uint8_t {
  kVariable,
  kInt,
  kFloat,
  kString,
  kBoolean,
  kNull,
  kEnum,
  kList,
  kObject
};

struct Value;

struct ObjectField {
  Name name;
  const Value* value;
};

struct Value {
  ValueKind kind = ValueKind::kNull;
  bool boolean = false;
  bool block = false;  // a string written as """block"""
  uint32_t offset = 0;
  uint32_t end = 0;       // offset behind its last byte
  std::string_view text;  // variable's or enum's name, number as written, string's decoded value
  std::span<const Value* const> items;
  std::span<const ObjectField> fields;
};

struct Argument {
  Name name;
  const Value* value;
};

struct Directive {
  uint32_t offset = 0;
  Name name;
  std::span<const Argument> arguments;
};

enum class TypeRefKind : uint8_t { kNamed, kList, kNonNull };

struct TypeRef {
  TypeRefKind kind = TypeRefKind::kNamed;
  uint32_t offset = 0;
  Name name;                    // kNamed
  const TypeRef* of = nullptr;  // kList, kNonNull
};

enum class SelectionKind : uint8_t { kField, kFragmentSpread, kInlineFragment };

struct SelectionSet;

struct Selection {
  SelectionKind kind = SelectionKind::kField;
  uint32_t offset = 0;
  Name alias;           // kField
  Name name;            // kField, kFragmentSpread
  Name type_condition;  // kInlineFragment
  std::span<const Argument> arguments;
  std::span<const Directive> directives;
  const SelectionSet* selection_set = nullptr;

  const Name& response_name() const { return alias ? alias : name; }
};

struct SelectionSet {
  uint32_t offset = 0;
  std::span<const Selection> selections;
};

struct VariableDefinition {
  uint32_t offset = 0;
  Name name;
  const TypeRef* type = nullptr;
  const Value* default_value = nullptr;
  std::span<const Directive> directives;
};

enum class OperationKind : uint8_t { kQuery, kMutation, kSubscription };

struct Operation {
  OperationKind kind = OperationKind::kQuery;
  uint32_t offset = 0;
  Name name;
  std::span<const VariableDefinition> variables;
  std::span<const Directive> directives;
  const SelectionSet* selection_set = nullptr;
};

struct Fragment {
  uint32_t offset = 0;
  Name name;
  Name type_condition;
  std::span<const Directive> directives;
  const SelectionSet* selection_set = nullptr;
};

struct InputValueDefinition {
  uint32_t offset = 0;
  std::string_view description;
  Name name;
  const TypeRef* type = nullptr;
  const Value* default_value = nullptr;
  std::span<const Directive> directives;
};

struct FieldDefinition {
  uint32_t offset = 0;
  std::string_view description;
  Name name;
  std::span<const InputValueDefinition> arguments;
  const TypeRef* type = nullptr;
  std::span<const Directive> directives;
};

struct EnumValueDefinition {
  uint32_t offset = 0;
  std::string_view description;
  Name name;
  std::span<const Directive> directives;
};

enum class TypeKind : uint8_t { kScalar, kObject, kInterface, kUnion, kEnum, kInputObject };

struct TypeDefinition {
  TypeKind kind = TypeKind::kScalar;
  bool extension = false;
  uint32_t offset = 0;
  uint32_t end = 0;  // offset behind its last token
  std::string_view description;
  Name name;
  std::span<const Name> interfaces;                    // objects, interfaces
  std::span<const FieldDefinition> fields;             // objects, interfaces
  std::span<const InputValueDefinition> input_fields;  // input objects
  std::span<const EnumValueDefinition> values;         // enums
  std::span<const Name> members;                       // unions
  std::span<const Directive> directives;
};

struct DirectiveDefinition {
  uint32_t offset = 0;
  uint32_t end = 0;
  std::string_view description;
  Name name;
  bool repeatable = false;
  std::span<const InputValueDefinition> arguments;
  std::span<const Name> locations;
};

struct RootOperationType {
  uint32_t offset = 0;
  OperationKind kind = OperationKind::kQuery;
  Name type;
};

struct SchemaDefinition {
  bool extension = false;
  uint32_t offset = 0;
  uint32_t end = 0;  // offset behind its last token
  std::string_view description;
  std::span<const Directive> directives;
  std::span<const RootOperationType> operation_types;
};

enum class DefinitionKind : uint8_t { kOperation, kFragment, kType, kDirective, kSchema };

// One of a document's definitions: the one at `index` among those of its kind.
struct Definition {
  DefinitionKind kind = DefinitionKind::kOperation;
  uint32_t index = 0;
};

// A parsed document. Immutable; may be shared between threads.
class Document {
 public:
  explicit Document(std::string_view source)
      : source_(source), arena_(4 * source.size() + 512, &blocks_) {}
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  std::string_view source() const { return source_; }
  SourceLocation LocationOf(uint32_t offset) const { return LocationAt(source_, offset); }
  // Bytes of memory, source included.
  size_t size() const { return sizeof(Document) + source_.capacity() + blocks_.size(); }
  const Fragment* FindFragment(std::string_view name) const {
    for (const Fragment& fragment : fragments) {
      if (fragment.name.text == name) return &fragment;
    }
    return nullptr;
  }

  // In the order of the source; `definitions` are all of them.
  std::span<const Definition> definitions;
  std::span<const Operation> operations;
  std::span<const Fragment> fragments;
  std::span<const TypeDefinition> types;
  std::span<const DirectiveDefinition> directives;
  std::span<const SchemaDefinition> schemas;

  // Memory of the nodes. For the parser.
  std::pmr::memory_resource* arena() { return &arena_; }

 private:
  // Where the arena gets its blocks from.
  class Blocks final : public std::pmr::memory_resource {
   public:
    size_t size() const { return size_; }

   private:
    void* do_allocate(size_t bytes, size_t alignment) override {
      size_ += bytes;
      return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* block, size_t bytes, size_t alignment) override {
      size_ -= bytes;
      std::pmr::new_delete_resource()->deallocate(block, bytes, alignment);
    }
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
      return this == &other;
    }

    size_t size_ = 0;
  };

  const std::string source_;
  Blocks blocks_;
  std::pmr::monotonic_buffer_resource arena_;
};

}  // namespace fsubs::graphql
