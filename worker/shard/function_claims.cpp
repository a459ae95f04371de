#include "worker/shard/function_claims.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "worker/identity/claim_mapping.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {
namespace {

constexpr double kUsPerSecond = 1e6;
constexpr double kLastSecond = 9e12;  // what a token may say beyond it is no time

std::optional<int64_t> ExpOf(const JsonTree& claims) {
  const auto exp = claims.root().Find("exp");
  if (!exp || exp->type() != JsonType::kNumber) return std::nullopt;
  const double seconds = std::strtod(std::string(exp->raw()).c_str(), nullptr);
  return static_cast<int64_t>(std::clamp(seconds, 0.0, kLastSecond) * kUsPerSecond);
}

// The token's leeway holds for its own `exp`.
std::optional<int64_t> EarlierEnd(const Identity* verified, const std::optional<int64_t>& exp_us) {
  if (verified == nullptr || !verified->expires_at_us) return exp_us;
  const auto tokens_us = ExpOf(verified->claims);
  return exp_us && exp_us < tokens_us.value_or(*verified->expires_at_us) ? exp_us
                                                                         : verified->expires_at_us;
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
  ClaimsContext context{.requested_role = requested_role,
                        .expires_at_us = EarlierEnd(verified, ExpOf(tree))};
  if (verified != nullptr) context.issuer = verified->issuer;
  if (context.expires_at_us && *context.expires_at_us <= now_us) {
    *reason = "the claims have expired";
    return nullptr;
  }
  return IdentityOf(issuers.MappingOf(context.issuer), claims, context, reason);
}

}  // namespace fsubs
