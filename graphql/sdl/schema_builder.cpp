#include "graphql/sdl/schema_builder.hpp"

#include <algorithm>
#include <unordered_map>

#include "graphql/language/parser.hpp"
#include "graphql/schema/default_value.hpp"
#include "graphql/schema/type_list.hpp"
#include "graphql/sdl/prelude.hpp"
#include "graphql/sdl/schema_rules.hpp"
#include "graphql/sdl/sdl_rules.hpp"

namespace fsubs::graphql {
namespace {

// The string that `argument` of a directive is given, or `fallback` if it is left out. Nothing if
// the directive is not there or the argument null.
std::optional<std::string_view> DirectiveText(std::span<const Directive> directives,
                                              std::string_view name, std::string_view argument,
                                              std::string_view fallback) {
  for (const Directive& directive : directives) {
    if (directive.name.text != name) continue;
    for (const Argument& given : directive.arguments) {
      if (given.name.text != argument) continue;
      if (given.value->kind != ValueKind::kString) return std::nullopt;
      return given.value->text;
    }
    return fallback;
  }
  return std::nullopt;
}

// What fields, arguments and values have in common.
template <typename Node, typename Definition>
void Describe(const Definition& definition, Node* node) {
  node->name = definition.name.text;
  node->description = definition.description;
  node->deprecated =
      DirectiveText(definition.directives, "deprecated", "reason", "No longer supported");
  node->node = &definition;
}

void PrintDefaults(std::span<InputValue> inputs) {
  for (InputValue& input : inputs) {
    if (input.default_value == nullptr) continue;
    input.default_text = PrintDefault(*input.default_value, *input.type);
  }
}

void Number(std::span<InputValue> inputs, ElementId* last) {
  for (InputValue& input : inputs) input.id = ++*last;
}

void PrintDefaults(std::span<Field> fields) {
  for (Field& field : fields) PrintDefaults(field.arguments);
}

}  // namespace

void SchemaBuilder::Declare(const Document& document, bool builtin) {
  for (const TypeDefinition& definition : document.types) {
    checkpoint_();
    if (definition.extension) continue;
    auto type = std::make_unique<Type>();
    type->kind = definition.kind;
    type->builtin = builtin;
    type->name = definition.name.text;
    type->description = definition.description;
    schema_->by_name_[type->name] = type.get();
    schema_->types_.push_back(std::move(type));
  }
}

// A type's definition comes before its extensions, wherever they stand.
void SchemaBuilder::Define(const Document& document, bool builtin) {
  for (const DirectiveDefinition& directive : document.directives) {
    DefineDirective(directive, builtin);
  }
  for (const bool extension : {false, true}) {
    for (const TypeDefinition& type : document.types) {
      if (type.extension != extension) continue;
      checkpoint_();
      DefineType(type, Find(type.name.text));
    }
  }
}

const WrappedType* SchemaBuilder::Wrap(const TypeRef& ref) {
  auto wrapped = std::make_unique<WrappedType>();
  wrapped->kind = ref.kind;
  if (ref.kind == TypeRefKind::kNamed) {
    wrapped->type = Find(ref.name.text);
  } else {
    wrapped->of = Wrap(*ref.of);
    wrapped->type = wrapped->of->type;
  }
  schema_->wrapped_.push_back(std::move(wrapped));
  return schema_->wrapped_.back().get();
}

InputValue SchemaBuilder::DefineInput(const InputValueDefinition& definition) {
  InputValue input;
  Describe(definition, &input);
  input.default_value = definition.default_value;
  input.type = Wrap(*definition.type);
  return input;
}

std::vector<InputValue> SchemaBuilder::DefineInputs(
    std::span<const InputValueDefinition> definitions) {
  std::vector<InputValue> inputs;
  for (const InputValueDefinition& node : definitions) inputs.push_back(DefineInput(node));
  return inputs;
}

void SchemaBuilder::DefineType(const TypeDefinition& definition, Type* type) {
  type->nodes.push_back(&definition);
  const auto url = DirectiveText(definition.directives, "specifiedBy", "url", "");
  if (url) type->specified_by = url;
  for (const Name& name : definition.interfaces) type->interfaces.push_back(Find(name.text));
  for (const FieldDefinition& node : definition.fields) {
    Field field;
    Describe(node, &field);
    field.arguments = DefineInputs(node.arguments);
    field.type = Wrap(*node.type);
    type->index.emplace(field.name, type->fields.size());
    type->fields.push_back(std::move(field));
  }
  for (const InputValueDefinition& node : definition.input_fields) {
    type->index.emplace(node.name.text, type->input_fields.size());
    type->input_fields.push_back(DefineInput(node));
  }
  for (const EnumValueDefinition& node : definition.values) {
    EnumValue value;
    Describe(node, &value);
    type->index.emplace(value.name, type->values.size());
    type->values.push_back(value);
  }
  for (const Name& name : definition.members) type->possible.push_back(Find(name.text));
}

// One that is defined takes the place of the specification's.
void SchemaBuilder::DefineDirective(const DirectiveDefinition& definition, bool builtin) {
  if (builtin && schema_->FindDirective(definition.name.text) != nullptr) return;
  DirectiveType directive;
  directive.name = definition.name.text;
  directive.description = definition.description;
  directive.builtin = builtin;
  directive.repeatable = definition.repeatable;
  directive.arguments = DefineInputs(definition.arguments);
  for (const Name& location : definition.locations) directive.locations.push_back(location.text);
  directive.node = &definition;
  schema_->directives_.push_back(std::move(directive));
}

void SchemaBuilder::DefineRoots(const Document& document) {
  constexpr std::string_view kNames[] = {"Query", "Mutation", "Subscription"};
  bool defined = false;
  for (const SchemaDefinition& definition : document.schemas) {
    if (!definition.extension) {
      defined = true;
      schema_->description_ = definition.description;
    }
    for (const RootOperationType& root : definition.operation_types) {
      schema_->roots_[static_cast<size_t>(root.kind)] = Find(root.type.text);
    }
  }
  if (defined) return;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    const Type* const type = schema_->FindType(kNames[i]);
    if (type != nullptr) schema_->roots_[i] = type;
  }
}

