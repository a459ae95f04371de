// A short name for bytes that nobody can make others have.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace fsubs {

// The 32 bytes of SHA-256 of the parts. Parts that are cut elsewhere have another digest.
std::string Sha256(std::initializer_list<std::string_view> parts);

}  // namespace fsubs
