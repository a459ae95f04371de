// Compiles the arguments of a subscription field, and what its access modules demand, into a
// Filter.
#pragma once

#include <vector>

#include "graphql/language/ast.hpp"
#include "worker/filter/filter.hpp"
#include "worker/operation/catalog.hpp"
#include "worker/operation/coerce.hpp"
#include "worker/operation/error.hpp"

namespace fsubs {

struct FilterLimits {
  // Each member of a filter input is one, and each item of `and`, `or`, `in` and `notIn`.
  size_t max_conditions;
  size_t max_bytes;  // of the compiled filter
};

// Most keys by which an index knows one subscription: the combinations of the values that several
// `in` list. Conditions that would make more are tried on each event. Only subgraphs cannot be
// tried: a client has a key for each of them.
inline constexpr size_t kMaxKeys = 256;
// Most bytes of them: each has the values of all fields.
inline constexpr size_t kMaxKeyBytes = 64 * 1024;
// Most fields that an index looks up for one subscription.
inline constexpr size_t kMaxIndexedFields = 8;

// Compile the arguments of `root`, which selects `field` in a valid document, into conditions that
// must all hold. Appends to `*errors` if an argument of a non-null type is null, if an operand is
// not a value of its field's or column's type, such as a text that is no date, if it is null where
// null demands nothing, or if the conditions pass a limit. They are then not built any further.
std::vector<Predicate> CompileArguments(const graphql::Document& document,
                                        const SubscriptionField& field,
                                        const graphql::Selection& root, const Variables& variables,
                                        const FilterLimits& limits, std::vector<Error>* errors);

// The filter that demands all of that. What the modules demand is indexed before what the client
// does.
Filter MakeFilter(std::vector<Demand> demands, std::vector<Predicate> conditions);

}  // namespace fsubs
