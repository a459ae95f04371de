// Any bytes as registered SDL: split and built without a crash, alone and composed.
#include "graphql/language/parser.hpp"
#include "graphql/language/print.hpp"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::optional<Error> error;
  (void)SplitDefinitions(text, &error);
  for (const std::string& sdl : {std::string(text), ComposeSchema(text, {})}) {
    const SchemaResult result = BuildSchema(sdl);
    if (result.schema) CheckBuilt(*result.schema);
    if (!result.schema && result.errors.empty()) __builtin_trap();
  }
  const FieldParseResult field = ParseFieldDefinition(text);
  // What is printed says the same as what was parsed.
  if (field.field != nullptr && ParseFieldDefinition(Print(*field.field)).error) __builtin_trap();
  return 0;
}
