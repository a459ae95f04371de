// JSON in its written form: strings made of text, and what the worker's parser refuses.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Append `text` as a JSON string, escaped as PostgreSQL does. Returns false, with part of it
// appended, if `out` would come to hold more than `limit` bytes.
[[nodiscard]] bool AppendJsonString(StringInfo out, std::string_view text, size_t limit);

// How deep arrays and objects are nested in valid JSON.
size_t JsonDepth(std::string_view json);

// Whether one of the strings in valid JSON has half of a surrogate pair. PostgreSQL takes that in
// json, though not in jsonb, and no UTF-8 can hold it.
bool HasLoneSurrogate(std::string_view json);

}  // namespace fsubs
