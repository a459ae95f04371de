// Files of keys that issuers name, below the directory that the setting key_directory names.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// The text of `file`, a relative path; palloc'ed. If it cannot be used, null, and `*problem` is a
// sentence that says why. Raises an error only if memory runs out.
//
// Links are followed as long as they stay below the directory.
const char* TryReadKeyFile(const char* file, const char** problem);

}  // namespace fsubs
