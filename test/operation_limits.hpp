// Limits of an operation that tests of other things do not reach.
#pragma once

#include "worker/operation/operation.hpp"

namespace fsubs {

inline constexpr OperationLimits kTestLimits{.max_tokens = 10000,
                                             .max_depth = 20,
                                             .max_aliases = 100,
                                             .max_selections = 20000,
                                             .max_size = 100'000,
                                             .max_conditions = 1000,
                                             .max_filter = 1'000'000,
                                             .max_response = 1'000'000,
                                             .introspection = true};

}  // namespace fsubs
