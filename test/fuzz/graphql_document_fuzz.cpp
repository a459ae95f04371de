// Any bytes as a client's document: parsed and validated without a crash, in bounded time.
#include "graphql/language/parser.hpp"
#include "graphql/sdl/schema_builder.hpp"
#include "graphql/validation/validate.hpp"

using namespace fsubs::graphql;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const SchemaResult schema = BuildSchema(
      "type Query { a: Int q(i: Int!, f: F): Query } "
      "type Subscription { o(id: ID, f: F, l: [[Int!]]): O p: P u: U } "
      "type O implements P { id: ID! o: O list: [O!]! e(x: E = A): E u: U } "
      "type A implements P { id: ID! e: Int u: Query } "
      "interface P { id: ID! } union U = O | A enum E { A B } scalar S "
      "input F { a: Int! f: F l: [F!] s: S } "
      "directive @d(s: String, f: F) repeatable on FIELD | FRAGMENT_SPREAD | VARIABLE_DEFINITION");
  const ParseResult parsed = ParseDocument({reinterpret_cast<const char*>(data), size},
                                           {.max_tokens = 2000, .max_depth = 200});
  if (!parsed.document) return 0;
  (void)Validate(*schema.schema, *parsed.document,
                 {.max_depth = 20, .max_aliases = 100, .max_selections = 10000});
  // Beyond the limits the rules must still end soon.
  (void)Validate(*schema.schema, *parsed.document,
                 {.max_errors = 5, .introspection = false, .suggestions = false});
  return 0;
}
