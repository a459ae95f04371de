// Names of types and their parts, and extensions (specification, sections 3.3 to 3.13).
#include <map>
#include <unordered_map>
#include <utility>

#include "graphql/language/suggest.hpp"
#include "graphql/sdl/sdl_rules.hpp"

namespace fsubs::graphql {
namespace {

class NameRules {
 public:
  NameRules(const KnownNames& known, SdlErrors* errors)
      : document_(errors->document()), base_(known.base), errors_(errors) {
    if (known.prelude != nullptr) {
      for (const TypeDefinition& type : known.prelude->types) {
        builtin_.emplace(type.name.text, &type);
      }
    }
    for (const TypeDefinition& type : document_.types) {
      if (!type.extension) defined_[type.name.text] = &type;
    }
  }

  void Check() {
    CheckExecutable();
    CheckSchemas();
    for (const TypeDefinition& type : document_.types) {
      errors_->Pass();
      if (type.extension) {
        CheckExtension(type);
      } else {
        CheckTypeName(type);
      }
      CheckParts(type);
      CheckTypesOf(type);
    }
    for (const DirectiveDefinition& directive : document_.directives) {
      const Name& name = directive.name;
      errors_->Pass();
      Once(&directives_, name.text, name.offset, [&] {
        return "There can be only one directive named \"@" + std::string(name.text) + "\".";
      });
      CheckArguments("@" + std::string(name.text), directive.arguments);
      for (const InputValueDefinition& argument : directive.arguments) CheckType(*argument.type);
    }
  }

 private:
  template <typename Offsets, typename Key, typename Message>  // std::string message()
  void Once(Offsets* seen, const Key& key, uint32_t offset, const Message& message) {
    const auto [known, added] = seen->emplace(key, offset);
    if (!added) errors_->Report(message(), {known->second, offset});
  }

  void CheckExecutable() {
    for (const Operation& operation : document_.operations) {
      errors_->Report("An operation is not a type definition.", {operation.offset});
    }
    for (const Fragment& fragment : document_.fragments) {
      errors_->Report("A fragment is not a type definition.", {fragment.offset});
    }
  }

  void CheckSchemas() {
    constexpr std::string_view kKinds[] = {"query", "mutation", "subscription"};
    std::map<OperationKind, uint32_t> roots;
    bool defined = false;
    for (const SchemaDefinition& schema : document_.schemas) {
      if (!schema.extension && defined) {
        errors_->Report("Must provide only one schema definition.", {schema.offset});
      }
      defined = defined || !schema.extension;
      for (const RootOperationType& root : schema.operation_types) {
        const std::string_view kind = kKinds[static_cast<size_t>(root.kind)];
        Once(&roots, root.kind, root.offset,
             [&] { return "There can be only one " + std::string(kind) + " type in schema."; });
        CheckTypeNamed(root.type);
      }
    }
  }

  // graphql-js ignores the definition of a type that it knows itself.
  void CheckTypeName(const TypeDefinition& type) {
    const Name& name = type.name;
    if (builtin_.contains(name.text)) {
      errors_->Report(
          "Type " + Quoted(name.text) + " is defined by GraphQL itself and cannot be redefined.",
          {name.offset});
    }
    const auto message = [&] {
      return "There can be only one type named " + Quoted(name.text) + ".";
    };
    Once(&types_, name.text, name.offset, message);
    if (InBase(name.text) != nullptr) errors_->Report(message(), {name.offset});
  }

  void CheckExtension(const TypeDefinition& extension) {
    constexpr std::string_view kKinds[] = {"scalar", "object", "interface",
                                           "union",  "enum",   "input object"};
    const Name& name = extension.name;
    const auto defined = defined_.find(name.text);
    const Type* const in_base = InBase(name.text);
    if (in_base != nullptr) {
      if (in_base->kind == extension.kind) return;
      const std::string_view kind = kKinds[static_cast<size_t>(extension.kind)];
      errors_->Report("Cannot extend non-" + std::string(kind) + " type " + Quoted(name.text) + ".",
                      {extension.offset});
    } else if (defined == defined_.end()) {
      if (errors_->full()) return;
      std::vector<std::string_view> names;
      for (const auto& [known, type] : defined_) names.push_back(known);
      errors_->Report("Cannot extend type " + Quoted(name.text) + " because it is not defined." +
                          DidYouMean(Suggest(name.text, names)),
                      {name.offset});
    } else if (defined->second->kind != extension.kind) {
      const std::string_view kind = kKinds[static_cast<size_t>(extension.kind)];
      errors_->Report("Cannot extend non-" + std::string(kind) + " type " + Quoted(name.text) + ".",
                      {defined->second->offset, extension.offset});
    }
  }

