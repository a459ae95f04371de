// The arguments of a field after coercion (October 2021 specification, section 6.4.1), as JSON.
#pragma once

#include <string>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/schema/schema.hpp"
#include "worker/operation/coerce.hpp"

namespace fsubs {

// A JSON object with the arguments that are given or have a default, in the order of `definitions`,
// as are the members of input objects in theirs: what is equal makes the same text, but for the
// spelling of numbers and the values of custom scalars. REQUIRES: `selection` is valid, and
// `variables` are coerced.
std::string ArgumentsJson(const std::vector<graphql::InputValue>& definitions,
                          const graphql::Selection& selection, const Variables& variables);

}  // namespace fsubs
