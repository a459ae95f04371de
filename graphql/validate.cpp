#include "graphql/validate.hpp"

#include "graphql/validation_context.hpp"

namespace fsubs::graphql {

std::vector<Error> Validate(const Schema& schema, const Document& document,
                            const ValidationLimits& limits) {
  ValidationContext context{schema, document, limits, {}};
  ValidateOperations(&context);
  ValidateFragments(&context);
  ValidateSelections(&context);
  ValidateVariables(&context);
  // Merging expands fragments, so it needs a document without cycles; any error makes it moot.
  if (context.errors.empty()) ValidateMerging(&context);
  return std::move(context.errors);
}

}  // namespace fsubs::graphql
