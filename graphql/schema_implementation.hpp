// Whether types implement their interfaces (October 2021 specification, section 3.6,
// IsValidImplementation).
#pragma once

#include <string>
#include <vector>

#include "graphql/schema.hpp"

namespace fsubs::graphql {

// What is wrong with the way `type` implements its interfaces, in graphql-js's words.
std::vector<std::string> CheckImplementations(const Type& type);

}  // namespace fsubs::graphql