void SchemaBuilder::LinkPossibleTypes(size_t first_type) {
  for (const auto& type : std::span(schema_->types_).subspan(first_type)) {
    if (type->kind != TypeKind::kObject) continue;
    for (const Type* interface : type->interfaces) {
      Type* const owner = Find(interface->name);
      if (owner->kind == TypeKind::kInterface) owner->possible.push_back(type.get());
    }
  }
}

std::vector<Error> SchemaBuilder::Build(std::string_view sdl) {
  const ParseResult prelude = ParseDocument(kPrelude, SdlLimits());
  const ParseResult given = ParseDocument(sdl, SdlLimits(checkpoint_));
  if (given.error) return {*given.error};
  const ParseResult meta = ParseDocument(kMetaFields, SdlLimits());
  schema_->sources_ = {prelude.document, meta.document, given.document};
  SdlErrors errors(*given.document, checkpoint_);
  // Once it has found nothing, every name is known.
  CheckSdl({.prelude = prelude.document.get()}, &errors);
  if (!errors.empty()) return errors.Take();

  Declare(*given.document, false);
  Declare(*prelude.document, true);
  Define(*given.document, false);
  Define(*prelude.document, true);
  DefineRoots(*given.document);
  schema_->meta_.kind = TypeKind::kObject;
  DefineType(meta.document->types.front(), &schema_->meta_);
  LinkPossibleTypes(0);
  for (const auto& type : schema_->types_) {
    checkpoint_();
    PrintDefaults(type->fields);
    PrintDefaults(type->input_fields);
  }
  for (DirectiveType& directive : schema_->directives_) PrintDefaults(directive.arguments);
  CheckSchema(*schema_, {.types = schema_->types_, .directives = schema_->directives_}, &errors);
  return errors.Take();
}

// What Extend adds, so that it can be taken away again.
class SchemaBuilder::Addition {
 public:
  Addition(Schema* schema, Type* extended)
      : schema_(schema),
        extended_(extended),
        types_(schema->types_.size()),
        wrapped_(schema->wrapped_.size()),
        fields_(extended == nullptr ? 0 : extended->fields.size()) {
    std::copy(std::begin(schema->roots_), std::end(schema->roots_), roots_);
  }

