// Errors of a GraphQL response (October 2021 specification, section 7.1.2) as values. The protocol
// that sends them writes them as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "graphql/language/error.hpp"

namespace fsubs {

// `extensions.code`; docs/protocol.md has the meanings.
inline constexpr std::string_view kErrorParseFailed = "GRAPHQL_PARSE_FAILED";
inline constexpr std::string_view kErrorValidationFailed = "GRAPHQL_VALIDATION_FAILED";
inline constexpr std::string_view kErrorBadUserInput = "BAD_USER_INPUT";
inline constexpr std::string_view kErrorOperationResolution = "OPERATION_RESOLUTION_FAILURE";
inline constexpr std::string_view kErrorOperationNotSupported = "OPERATION_NOT_SUPPORTED";
inline constexpr std::string_view kErrorResponseTooLarge = "RESPONSE_TOO_LARGE";
inline constexpr std::string_view kErrorSubscriptionLimit = "SUBSCRIPTION_LIMIT";
inline constexpr std::string_view kErrorMemoryLimit = "MEMORY_LIMIT";
inline constexpr std::string_view kErrorDataMismatch = "DATA_MISMATCH";
inline constexpr std::string_view kErrorEventsLost = "EVENTS_LOST";
inline constexpr std::string_view kErrorEventIncomplete = "EVENT_INCOMPLETE";
inline constexpr std::string_view kErrorBadRequest = "BAD_REQUEST";
inline constexpr std::string_view kErrorUnauthenticated = "UNAUTHENTICATED";
inline constexpr std::string_view kErrorForbidden = "FORBIDDEN";
inline constexpr std::string_view kErrorLimitExceeded = "LIMIT_EXCEEDED";
inline constexpr std::string_view kErrorRateLimited = "RATE_LIMITED";
inline constexpr std::string_view kErrorNotAcceptable = "NOT_ACCEPTABLE";
inline constexpr std::string_view kErrorMethodNotAllowed = "METHOD_NOT_ALLOWED";
inline constexpr std::string_view kErrorUnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE";
inline constexpr std::string_view kErrorServiceUnavailable = "SERVICE_UNAVAILABLE";
inline constexpr std::string_view kErrorStandby = "STANDBY";
inline constexpr std::string_view kErrorResolverError = "RESOLVER_ERROR";
inline constexpr std::string_view kErrorResolverFailed = "RESOLVER_FAILED";
inline constexpr std::string_view kErrorResolverTimeout = "RESOLVER_TIMEOUT";

// A response name, or an index in a list.
using PathItem = std::variant<std::string, size_t>;

// A member of an error's extensions, beside the code.
struct ErrorExtension {
  std::string_view name;  // a constant
  std::variant<uint64_t, std::string> value;
};

struct Error {
  std::string message;
  std::string_view code;                           // one of the constants above
  std::vector<graphql::SourceLocation> locations;  // in the document
  std::vector<PathItem> path;                      // of the field whose execution failed
  std::vector<ErrorExtension> extensions;
  std::string extensions_json;  // an object in place of the code and of these; empty: none
};

// Errors that graphql/ found in a document.
std::vector<Error> WithCode(std::vector<graphql::Error> errors, std::string_view code);

}  // namespace fsubs
