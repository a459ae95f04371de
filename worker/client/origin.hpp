// Which web pages may talk to the worker. Browsers name the page's origin in almost every request;
// other clients do not, and are not asked.
//
// A page is the worker's own where its origin is the host that was asked. The host must then be one
// that only this machine answers by: with a name of one's own, which is made to lead here once the
// page is loaded, any page could be that (DNS rebinding).
#pragma once

#include <string_view>

#include "worker/socket/http.hpp"

namespace fsubs {

// Whether the page with that Origin, which may be empty, is one of ours or of `allowed_origins`.
// `host` is what was asked.
bool OriginAllowed(std::string_view allowed, std::string_view origin, std::string_view host);

// Whether a request without Origin may come from a page that is not allowed. Browsers leave it out
// of what a page reads from its own host, and of what it embeds from another.
bool MayHideItsPage(std::string_view allowed, const HttpRequest& request);

}  // namespace fsubs
