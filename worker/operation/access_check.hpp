// Whether an operation looks at what its client may not see: docs/access.md has the rules.
#pragma once

#include <optional>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/schema/schema.hpp"
#include "worker/access/audience.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/operation/error.hpp"

namespace fsubs {

// What a client was refused, and the weightiest reason of all.
struct AccessRefusal {
  std::vector<Error> errors;
  std::optional<Denial> denial;  // set if there are errors
};

// Check every place of `document`, which need not be valid: what validation says of a document
// would tell of elements that the audience does not see. What @skip and @include leave out counts
// as well, so that the answer does not depend on variables.
AccessRefusal CheckAccess(const graphql::Schema& schema, const Audience& audience,
                          const graphql::Document& document);

// Check the values that a client gave to the variables of `operation`, of a document that
// CheckAccess has found nothing in. They need not be of their types.
AccessRefusal CheckAccess(const graphql::Schema& schema, const Audience& audience,
                          const graphql::Document& document, const graphql::Operation& operation,
                          const std::optional<JsonValue>& values);

// `extensions.reason` of a refusal.
std::vector<ErrorExtension> ReasonExtension(Denial denial);

}  // namespace fsubs
