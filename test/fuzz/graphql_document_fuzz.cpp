// Any bytes as a client's document: parsed and validated without a crash, in bounded time.
#include "graphql/parser.hpp"
#include "graphql/validate.hpp"

using namespace fsubs::graphql;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const SchemaResult schema = BuildSchema(
      "type Query { a: Int } type Subscription { o(id: ID, f: F, l: [[Int!]]): O p: P u: U } "
      "type O implements P { id: ID! o: O list: [O!]! e(x: E = A): E } interface P { id: ID! } "
      "union U = O enum E { A B } input F { a: Int! f: F l: [F!] } scalar S");
  const ParseResult parsed = ParseDocument({reinterpret_cast<const char*>(data), size},
                                           {.max_tokens = 2000, .max_depth = 200});
  if (parsed.document) (void)Validate(*schema.schema, *parsed.document);
  return 0;
}
