// From the arguments that a client gives to a subscription field to a Filter.
#pragma once

#include <vector>

#include "graphql/language/ast.hpp"
#include "worker/filter/filter.hpp"
#include "worker/operation/catalog.hpp"
#include "worker/operation/coerce.hpp"
#include "worker/operation/error.hpp"

namespace fsubs {

// Conditions in one operation's filter, and combinations of values (`in` and `in`) that an index
// keeps for one subscription; more combinations are tried one by one.
inline constexpr size_t kMaxConditions = 1000;
inline constexpr size_t kMaxKeys = 256;
// Fields that an index looks at for one subscription.
inline constexpr size_t kMaxIndexedFields = 8;

// Compile the arguments of `root`, which selects `field` in a valid document. Appends to `*errors`
// if an argument holds what its field cannot: null for a non-null one, text that names no moment,
// or too many conditions.
Filter CompileFilter(const graphql::Document& document, const SubscriptionField& field,
                     const graphql::Selection& root, const Variables& variables,
                     std::vector<Error>* errors);

}  // namespace fsubs
