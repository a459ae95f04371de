// base64url without padding, as JOSE writes bytes (RFC 7515, section 2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fsubs {

// Nothing if `text` is not the one spelling of some bytes: other characters, padding, a length that
// no bytes have, or bits set behind the last byte.
std::optional<std::string> DecodeBase64Url(std::string_view text);

}  // namespace fsubs
