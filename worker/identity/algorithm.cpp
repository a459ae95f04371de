#include "worker/identity/algorithm.hpp"

#include <utility>

namespace fsubs {

std::optional<Algorithm> AlgorithmNamed(std::string_view name) {
  static constexpr std::pair<std::string_view, Algorithm> kNames[] = {
      {"HS256", Algorithm::kHs256},   {"HS384", Algorithm::kHs384}, {"HS512", Algorithm::kHs512},
      {"RS256", Algorithm::kRs256},   {"RS384", Algorithm::kRs384}, {"RS512", Algorithm::kRs512},
      {"PS256", Algorithm::kPs256},   {"PS384", Algorithm::kPs384}, {"PS512", Algorithm::kPs512},
      {"ES256", Algorithm::kEs256},   {"ES384", Algorithm::kEs384}, {"EdDSA", Algorithm::kEdDsa},
      {"Ed25519", Algorithm::kEdDsa},  // RFC 9864
  };
  for (const auto& [known, algorithm] : kNames) {
    if (known == name) return algorithm;
  }
  return std::nullopt;
}

}  // namespace fsubs
