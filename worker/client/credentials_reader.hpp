// Finds what a client presents itself with in the payload of its connection_init and in its
// handshake or request.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "worker/identity/credentials.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/socket/http.hpp"

namespace fsubs {

struct CredentialRules {
  bool token_in_url = false;
  // A function decides, which is to see the payload and the headers.
  bool for_function = false;
};

// Read them. The first place that holds something decides:
//
//   1. of the payload: headers.Authorization, Authorization, authorization, authToken, token
//   2. the header Authorization of the handshake or request
//   3. its URL's parameter access_token, where the rules allow that
//
// Returns an empty string, or why what is there cannot be credentials.
std::string ReadCredentials(const HttpRequest& request, const std::optional<JsonValue>& payload,
                            const CredentialRules& rules, Credentials* credentials);

// Take the token away, and from what the function sees each place that may hold one.
void RemoveToken(Credentials* credentials);

// Whether a token must stand behind "Bearer " (RFC 6750, section 2.1), or may stand alone.
enum class BearerScheme { kRequired, kOptional };

// Read the token out of `text`. Returns as ReadCredentials.
std::string ReadToken(std::string_view text, BearerScheme scheme, std::string* token);

}  // namespace fsubs
