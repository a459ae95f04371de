// The errors of writes to watched tables where fraiseql_subs.capture_failure is "error".
#pragma once

#include "src/base/pg_compat.hpp"
#include "src/capture/value_json.hpp"

namespace fsubs {

[[noreturn]] void RaiseTooLarge();
[[noreturn]] void RaiseQueueFull();

// A name of the table, a column of it or the channel does not exist in UTF-8.
[[noreturn]] void RaiseNoName(const char* table);

// REQUIRES: `problem` is one that a value can have when errors of functions are raised.
[[noreturn]] void RaiseProblem(ValueProblem problem, const char* column);

}  // namespace fsubs
