// The text of jsonb, as its output function writes it.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Returns false, with part of the text appended, if `out` would come to hold more than `limit`
// bytes. It stops there, because a few bytes of jsonb can be a number of 131,072 digits.
[[nodiscard]] bool AppendJsonb(StringInfo out, Jsonb* jsonb, size_t limit);

}  // namespace fsubs
