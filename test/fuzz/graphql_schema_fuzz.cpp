// Any bytes as registered SDL: split and built without a crash.
#include "graphql/compose.hpp"
#include "graphql/parser.hpp"
#include "graphql/print.hpp"

using namespace fsubs::graphql;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::optional<Error> error;
  (void)SplitDefinitions(text, &error);
  (void)BuildSchema(text);
  const FieldParseResult field = ParseFieldDefinition(text);
  // What is printed says the same as what was parsed.
  if (field.field != nullptr && ParseFieldDefinition(Print(*field.field)).error) __builtin_trap();
  return 0;
}
