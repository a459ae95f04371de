// Validates executable documents against a schema (October 2021 specification, section 5).
#pragma once

#include <vector>

#include "graphql/ast.hpp"
#include "graphql/error.hpp"
#include "graphql/schema.hpp"

namespace fsubs::graphql {

struct ValidationLimits {
  size_t max_depth = 20;    // nested fields, fragments expanded
  size_t max_errors = 100;  // then validation stops
};

// All errors of `document`, with graphql-js's messages and locations; empty if it is valid.
// Execution relies on a valid document. REQUIRES: `document` was parsed from at least one
// definition.
std::vector<Error> Validate(const Schema& schema, const Document& document,
                            const ValidationLimits& limits = {});

}  // namespace fsubs::graphql
