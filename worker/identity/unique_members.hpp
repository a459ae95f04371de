// A name that an object has twice (RFC 7515, section 4; RFC 7519, section 4). Two readers of such
// an object can take it for two different things.
#pragma once

#include "worker/json/json_tree.hpp"

namespace fsubs {

// Whether each object in `value`, at any depth, has each of its names once.
bool HasUniqueMembers(const JsonValue& value);

}  // namespace fsubs
