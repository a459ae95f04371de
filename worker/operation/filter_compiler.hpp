// Compiles the arguments of a subscription field into a Filter.
#pragma once

#include <vector>

#include "graphql/language/ast.hpp"
#include "worker/filter/filter.hpp"
#include "worker/operation/catalog.hpp"
#include "worker/operation/coerce.hpp"
#include "worker/operation/error.hpp"

namespace fsubs {

// Most conditions in the filter of one operation.
inline constexpr size_t kMaxConditions = 1000;
// Most keys by which an index knows one subscription: the combinations of the values that several
// `in` list. Conditions that would make more are tried on each event.
inline constexpr size_t kMaxKeys = 256;
// Most fields that an index looks up for one subscription.
inline constexpr size_t kMaxIndexedFields = 8;

// Compile the arguments of `root`, which selects `field` in a valid document. Appends to `*errors`
// if an argument of a non-null type is null, if an operand is not a value of its field's type, such
// as a text that is no date, or if there are too many conditions.
Filter CompileFilter(const graphql::Document& document, const SubscriptionField& field,
                     const graphql::Selection& root, const Variables& variables,
                     std::vector<Error>* errors);

}  // namespace fsubs
