// Writing JSON: strings. Everything else the worker writes is numbers, punctuation and text copied
// from JSON it has parsed.
#pragma once

#include <string>
#include <string_view>

namespace fsubs {

// Append `text` as a JSON string, quotes included. REQUIRES: `text` is UTF-8.
void AppendJsonString(std::string_view text, std::string* out);

}  // namespace fsubs
