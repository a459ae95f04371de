#include "worker/client/renewal.hpp"

namespace fsubs {

std::string ProblemOfRenewal(const Identity& now, const Identity& next) {
  if (now.is_anonymous || next.is_anonymous) return "a client without a token has none to renew";
  if (now.issuer != next.issuer) return "the token is another issuer's";
  if (now.user != next.user) return "the token is another user's";
  if (now.tenant != next.tenant) return "the token is another tenant's";
  return {};
}

}  // namespace fsubs
