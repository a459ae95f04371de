// What a client may become by another token.
#pragma once

#include <string>

#include "worker/identity/identity.hpp"

namespace fsubs {

// Whether one who is `now` may go on as `next`. Returns an empty string, or why not. Its user,
// tenant and issuer stay what they are; what it may do, and until when, may change.
std::string ProblemOfRenewal(const Identity& now, const Identity& next);

}  // namespace fsubs
