// Why a client is refused a subscription: `extensions.reason` beside the code FORBIDDEN. Of several
// reasons the first counts.
#pragma once

#include <cstdint>
#include <string_view>

namespace fsubs {

enum class Denial : uint8_t {
  kUnauthenticated,  // whatever refuses a client without a token
  kRoleRequired,
  kScopeRequired,
  kSubgraphRequired,
  kTenantRequired,
  kClaimRequired,
  kScopeMismatch,
};

constexpr std::string_view NameOf(Denial denial) {
  switch (denial) {
    case Denial::kUnauthenticated:
      return "UNAUTHENTICATED";
    case Denial::kRoleRequired:
      return "ROLE_REQUIRED";
    case Denial::kScopeRequired:
      return "SCOPE_REQUIRED";
    case Denial::kSubgraphRequired:
      return "SUBGRAPH_REQUIRED";
    case Denial::kTenantRequired:
      return "TENANT_REQUIRED";
    case Denial::kClaimRequired:
      return "CLAIM_REQUIRED";
    case Denial::kScopeMismatch:
      break;
  }
  return "SCOPE_MISMATCH";
}

}  // namespace fsubs
