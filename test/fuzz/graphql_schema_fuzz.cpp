// Any bytes as registered SDL: split and built without a crash, alone and composed.
#include "graphql/language/parser.hpp"
#include "graphql/language/print.hpp"
#include "graphql/schema/visibility.hpp"
#include "graphql/sdl/compose.hpp"
#include "graphql/sdl/schema_builder.hpp"

using namespace fsubs::graphql;

namespace {

// A default value as introspection prints it can be read back.
void CheckDefault(const InputValue& input) {
  if (!input.default_text) return;
  if (ParseFieldDefinition("f(a: A = " + *input.default_text + "): A").error) __builtin_trap();
}

void CheckBuilt(const Schema& schema) {
  for (const auto& type : schema.types()) {
    if (schema.FindType(type->name) != type.get()) __builtin_trap();
    for (const Field& field : type->fields) {
      for (const InputValue& argument : field.arguments) CheckDefault(argument);
    }
    for (const InputValue& field : type->input_fields) CheckDefault(field);
  }
}

void Expect(bool holds) {
  if (!holds) __builtin_trap();
}

// Whatever is hidden of a schema, the rest refers to nothing hidden.
void CheckVisibility(const Schema& schema, size_t step) {
  std::vector<std::pair<ElementId, HidingReason>> hidden;
  const Type* const query = schema.Root(OperationKind::kQuery);
  for (const auto& type : schema.types()) {
    if (type->builtin || type.get() == query) continue;
    if (type->id % step == 0) hidden.emplace_back(type->id, 1);
    for (const Field& field : type->fields) {
      if (field.id % step == 1) hidden.emplace_back(field.id, 0);
    }
    for (const InputValue& field : type->input_fields) {
      if (field.id % step == 1) hidden.emplace_back(field.id, 0);
    }
  }
  const Visibility seen = VisibilityRules(schema, {}).Hide(hidden);
  for (const auto& [id, reason] : hidden) Expect(!seen.Shows(Field{.id = id}));
  const auto expect_inputs = [&](const std::vector<InputValue>& inputs, bool owner) {
    for (const InputValue& input : inputs) {
      if (owner && seen.Shows(input)) Expect(seen.Shows(*input.type->type));
      if (owner && !seen.Shows(input)) Expect(!input.required());
    }
  };
  for (const auto& type : schema.types()) {
    if (!seen.Shows(*type)) continue;
    expect_inputs(type->input_fields, true);
    for (const Field& field : type->fields) {
      if (seen.Shows(field)) Expect(seen.Shows(*field.type->type));
      expect_inputs(field.arguments, seen.Shows(field));
    }
    for (const Type* interface : type->interfaces) {
      for (const Field& field : interface->fields) {
        const Field* const own = type->FindField(field.name);
        if (seen.Shows(*interface) && seen.Shows(field)) Expect(seen.Shows(*own));
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::optional<Error> error;
  (void)SplitDefinitions(text, &error);
  for (const std::string& sdl : {std::string(text), ComposeSchema(text, {})}) {
    const SchemaResult result = BuildSchema(sdl);
    if (result.schema) {
      CheckBuilt(*result.schema);
      for (const size_t step : {2, 3, 7}) CheckVisibility(*result.schema, step);
    }
    if (!result.schema && result.errors.empty()) __builtin_trap();
  }
  const FieldParseResult field = ParseFieldDefinition(text);
  // What is printed says the same as what was parsed.
  if (field.field != nullptr && ParseFieldDefinition(Print(*field.field)).error) __builtin_trap();
  return 0;
}