  size_t first_type() const { return types_; }
  std::span<const std::unique_ptr<Type>> types() const {
    return std::span(schema_->types_).subspan(types_);
  }
  std::span<Field> fields() const {
    if (extended_ == nullptr) return {};
    return std::span(extended_->fields).subspan(fields_);
  }

  void Undo() {
    std::copy(std::begin(roots_), std::end(roots_), schema_->roots_);
    for (size_t i = schema_->types_.size(); i-- > types_;) {
      const Type* const type = schema_->types_[i].get();
      for (const Type* interface : type->interfaces) {
        std::vector<const Type*>& possible = schema_->by_name_.at(interface->name)->possible;
        while (!possible.empty() && possible.back() == type) possible.pop_back();
      }
    }
    for (const auto& type : types()) schema_->by_name_.erase(type->name);
    for (const Field& field : fields()) extended_->index.erase(field.name);
    if (extended_ != nullptr) {
      extended_->nodes.pop_back();
      extended_->fields.resize(fields_);
    }
    schema_->types_.resize(types_);
    schema_->wrapped_.resize(wrapped_);
    schema_->sources_.pop_back();
  }

 private:
  Schema* const schema_;
  Type* const extended_;
  const size_t types_;
  const size_t wrapped_;
  const size_t fields_;
  const Type* roots_[3];
};

std::vector<Error> SchemaBuilder::Extend(std::string_view sdl) {
  const ParseResult given = ParseDocument(sdl, SdlLimits(checkpoint_));
  if (given.error) return {*given.error};
  SdlErrors errors(*given.document, checkpoint_);
  CheckSdl({.base = schema_.get()}, &errors);
  if (!errors.empty()) return errors.Take();

  Type* extended = nullptr;
  for (const TypeDefinition& type : given.document->types) {
    if (type.extension) extended = Find(type.name.text);
  }
  Addition addition(schema_.get(), extended);
  schema_->sources_.push_back(given.document);
  Declare(*given.document, false);
  Define(*given.document, false);
  DefineRoots(*given.document);
  LinkPossibleTypes(addition.first_type());
  for (const auto& type : addition.types()) {
    PrintDefaults(type->fields);
    PrintDefaults(type->input_fields);
  }
  PrintDefaults(addition.fields());
  CheckSchema(*schema_,
              {.types = addition.types(), .extended = extended, .fields = addition.fields()},
              &errors);
  if (!errors.empty()) addition.Undo();
  return errors.Take();
}

void SchemaBuilder::NumberElements() {
  ElementId last = 0;
  for (const auto& type : schema_->types_) {
    type->id = ++last;
    for (Field& field : type->fields) {
      field.id = ++last;
      Number(field.arguments, &last);
    }
    Number(type->input_fields, &last);
    for (EnumValue& value : type->values) value.id = ++last;
  }
  for (DirectiveType& directive : schema_->directives_) {
    directive.id = ++last;
    Number(directive.arguments, &last);
  }
  schema_->element_count_ = last + 1;
}

std::shared_ptr<const Schema> SchemaBuilder::Take() {
  std::unordered_map<const Type*, size_t> places;
  for (const Type* type : ListTypes(*schema_)) places.emplace(type, places.size());
  auto& types = schema_->types_;
  std::erase_if(types, [&](const auto& type) {
    if (places.contains(type.get())) return false;
    schema_->by_name_.erase(type->name);
    return true;
  });
  std::sort(types.begin(), types.end(),
            [&](const auto& a, const auto& b) { return places[a.get()] < places[b.get()]; });
  NumberElements();
  return std::move(schema_);
}

SchemaResult BuildSchema(std::string_view sdl, Checkpoint checkpoint) {
  SchemaBuilder builder(checkpoint);
  std::vector<Error> errors = builder.Build(sdl);
  if (!errors.empty()) return {nullptr, std::move(errors)};
  return {builder.Take(), {}};
}

}  // namespace fsubs::graphql
