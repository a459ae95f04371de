// The types of a schema in the order in which introspection lists them.
#pragma once

#include <vector>

#include "graphql/schema/schema.hpp"

namespace fsubs::graphql {

// Every type that is defined, and those of the specification that the schema uses, in graphql-js's
// order.
std::vector<const Type*> ListTypes(const Schema& schema);

}  // namespace fsubs::graphql
