// Verifies tokens (RFC 7519) and maps their claims.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "worker/identity/credentials.hpp"
#include "worker/identity/identity.hpp"
#include "worker/identity/issuers.hpp"
#include "worker/identity/key_set.hpp"

namespace fsubs {

struct Verification {
  enum class Outcome {
    kAccepted,
    kRefused,
    kNeedsKeys,  // the keys of `url` are missing, or lack the token's: verify again with newer ones
  };
  Outcome outcome = Outcome::kRefused;
  std::shared_ptr<const Identity> identity;  // kAccepted
  std::string reason;                        // kRefused, for the log and the client; no secrets
  std::string url;                           // kNeedsKeys
};

// One shard's thread only.
class TokenVerifier {
 public:
  // The keys fetched from a URL; null: none yet.
  using FetchedKeys = std::function<std::shared_ptr<const KeySet>(const std::string& url)>;

  Verification Verify(const Credentials& credentials, const Issuers& issuers,
                      const FetchedKeys& fetched, int64_t now_us);
};

}  // namespace fsubs
