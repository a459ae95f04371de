#include "worker/shard/function_claims.hpp"

#include <optional>

#include "worker/identity/claim_mapping.hpp"
#include "worker/identity/numeric_date.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {
namespace {

// The token's leeway holds for its own `exp`.
std::optional<int64_t> EarlierEnd(const Identity* verified, const std::optional<int64_t>& exp_us) {
  if (verified == nullptr || !verified->expires_at_us) return exp_us;
  std::optional<int64_t> tokens_us = verified->expires_at_us;
  ReadTime(verified->claims.root(), "exp", &tokens_us);
  return exp_us && exp_us < tokens_us ? exp_us : verified->expires_at_us;
}

}  // namespace

std::shared_ptr<const Identity> IdentityByFunction(const Issuers& issuers, const Identity* verified,
                                                   const std::string& requested_role,
                                                   const std::string& claims, int64_t now_us,
                                                   std::string* reason) {
  JsonTree tree;
  if (!tree.ParseCopy(claims) || tree.root().type() != JsonType::kObject) {
    *reason = "these are no claims";
    return nullptr;
  }
  std::optional<int64_t> exp_us;
  if (!ReadTime(tree.root(), "exp", &exp_us)) {
    *reason = "the claims' `exp` is no time";
    return nullptr;
  }
  ClaimsContext context{.requested_role = requested_role,
                        .expires_at_us = EarlierEnd(verified, exp_us)};
  if (verified != nullptr) context.issuer = verified->issuer;
  // It may be unregistered while the function is asked.
  if (!context.issuer.empty() && issuers.Named(context.issuer) == nullptr) {
    *reason = "the issuer of its token is not registered any more";
    return nullptr;
  }
  if (context.expires_at_us && *context.expires_at_us <= now_us) {
    *reason = "the claims have expired";
    return nullptr;
  }
  return IdentityOf(issuers.MappingOf(context.issuer), claims, context, reason);
}

}  // namespace fsubs
