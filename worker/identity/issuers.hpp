// Who may issue tokens, as registered. Immutable; part of a catalog.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/identity/algorithm.hpp"
#include "worker/identity/claim_mapping.hpp"
#include "worker/identity/key.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

struct Issuer {
  std::string name;
  std::vector<Key> keys;  // all that are registered here but `previous`
  std::optional<Key> previous;
  int64_t previous_until_us = std::numeric_limits<int64_t>::max();
  std::string jwks_url;                // empty: none
  std::vector<std::string> audiences;  // empty: any
  Algorithms algorithms = Algorithms::All();
  int64_t leeway_us = 0;
  bool require_exp = true;
  ClaimMapping mapping;
};

class Issuers {
 public:
  // From the member `issuers` of a snapshot (docs/side-door.md). An issuer that cannot be used is
  // left out, and `*left_out` says why; its tokens are refused, whoever else could have issued
  // them.
  static std::shared_ptr<const Issuers> FromSnapshot(const JsonValue& rows,
                                                     std::vector<std::string>* left_out);

  // Who issued tokens with this `iss`, or without one. Null: nobody.
  const Issuer* Of(const std::optional<std::string>& iss) const;

  // By Identity::issuer; null if there is none of that name.
  const Issuer* Named(std::string_view name) const;
  // How claims are mapped that no token brought, or one of an issuer that is no more.
  const ClaimMapping& MappingOf(std::string_view name) const;

  // Name and reason of each that cannot be used.
  const std::vector<std::pair<std::string, std::string>>& left_out() const { return left_out_; }

  // By name. They live as long as this does.
  std::vector<const Issuer*> all() const;

  // The same for the same issuers, whatever else changes in the catalog.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  std::map<std::string, std::unique_ptr<const Issuer>, std::less<>> by_name_;
  // Null for one that is left out.
  std::map<std::string, const Issuer*, std::less<>> by_iss_;
  const Issuer* others_ = nullptr;  // of whom no `iss` is registered
  std::vector<std::pair<std::string, std::string>> left_out_;
  std::string fingerprint_;
};

}  // namespace fsubs
