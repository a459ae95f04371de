// Executes a plan on one event (October 2021 specification, section 6.4) and writes the response.
#pragma once

#include <string>
#include <string_view>

#include "worker/json_tree.hpp"
#include "worker/plan.hpp"

namespace fsubs {

// Append `{"data":{...},"errors":[...],"extensions":{"position":"..."}}`; "errors" only if there
// are any. `event` is the event's data, the value of the plan's root field. Strings and numbers are
// copied as they stand in the data. Allocates only for errors and when `out` must grow.
void Encode(const Plan& plan, const JsonValue& event, std::string_view position, std::string* out);

// Append `[{"message":...,"locations":[...],"extensions":{"code":...}}]`.
void AppendErrors(const std::vector<graphql::Error>& errors, std::string_view code,
                  std::string* out);

}  // namespace fsubs
