// OPTIONS, by which browsers ask whether a page may send its request (a CORS preflight; Fetch
// standard, section 4.8).
#pragma once

#include "worker/socket/http.hpp"

namespace fsubs {

// The reply to `request`, whose origin is allowed. A page may send every header that it asks for:
// which page it is was checked, and nothing is believed because a browser adds it by itself.
HttpReply ReplyToOptions(const HttpRequest& request);

// The headers of the request on which that reply depends.
inline constexpr std::string_view kPreflightVary =
    "origin, access-control-request-method, access-control-request-headers";

}  // namespace fsubs
