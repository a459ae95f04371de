// Errors as the JSON of a response (October 2021 specification, section 7.1.2).
#pragma once

#include <string>
#include <vector>

#include "worker/json/json_writer.hpp"
#include "worker/operation/error.hpp"

namespace fsubs {

// Write `[{"message":...,"locations":[...],"path":[...],"extensions":{"code":...}}]`; locations
// and path only where an error has them.
void WriteErrors(const std::vector<Error>& errors, JsonWriter* json);

// The same as a text.
std::string ErrorsJson(const std::vector<Error>& errors);

// `{"errors":[...]}`: the operation was not executed.
std::string ResponseWithoutData(const std::vector<Error>& errors);
// `{"data":null,"errors":[...]}`: it was executed, but there is no data.
std::string ResponseWithNullData(const std::vector<Error>& errors);

}  // namespace fsubs
