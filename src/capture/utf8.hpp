// Texts of the database in UTF-8, which is what the ring holds, without an error where that cannot
// be.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// PostgreSQL's own conversion of the server's encoding to UTF-8, whatever the session's search path
// has; InvalidOid if none is needed or none exists. Looks into the catalog.
Oid FindUtf8Conversion();

// Convert what `out` holds from `start` on. Returns false, having changed nothing, if it is not
// valid in its encoding or has no equivalent in UTF-8.
[[nodiscard]] bool TailToUtf8(StringInfo out, int start, Oid conversion);

}  // namespace fsubs
