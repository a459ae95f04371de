// Keys as they are written down.
#pragma once

#include <optional>
#include <string_view>

#include "worker/identity/key.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

// A JSON Web Key (RFC 7517, section 4; RFC 8037, section 2). Of a private key the public part is
// taken. Nothing if it cannot be used to verify tokens, or is not meant to.
std::optional<Key> KeyOfJwk(const JsonValue& jwk);

// The first public key or certificate of a PEM text. A certificate is taken for its key alone:
// neither its dates nor who signed it count. Nothing if there is no key that can be used.
std::optional<Key> KeyOfPem(std::string_view pem);

}  // namespace fsubs
