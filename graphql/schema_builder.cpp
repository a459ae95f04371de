#include <algorithm>
#include <map>

#include "graphql/parser.hpp"
#include "graphql/prelude.hpp"
#include "graphql/schema.hpp"
#include "graphql/schema_implementation.hpp"
#include "graphql/suggest.hpp"
#include "graphql/type_list.hpp"

namespace fsubs::graphql {
namespace {

std::string Quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

bool IsReserved(std::string_view name) {
  return name.starts_with("__");
}

}  // namespace

class SchemaBuilder {
 public:
  SchemaResult Build(std::string_view sdl);

 private:
  void Declare(const Document& document, bool builtin);
  void Define(const Document& document);
  void DefineType(const TypeDefinition& definition, Type* type);
  void TakeOutMeta();
  std::optional<std::string_view> Argument(std::span<const Directive> directives,
                                           std::string_view directive, std::string_view argument);
  std::optional<std::string_view> DeprecationOf(std::span<const Directive> directives) {
    return Argument(directives, "deprecated", "reason");
  }
  void DefineRoots(const Document& document);
  void Check(const Document& document);

  const WrappedType* Wrap(const TypeRef& ref);
  const WrappedType* Keep(WrappedType type);
  InputValue DefineInput(const InputValueDefinition& definition, const std::string& where);
  std::vector<InputValue> DefineArguments(std::span<const InputValueDefinition> definitions,
                                          const std::string& where);
  template <typename Node>
  void Index(Type* type, const std::vector<Node>& nodes, std::string_view name, uint32_t offset,
             const char* what);
  Type* Find(std::string_view name) const;
  void ReportUnknownType(const Name& name);
  void CheckName(const Name& name);
  void Report(std::string message, std::initializer_list<uint32_t> offsets);

