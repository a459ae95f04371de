// Executes query operations (October 2021 specification, section 6.2.1), which ask about the server
// itself: `type Query` of graphql/sdl/compose.cpp, and introspection.
#pragma once

#include <cstddef>
#include <string>

#include "graphql/language/ast.hpp"
#include "worker/operation/catalog.hpp"
#include "worker/operation/coerce.hpp"
#include "worker/operation/plan.hpp"

namespace fsubs {

// Append the response to a valid query. `plan` was compiled from it. A response larger than
// `max_bytes` is replaced by an error, since a short query can ask for introspection of any size.
void ExecuteQuery(const Catalog& catalog, const graphql::Document& document, const Plan& plan,
                  const Variables& variables, size_t max_bytes, std::string* response);

}  // namespace fsubs
