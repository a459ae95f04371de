// Which web pages may talk to the worker: browsers name the page's origin, other clients do not.
#pragma once

#include <string_view>

namespace fsubs {

// Whether `origin`, the value of an Origin header or empty, is in `allowed`: origins separated by
// commas, or "*". A page of the worker's own, `host` being what it was asked by, always is.
bool OriginAllowed(std::string_view allowed, std::string_view origin, std::string_view host);

}  // namespace fsubs