  // A type's fields and values are named once, counting its extensions.
  void CheckParts(const TypeDefinition& type) {
    const Type* const in_base = InBase(type.name.text);
    Parts& parts = parts_[type.name.text];
    const auto part = [&](const char* what, const Name& name) {
      const auto message = [&] {
        return std::string(what) + " \"" + std::string(type.name.text) + "." +
               std::string(name.text) + "\" can only be defined once.";
      };
      Once(&parts, std::pair(what[0], name.text), name.offset, message);
      if (in_base != nullptr && in_base->index.contains(name.text)) {
        errors_->Report(message(), {name.offset});
      }
    };
    for (const FieldDefinition& field : type.fields) {
      part("Field", field.name);
      if (field.arguments.empty()) continue;
      CheckArguments(std::string(type.name.text) + "." + std::string(field.name.text),
                     field.arguments);
    }
    for (const InputValueDefinition& field : type.input_fields) part("Field", field.name);
    for (const EnumValueDefinition& value : type.values) part("Enum value", value.name);
  }

  void CheckArguments(const std::string& owner, std::span<const InputValueDefinition> arguments) {
    std::map<std::string_view, std::vector<uint32_t>> offsets;
    for (const InputValueDefinition& argument : arguments) {
      offsets[argument.name.text].push_back(argument.name.offset);
    }
    for (const auto& [name, places] : offsets) {
      if (places.size() == 1) continue;
      errors_->Report(
          "Argument \"" + owner + "(" + std::string(name) + ":)\" can only be defined once.",
          places);
    }
  }

  void CheckTypesOf(const TypeDefinition& type) {
    for (const Name& name : type.interfaces) CheckTypeNamed(name);
    for (const Name& name : type.members) CheckTypeNamed(name);
    for (const FieldDefinition& field : type.fields) {
      CheckType(*field.type);
      for (const InputValueDefinition& argument : field.arguments) CheckType(*argument.type);
    }
    for (const InputValueDefinition& field : type.input_fields) CheckType(*field.type);
  }

  void CheckType(const TypeRef& type) {
    const TypeRef* named = &type;
    while (named->of != nullptr) named = named->of;
    CheckTypeNamed(named->name);
  }

  void CheckTypeNamed(const Name& name) {
    if (builtin_.contains(name.text) || defined_.contains(name.text)) return;
    if (InBase(name.text) != nullptr || errors_->full()) return;
    errors_->Pass();
    std::vector<std::string_view> names;
    for (const auto& [known, type] : builtin_) names.push_back(known);
    for (const auto& [known, type] : defined_) names.push_back(known);
    errors_->Report(
        "Unknown type " + Quoted(name.text) + "." + DidYouMean(Suggest(name.text, names)),
        {name.offset});
  }

  const Type* InBase(std::string_view type) const {
    return base_ == nullptr ? nullptr : base_->FindType(type);
  }

  struct PartHash {
    size_t operator()(const std::pair<char, std::string_view>& part) const {
      return std::hash<std::string_view>()(part.second);
    }
  };
  // Fields or values: what they are, and their name.
  using Parts = std::unordered_map<std::pair<char, std::string_view>, uint32_t, PartHash>;

  const Document& document_;
  const Schema* const base_;
  SdlErrors* const errors_;
  std::unordered_map<std::string_view, const TypeDefinition*> builtin_;
  std::unordered_map<std::string_view, const TypeDefinition*> defined_;
  std::unordered_map<std::string_view, uint32_t> types_;
  std::unordered_map<std::string_view, uint32_t> directives_;
  std::unordered_map<std::string_view, Parts> parts_;  // by type
};

}  // namespace

void CheckSdlNames(const KnownNames& known, SdlErrors* errors) {
  NameRules(known, errors).Check();
}

}  // namespace fsubs::graphql
