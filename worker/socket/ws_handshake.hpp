// How an HTTP connection becomes a WebSocket (RFC 6455, section 4.2).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "worker/socket/http.hpp"
#include "worker/socket/request_parser.hpp"

namespace fsubs {

// The reply to refuse an offer with; nothing if it can be accepted.
std::optional<HttpReply> RefuseOffer(const WebSocketOffer& offer);

// The first of `ours` that the client offers, wherever it stands in the offer; empty if none is.
std::string_view AgreeOnSubprotocol(const WebSocketOffer& offer, std::span<const char* const> ours);

// The bytes that make the connection a WebSocket. `subprotocol` may be empty.
std::string AcceptOffer(const WebSocketOffer& offer, std::string_view subprotocol);

}  // namespace fsubs
