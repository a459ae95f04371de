// Validates executable documents against a schema (October 2021 specification, section 5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/language/error.hpp"
#include "graphql/schema/schema.hpp"
#include "graphql/schema/visibility.hpp"

namespace fsubs::graphql {

// Limits for each operation with its fragments expanded, and options (the last four).
struct ValidationLimits {
  size_t max_depth = SIZE_MAX;             // nested fields
  size_t max_aliases = SIZE_MAX;           // fields with an alias
  size_t max_selections = SIZE_MAX;        // fields
  size_t max_errors = 100;                 // then validation stops
  bool introspection = true;               // whether the schema may be asked for
  bool suggestions = true;                 // whether errors suggest names of the schema
  const Visibility* visibility = nullptr;  // of what they suggest; null: all
};

// All errors of `document`, as graphql-js 16 finds them: the same messages and locations in the
// same order; empty if it is valid. docs/graphql-js.md lists the differences. A document that
// exceeds a limit is not checked further and has only the errors that say so. Execution relies on a
// valid document. The work is bounded whatever the document. REQUIRES: `document` has at least one
// definition and is nested no deeper than ParseLimits' default.
std::vector<Error> Validate(const Schema& schema, const Document& document,
                            const ValidationLimits& limits = {});

}  // namespace fsubs::graphql
