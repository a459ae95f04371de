// UTF-8, one code point at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fsubs::graphql {

void AppendUtf8(uint32_t code, std::string* out);

// Decodes the code point at `offset`. Returns its length in bytes, 0 if it is not well-formed
// UTF-8.
uint32_t DecodeUtf8(std::string_view text, uint32_t offset, uint32_t* code);

}  // namespace fsubs::graphql
