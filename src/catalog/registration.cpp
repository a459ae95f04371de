// The C functions behind fraiseql_register_…, which are SQL. They pass SQL values to the checks of
// schema_check.hpp.
#include "src/base/pg_compat.hpp"

#include "src/base/pg_boundary.hpp"
#include "src/base/sql_text.hpp"
#include "src/catalog/schema_check.hpp"

FSUBS_FUNCTION(fsubs_split_types) {
  using namespace fsubs;
  const std::string_view sdl = Utf8Argument(fcinfo, 0);
  auto* const definitions = NewInContext<std::vector<graphql::NamedDefinition>>();
  RunGuarded([=] { *definitions = SplitTypes(sdl); });

  InitMaterializedSRF(fcinfo, 0);
  ReturnSetInfo* const result = reinterpret_cast<ReturnSetInfo*>(fcinfo->resultinfo);
  for (const graphql::NamedDefinition& definition : *definitions) {
    CHECK_FOR_INTERRUPTS();
    Datum values[] = {TextFromUtf8(definition.name), TextFromUtf8(definition.text)};
    bool nulls[lengthof(values)] = {};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  return static_cast<Datum>(0);
}

FSUBS_FUNCTION(fsubs_field_name) {
  using namespace fsubs;
  const std::string_view sdl = Utf8Argument(fcinfo, 0);
  auto* const name = NewInContext<std::string>();
  RunGuarded([=] { *name = FieldName(sdl); });
  return TextFromUtf8(*name);
}

FSUBS_FUNCTION(fsubs_compose_schema) {
  using namespace fsubs;
  const std::string_view definitions = Utf8Argument(fcinfo, 0);
  const std::span<const std::string_view> fields = TextsArgument(fcinfo, 1);
  auto* const sdl = NewInContext<std::string>();
  RunGuarded([=] { *sdl = graphql::ComposeSchema(definitions, fields, ThrowIfInterrupted); });
  return TextFromUtf8(*sdl);
}

FSUBS_FUNCTION(fsubs_is_restricted) {
  (void)fcinfo;
  return BoolGetDatum(InSecurityRestrictedOperation());
}