  std::shared_ptr<Schema> schema_ = std::make_shared<Schema>();
  const Document* document_ = nullptr;  // the one being read, for locations
  bool builtin_ = false;
  std::map<std::string_view, uint32_t> declared_at_;
  std::vector<Error> errors_;
};

void SchemaBuilder::Report(std::string message, std::initializer_list<uint32_t> offsets) {
  Error error{std::move(message), {}};
  for (uint32_t offset : offsets) error.locations.push_back(document_->LocationOf(offset));
  errors_.push_back(std::move(error));
}

Type* SchemaBuilder::Find(std::string_view name) const {
  const auto found = schema_->by_name_.find(name);
  return found == schema_->by_name_.end() ? nullptr : found->second;
}

void SchemaBuilder::ReportUnknownType(const Name& name) {
  std::vector<std::string_view> known;
  for (const auto& type : schema_->types_) known.push_back(type->name);
  Report("Unknown type " + Quoted(name.text) + "." + DidYouMean(Suggest(name.text, known)),
         {name.offset});
}

void SchemaBuilder::CheckName(const Name& name) {
  if (builtin_ || !IsReserved(name.text)) return;
  Report("Name " + Quoted(name.text) +
             " must not begin with \"__\", which is reserved by GraphQL introspection.",
         {name.offset});
}

void SchemaBuilder::Declare(const Document& document, bool builtin) {
  for (const TypeDefinition& definition : document.types) {
    if (definition.extension) continue;
    CheckName(definition.name);
    if (Type* const known = Find(definition.name.text)) {
      if (known->builtin) {
        Report("Type " + Quoted(definition.name.text) +
                   " is defined by GraphQL itself and cannot be redefined.",
               {definition.name.offset});
      } else {
        Report("There can be only one type named " + Quoted(definition.name.text) + ".",
               {declared_at_[definition.name.text], definition.name.offset});
      }
      continue;
    }
    auto type = std::make_unique<Type>();
    type->kind = definition.kind;
    type->builtin = builtin;
    type->name = definition.name.text;
    type->description = definition.description;
    declared_at_[type->name] = definition.name.offset;
    schema_->by_name_[type->name] = type.get();
    schema_->types_.push_back(std::move(type));
  }
}

const WrappedType* SchemaBuilder::Keep(WrappedType type) {
  schema_->wrapped_.push_back(std::make_unique<WrappedType>(type));
  return schema_->wrapped_.back().get();
}

// Returns null, and reports, if the named type is unknown.
const WrappedType* SchemaBuilder::Wrap(const TypeRef& ref) {
  if (ref.kind == TypeRefKind::kNamed) {
    const Type* const type = Find(ref.name.text);
    if (type == nullptr) {
      ReportUnknownType(ref.name);
      return nullptr;
    }
    return Keep({TypeRefKind::kNamed, type, nullptr});
  }
  const WrappedType* const of = Wrap(*ref.of);
  return of == nullptr ? nullptr : Keep({ref.kind, of->type, of});
}

InputValue SchemaBuilder::DefineInput(const InputValueDefinition& definition,
                                      const std::string& where) {
  CheckName(definition.name);
  InputValue input;
  input.name = definition.name.text;
  input.description = definition.description;
  input.default_value = definition.default_value;
  input.deprecated = DeprecationOf(definition.directives);
  input.type = Wrap(*definition.type);
  if (input.type != nullptr && !input.type->type->is_input()) {
    Report("The type of " + where + " must be Input Type but got: " + ToString(*input.type) + ".",
           {definition.type->offset});
  }
  return input;
}

std::vector<InputValue> SchemaBuilder::DefineArguments(
    std::span<const InputValueDefinition> definitions, const std::string& where) {
  std::vector<InputValue> arguments;
  for (const InputValueDefinition& definition : definitions) {
    const std::string argument = where + "(" + std::string(definition.name.text) + ":)";
    for (const InputValue& earlier : arguments) {
      if (earlier.name == definition.name.text) {
        Report("Argument " + Quoted(argument) + " can only be defined once.",
               {definition.name.offset});
      }
    }
    arguments.push_back(DefineInput(definition, argument));
  }
  return arguments;
}

template <typename Node>
void SchemaBuilder::Index(Type* type, const std::vector<Node>& nodes, std::string_view name,
                          uint32_t offset, const char* what) {
  if (!type->index.emplace(name, nodes.size() - 1).second) {
    Report(std::string(what) + " \"" + std::string(type->name) + "." + std::string(name) +
               "\" can only be defined once.",
           {offset});
  }
}

// The value of a directive's argument, a string, or its default; nothing if the directive is not
// there.
std::optional<std::string_view> SchemaBuilder::Argument(std::span<const Directive> directives,
                                                        std::string_view directive,
                                                        std::string_view argument) {
  for (const Directive& applied : directives) {
    if (applied.name.text != directive) continue;
    const auto text_of = [](const Value* value) -> std::optional<std::string_view> {
      if (value == nullptr || value->kind != ValueKind::kString) return std::nullopt;
      return value->text;
    };
    for (const graphql::Argument& given : applied.arguments) {
      if (given.name.text == argument) return text_of(given.value);
    }
    const DirectiveType* const type = schema_->FindDirective(directive);
    const InputValue* const input = type != nullptr ? type->FindArgument(argument) : nullptr;
    return input != nullptr ? text_of(input->default_value) : std::nullopt;
  }
  return std::nullopt;
}

// __Meta is kept apart from the types that clients can name.
void SchemaBuilder::TakeOutMeta() {
  const auto at = std::find_if(schema_->types_.begin(), schema_->types_.end(),
                               [](const auto& type) { return type->name == "__Meta"; });
  schema_->by_name_.erase((*at)->name);
  schema_->meta_ = std::move(*at);
  schema_->types_.erase(at);
}

void SchemaBuilder::DefineType(const TypeDefinition& definition, Type* type) {
  if (const auto url = Argument(definition.directives, "specifiedBy", "url")) {
    type->specified_by = url;
  }
  for (const Name& name : definition.interfaces) {
    const Type* const interface = Find(name.text);
    if (interface == nullptr) {
      ReportUnknownType(name);
    } else if (interface->kind != TypeKind::kInterface) {
      Report("Type " + std::string(type->name) +
                 " must only implement Interface types, it cannot implement " +
                 std::string(name.text) + ".",
             {name.offset});
    } else if (std::find(type->interfaces.begin(), type->interfaces.end(), interface) !=
               type->interfaces.end()) {
      Report("Type " + std::string(type->name) + " can only implement " + std::string(name.text) +
                 " once.",
             {name.offset});
    } else {
      type->interfaces.push_back(interface);
      if (type->kind == TypeKind::kObject) Find(name.text)->possible.push_back(type);
    }
  }
  for (const FieldDefinition& node : definition.fields) {
    CheckName(node.name);
    const std::string where = std::string(type->name) + "." + std::string(node.name.text);
    Field field;
    field.name = node.name.text;
    field.description = node.description;
    field.deprecated = DeprecationOf(node.directives);
    field.arguments = DefineArguments(node.arguments, where);
    field.type = Wrap(*node.type);
    if (field.type != nullptr && !field.type->type->is_output()) {
      Report(
          "The type of " + where + " must be Output Type but got: " + ToString(*field.type) + ".",
          {node.type->offset});
    }
    type->fields.push_back(std::move(field));
    Index(type, type->fields, node.name.text, node.name.offset, "Field");
  }
  for (const InputValueDefinition& node : definition.input_fields) {
    type->input_fields.push_back(
        DefineInput(node, std::string(type->name) + "." + std::string(node.name.text)));
    Index(type, type->input_fields, node.name.text, node.name.offset, "Field");
  }
  for (const EnumValueDefinition& node : definition.values) {
    CheckName(node.name);
    type->values.push_back({node.name.text, node.description, DeprecationOf(node.directives)});
    Index(type, type->values, node.name.text, node.name.offset, "Enum value");
  }
  for (const Name& name : definition.members) {
    const Type* const member = Find(name.text);
    if (member == nullptr) {
      ReportUnknownType(name);
    } else if (member->kind != TypeKind::kObject) {
      Report("Union type " + std::string(type->name) +
                 " can only include Object types, it cannot include " + std::string(name.text) +
                 ".",
             {name.offset});
    } else if (type->Includes(member)) {
      Report("Union type " + std::string(type->name) + " can only include type " +
                 std::string(name.text) + " once.",
             {name.offset});
    } else {
      type->possible.push_back(member);
    }
  }
}

void SchemaBuilder::Define(const Document& document) {
  for (const TypeDefinition& definition : document.types) {
    Type* const type = Find(definition.name.text);
    if (type == nullptr) {
      Report("Cannot extend type " + Quoted(definition.name.text) + " because it is not defined.",
             {definition.name.offset});
    } else if (type->kind != definition.kind || (type->builtin && !builtin_)) {
      // A redefinition was reported where it was declared.
      if (definition.extension) {
        Report("Cannot extend type " + Quoted(definition.name.text) + " as another kind of type.",
               {definition.name.offset});
      }
    } else if (definition.extension || declared_at_[type->name] == definition.name.offset) {
      DefineType(definition, type);
    }
  }
  for (const DirectiveDefinition& definition : document.directives) {
    CheckName(definition.name);
    if (schema_->FindDirective(definition.name.text) != nullptr) {
      Report(
          "There can be only one directive named \"@" + std::string(definition.name.text) + "\".",
          {definition.name.offset});
      continue;
    }
    DirectiveType directive;
    directive.name = definition.name.text;
    directive.builtin = builtin_;
    directive.description = definition.description;
    directive.repeatable = definition.repeatable;
    directive.arguments =
        DefineArguments(definition.arguments, "@" + std::string(definition.name.text));
    for (const Name& location : definition.locations) directive.locations.push_back(location.text);
    schema_->directives_.push_back(std::move(directive));
  }
}

void SchemaBuilder::DefineRoots(const Document& document) {
  constexpr std::string_view kNames[] = {"Query", "Mutation", "Subscription"};
  bool explicit_schema = false;
  for (const SchemaDefinition& definition : document.schemas) {
    explicit_schema = explicit_schema || !definition.extension;
    if (!definition.description.empty()) schema_->description_ = definition.description;
    for (const RootOperationType& root : definition.operation_types) {
      const Type* const type = Find(root.type.text);
      if (type == nullptr) {
        ReportUnknownType(root.type);
      } else {
        schema_->roots_[static_cast<size_t>(root.kind)] = type;
      }
    }
  }
  for (size_t i = 0; i < 3; ++i) {
    if (!explicit_schema && schema_->roots_[i] == nullptr) schema_->roots_[i] = Find(kNames[i]);
    const Type* const type = schema_->roots_[i];
    if (type != nullptr && type->kind != TypeKind::kObject) {
      Report(std::string(kNames[i]) + " root type must be Object type, it cannot be " +
                 std::string(type->name) + ".",
             {});
      schema_->roots_[i] = nullptr;
    }
  }
}

void SchemaBuilder::Check(const Document& document) {
  for (const TypeDefinition& definition : document.types) {
    const Type* const type = Find(definition.name.text);
    if (type == nullptr || definition.extension || type->builtin) continue;
    const std::string name(type->name);
    switch (type->kind) {
      case TypeKind::kScalar:
        break;
      case TypeKind::kObject:
      case TypeKind::kInterface:
        if (type->fields.empty()) {
          Report("Type " + name + " must define one or more fields.", {definition.name.offset});
        }
        for (std::string& problem : CheckImplementations(*type)) {
          Report(std::move(problem), {definition.name.offset});
        }
        break;
      case TypeKind::kUnion:
        if (type->possible.empty()) {
          Report("Union type " + name + " must define one or more member types.",
                 {definition.name.offset});
        }
        break;
      case TypeKind::kEnum:
        if (type->values.empty()) {
          Report("Enum type " + name + " must define one or more values.",
                 {definition.name.offset});
        }
        break;
      case TypeKind::kInputObject:
        if (type->input_fields.empty()) {
          Report("Input Object type " + name + " must define one or more fields.",
                 {definition.name.offset});
        }
        break;
    }
  }
}

SchemaResult SchemaBuilder::Build(std::string_view sdl) {
  const ParseResult prelude = ParseDocument(kPrelude, kSdlLimits);
  const ParseResult given = ParseDocument(sdl, kSdlLimits);
  if (given.error) return {nullptr, {*given.error}};
  schema_->sources_ = {prelude.document, given.document};

  builtin_ = true;
  document_ = prelude.document.get();
  Declare(*prelude.document, true);
  Define(*prelude.document);
  TakeOutMeta();

  builtin_ = false;
  document_ = given.document.get();
  if (!document_->operations.empty()) {
    Report("An operation is not a type definition.", {document_->operations.front().offset});
  }
  if (!document_->fragments.empty()) {
    Report("A fragment is not a type definition.", {document_->fragments.front().offset});
  }
  Declare(*given.document, false);
  Define(*given.document);
  DefineRoots(*given.document);
  if (errors_.empty()) Check(*given.document);
  if (!errors_.empty()) return {nullptr, std::move(errors_)};
  schema_->listed_types_ = ListTypes(*schema_);
  return {std::move(schema_), {}};
}

SchemaResult BuildSchema(std::string_view sdl) {
  return SchemaBuilder().Build(sdl);
}

}  // namespace fsubs::graphql
