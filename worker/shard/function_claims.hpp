// What the function that authenticates says of a client.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "worker/identity/identity.hpp"
#include "worker/identity/issuers.hpp"

namespace fsubs {

// Who somebody is with these claims, which replace those of the token. `verified` is null without a
// token. The claim `exp` may end what the token allows earlier, not later. Null, with `*reason`
// set, if they are no claims, or have expired, or if the token's issuer is not registered any more.
std::shared_ptr<const Identity> IdentityByFunction(const Issuers& issuers, const Identity* verified,
                                                   const std::string& requested_role,
                                                   const std::string& claims, int64_t now_us,
                                                   std::string* reason);

}  // namespace fsubs
