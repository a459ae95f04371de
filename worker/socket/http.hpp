// HTTP requests and replies as the worker's own types, apart from the library that carries them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fsubs {

enum class HttpMethod : uint8_t { kGet, kHead, kPost, kOptions, kOther };

inline constexpr unsigned kHttpOk = 200;
inline constexpr unsigned kHttpBadRequest = 400;
inline constexpr unsigned kHttpUnauthorized = 401;
inline constexpr unsigned kHttpForbidden = 403;
inline constexpr unsigned kHttpNotFound = 404;
inline constexpr unsigned kHttpMethodNotAllowed = 405;
inline constexpr unsigned kHttpNotAcceptable = 406;
inline constexpr unsigned kHttpRequestTimeout = 408;
inline constexpr unsigned kHttpLengthRequired = 411;
inline constexpr unsigned kHttpContentTooLarge = 413;
inline constexpr unsigned kHttpUriTooLong = 414;
inline constexpr unsigned kHttpUnsupportedMediaType = 415;
inline constexpr unsigned kHttpExpectationFailed = 417;
inline constexpr unsigned kHttpUpgradeRequired = 426;
inline constexpr unsigned kHttpTooManyRequests = 429;
inline constexpr unsigned kHttpHeadersTooLarge = 431;
inline constexpr unsigned kHttpInternalServerError = 500;
inline constexpr unsigned kHttpNotImplemented = 501;
inline constexpr unsigned kHttpServiceUnavailable = 503;
inline constexpr unsigned kHttpVersionNotSupported = 505;

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string path;
  std::vector<std::string> parameters;  // of the URL's query, decoded: "name=value"
  // Headers; empty where the client sent none.
  std::string accept;
  std::string content_type;
  std::string origin;
  std::string host;
  std::string fetch_site;         // Sec-Fetch-Site
  std::string preflight_method;   // Access-Control-Request-Method
  std::string preflight_headers;  // Access-Control-Request-Headers
  std::string authorization;
  std::string hasura_role;  // X-Hasura-Role
  // All of them, as they came, where the host wants them. The names are in lower case.
  HttpHeaders headers;
  std::string body;

  std::optional<std::string_view> Parameter(std::string_view name) const {
    for (const std::string& parameter : parameters) {
      if (parameter.size() > name.size() && parameter.starts_with(name) &&
          parameter[name.size()] == '=') {
        return std::string_view(parameter).substr(name.size() + 1);
      }
    }
    return std::nullopt;
  }
};

struct HttpReply {
  unsigned status = kHttpOk;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  HttpHeaders headers;
};

}  // namespace fsubs
