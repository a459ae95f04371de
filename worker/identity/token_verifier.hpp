// Verifies tokens (RFC 7519) and maps their claims.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "worker/identity/credentials.hpp"
#include "worker/identity/identity.hpp"
#include "worker/identity/issuers.hpp"
#include "worker/identity/jws.hpp"
#include "worker/identity/key_set.hpp"
#include "worker/identity/verified_tokens.hpp"

namespace fsubs {

inline constexpr size_t kMaxTokenSize = 16 * 1024;

struct Verification {
  enum class Outcome {
    kAccepted,
    kRefused,
    // The keys of `url` are missing, or none of them made the token: verify again with newer ones.
    // It stays so however new they are, so it is for the caller to say when enough is enough.
    kNeedsKeys,
  };
  Outcome outcome = Outcome::kRefused;
  std::shared_ptr<const Identity> identity;  // kAccepted
  // Why not, for the log and the client; no secrets. With kNeedsKeys, in case none come.
  std::string reason;
  std::string url;  // kNeedsKeys
};

// One shard's thread only.
class TokenVerifier {
 public:
  // The keys fetched from a URL; null: none yet.
  using FetchedKeys = std::function<std::shared_ptr<const KeySet>(const std::string& url)>;

  Verification Verify(const Credentials& credentials, const Issuers& issuers,
                      const FetchedKeys& fetched, int64_t now_us);

 private:
  std::shared_ptr<const Identity> FindVerified(std::string_view digest, const Issuers& issuers,
                                               const FetchedKeys& fetched, int64_t now_us);

  VerifiedTokens verified_{10'000, 32'000'000};
  std::string fingerprint_;  // of the issuers of verified_
  Jws jws_;
  JsonTree claims_;
};

}  // namespace fsubs
