// GraphQL errors as the JSON of a response (October 2021 specification, section 7.1.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graphql/language/error.hpp"

namespace fsubs {

// Append `[{"line":...,"column":...}]`.
void AppendLocations(const std::vector<graphql::SourceLocation>& locations, std::string* out);

// Append `[{"message":...,"locations":[...],"path":[...],"extensions":{"code":...}}]`; locations
// and path only where an error has them.
void AppendErrors(const std::vector<graphql::Error>& errors, std::string_view code,
                  std::string* out);

}  // namespace fsubs
