#include "worker/identity/token_verifier.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "worker/identity/digest.hpp"
#include "worker/identity/numeric_date.hpp"
#include "worker/identity/unique_members.hpp"

namespace fsubs {
namespace {

// Of keys that a token does not name. Anybody can make tokens for which all of them are tried.
constexpr size_t kMaxKeysTried = 8;

// Where a key comes from, which says for how long it counts.
enum class Source { kRegistered, kPrevious, kFetched };

struct Candidate {
  const Key* key;
  Source source;
};

// The keys that may have signed: those that `jws` names by their id, otherwise those without
// one, and all if it names none. `*is_named` tells whether there is one of that id at all.
std::vector<Candidate> CandidatesFor(const Jws& jws, const Issuer& issuer, const KeySet* fetched,
                                     int64_t now_us, bool* is_named) {
  std::vector<Candidate> named;
  std::vector<Candidate> others;
  *is_named = false;
  const auto consider = [&](const Key& key, Source source) {
    const bool fits = key.algorithms().Has(jws.algorithm());
    if (jws.key_id() && key.id() == jws.key_id()) {
      *is_named = true;
      if (fits) named.push_back({&key, source});
    } else if (fits && (!jws.key_id() || !key.id())) {
      others.push_back({&key, source});
    }
  };
  for (const Key& key : issuer.keys) consider(key, Source::kRegistered);
  if (issuer.previous && now_us < issuer.previous_until_us) {
    consider(*issuer.previous, Source::kPrevious);
  }
  if (fetched != nullptr) {
    for (const Key& key : fetched->keys()) {
      // Everybody can read what is there.
      if (!key.is_secret()) consider(key, Source::kFetched);
    }
  }
  std::vector<Candidate>& candidates = *is_named ? named : others;
  if (candidates.size() > kMaxKeysTried) candidates.resize(kMaxKeysTried);
  return std::move(candidates);
}

// Returns why the token is not for this moment; empty if it is.
std::string_view CheckTimes(const JsonValue& claims, const Issuer& issuer, int64_t now_us,
                            std::optional<int64_t>* expires_at_us) {
  std::optional<int64_t> expires;
  std::optional<int64_t> not_before;
  std::optional<int64_t> issued;  // says nothing of whether the token is valid
  if (!ReadTime(claims, "exp", &expires)) return "the token's `exp` is no time";
  if (!ReadTime(claims, "nbf", &not_before)) return "the token's `nbf` is no time";
  if (!ReadTime(claims, "iat", &issued)) return "the token's `iat` is no time";
  if (!expires && issuer.require_exp) return "the token has no `exp`";
  if (not_before && now_us < *not_before - issuer.leeway_us) return "the token is not valid yet";
  if (expires) {
    *expires_at_us = std::min(*expires + issuer.leeway_us, kLatestUs);
    if (now_us >= **expires_at_us) return "the token has expired";
  }
  return {};
}

bool IsForUs(const JsonValue& claims, const Issuer& issuer) {
  if (issuer.audiences.empty()) return true;
  const auto audience = claims.Find("aud");
  if (!audience) return false;
  bool is_for_us = false;
  const auto compare = [&](const JsonValue& name) {
    is_for_us = is_for_us || (name.type() == JsonType::kString &&
                              std::find(issuer.audiences.begin(), issuer.audiences.end(),
                                        name.text()) != issuer.audiences.end());
  };
  compare(*audience);
  audience->ForEachElement(compare);
  return is_for_us;
}

}  // namespace

std::shared_ptr<const Identity> TokenVerifier::FindVerified(std::string_view digest,
                                                            const Issuers& issuers,
                                                            const FetchedKeys& fetched,
                                                            int64_t now_us) {
  if (fingerprint_ != issuers.fingerprint()) {
    verified_.Clear();
    fingerprint_ = issuers.fingerprint();
  }
  const VerifiedToken* const known = verified_.Find(digest, now_us);
  if (known == nullptr) return nullptr;
  const Issuer* const issuer = issuers.Named(known->identity->issuer);
  if (known->fetched_keys && fetched(issuer->jwks_url) != known->fetched_keys) {
    verified_.Remove(digest);
    return nullptr;
  }
  return known->identity;
}

Verification TokenVerifier::Verify(const Credentials& credentials, const Issuers& issuers,
                                   const FetchedKeys& fetched, int64_t now_us) {
  const auto refuse = [](std::string_view reason) {
    return Verification{.reason = std::string(reason)};
  };
  if (credentials.token.size() > kMaxTokenSize) return refuse("the token is larger than 16 kB");
  std::string digest = Sha256({credentials.token, credentials.requested_role});
  if (auto identity = FindVerified(digest, issuers, fetched, now_us)) {
    return {.outcome = Verification::Outcome::kAccepted, .identity = std::move(identity)};
  }

  const std::string_view problem = jws_.Parse(credentials.token);
  if (!problem.empty()) return refuse(problem);
  if (!claims_.ParseCopy(jws_.payload()) || claims_.root().type() != JsonType::kObject) {
    return refuse("the token's claims are no JSON object");
  }
  const JsonValue claims = claims_.root();
  if (!HasUniqueMembers(claims)) return refuse("the token's claims have a name twice");
  std::optional<std::string> iss;
  if (const auto value = claims.Find("iss")) {
    if (value->type() != JsonType::kString) return refuse("the token's `iss` is no string");
    iss = value->ToString();
  }
  const Issuer* const issuer = issuers.Of(iss);
  if (issuer == nullptr) return refuse("no issuer has the token's `iss`");
  if (!issuer->algorithms.Has(jws_.algorithm())) {
    return refuse("the issuer does not sign with the token's algorithm");
  }
  // Before the signature, which takes longest: whoever makes such a token knows what it says.
  std::optional<int64_t> expires_at_us;
  const std::string_view out_of_time = CheckTimes(claims, *issuer, now_us, &expires_at_us);
  if (!out_of_time.empty()) return refuse(out_of_time);
  if (!IsForUs(claims, *issuer)) return refuse("the token is for another audience");

  auto fetched_keys = issuer->jwks_url.empty() ? nullptr : fetched(issuer->jwks_url);
  bool is_named = false;
  const auto candidates = CandidatesFor(jws_, *issuer, fetched_keys.get(), now_us, &is_named);
  const auto signer =
      std::find_if(candidates.begin(), candidates.end(),
                   [&](const Candidate& candidate) { return candidate.key->Signed(jws_); });
  if (signer == candidates.end()) {
    Verification failed = refuse(candidates.empty() ? "no key of the issuer fits the token"
                                                    : "the token's signature does not verify");
    if (!is_named && !issuer->jwks_url.empty()) {
      failed.outcome = Verification::Outcome::kNeedsKeys;
      failed.url = issuer->jwks_url;
    }
    return failed;
  }

  Verification verification;
  verification.identity = IdentityOf(issuer->mapping, jws_.payload(),
                                     {.issuer = issuer->name,
                                      .requested_role = credentials.requested_role,
                                      .expires_at_us = expires_at_us},
                                     &verification.reason);
  if (!verification.identity) return verification;
  verification.outcome = Verification::Outcome::kAccepted;
  VerifiedToken verified{.identity = verification.identity,
                         .until_us = expires_at_us.value_or(std::numeric_limits<int64_t>::max())};
  if (signer->source == Source::kPrevious) {
    verified.until_us = std::min(verified.until_us, issuer->previous_until_us);
  }
  if (signer->source == Source::kFetched) verified.fetched_keys = std::move(fetched_keys);
  verified_.Add(std::move(digest), std::move(verified));
  return verification;
}

}  // namespace fsubs
