// Every code with which the worker closes a WebSocket. docs/protocol.md tells when.
#pragma once

#include <cstdint>

namespace fsubs {

// RFC 6455, section 7.4.1.
inline constexpr uint16_t kCloseNormal = 1000;
inline constexpr uint16_t kCloseGoingAway = 1001;
inline constexpr uint16_t kCloseProtocolError = 1002;
inline constexpr uint16_t kCloseNoStatus = 1005;  // never sent: a close frame without a code
inline constexpr uint16_t kCloseInvalidPayload = 1007;
inline constexpr uint16_t kCloseMessageTooBig = 1009;
inline constexpr uint16_t kCloseTryAgainLater = 1013;

// graphql-transport-ws, and ours among its numbers.
inline constexpr uint16_t kCloseBadRequest = 4400;
inline constexpr uint16_t kCloseUnauthorized = 4401;
inline constexpr uint16_t kCloseForbidden = 4403;
inline constexpr uint16_t kCloseSubprotocolNotAcceptable = 4406;
inline constexpr uint16_t kCloseInitialisationTimeout = 4408;
inline constexpr uint16_t kCloseSubscriberExists = 4409;
inline constexpr uint16_t kCloseSlowConsumer = 4413;
inline constexpr uint16_t kCloseTooManyInitialisationRequests = 4429;
inline constexpr uint16_t kCloseInternalServerError = 4500;

}  // namespace fsubs
