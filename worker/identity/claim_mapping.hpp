// Which claims say who a client is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/identity/identity.hpp"
#include "worker/json/json_path.hpp"

namespace fsubs {

struct ClaimMapping {
  JsonPath user{"sub"};
  JsonPath tenant{"tenant_id"};
  std::vector<JsonPath> roles{JsonPath{"roles"}};  // those of all of them
  JsonPath scopes{"scope"};
  JsonPath subgraphs{"subgraphs"};
  JsonPath role{"role"};
  // Hasura's claims may be the text of an object.
  bool has_hasura_claims = false;
  // `role` is the one asked for, and must be among Hasura's allowed ones.
  bool chooses_role = false;

  // From the members `preset` and `claims` of an issuer. Nothing, with `*error` set, if they are
  // not as docs/access.md says.
  static std::optional<ClaimMapping> FromRow(const JsonValue& issuer, std::string* error);
};

// What an identity has beside its claims.
struct ClaimsContext {
  std::string issuer;
  std::string requested_role;
  std::optional<int64_t> expires_at_us;
  bool is_anonymous = false;
};

// Null, with `*reason` set for the log and the client, if `claims` are no JSON object, or one of
// those that are mapped has a type that it must not have.
std::shared_ptr<const Identity> IdentityOf(const ClaimMapping& mapping, std::string_view claims,
                                           const ClaimsContext& context, std::string* reason);

}  // namespace fsubs
