// Why a client is refused a subscription: `extensions.reason` beside the code FORBIDDEN. Of several
// reasons the first counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fsubs {

enum class Denial : uint8_t {
  kUnauthenticated,  // whatever refuses a client without a token
  kRoleRequired,
  kScopeRequired,
  kSubgraphRequired,
  kTenantRequired,
  kClaimRequired,
  kScopeMismatch,  // the last one
};

inline constexpr size_t kDenials = static_cast<size_t>(Denial::kScopeMismatch) + 1;

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

// For the client, who is told nothing of what others may.
constexpr std::string_view SentenceOf(Denial denial) {
  switch (denial) {
    case Denial::kUnauthenticated:
      return "This is for clients with credentials.";
    case Denial::kRoleRequired:
      return "This needs a role that the client does not have.";
    case Denial::kScopeRequired:
      return "This needs a scope that the client does not have.";
    case Denial::kSubgraphRequired:
      return "This needs a subgraph that the client does not have.";
    case Denial::kTenantRequired:
      return "This needs a tenant, and the client has none.";
    case Denial::kClaimRequired:
      return "This needs a claim that the client does not have.";
    case Denial::kScopeMismatch:
      break;
  }
  return "The arguments must ask for the client's own values.";
}

// The reasons that were found against one client.
class Denials {
 public:
  void Add(Denial denial) {
    if (!first_ || denial < *first_) first_ = denial;
  }
  bool empty() const { return !first_; }
  // The one that counts; nothing if there is none.
  std::optional<Denial> ReasonFor(bool is_anonymous) const {
    return first_ && is_anonymous ? Denial::kUnauthenticated : first_;
  }

 private:
  std::optional<Denial> first_;
};

}  // namespace fsubs
