// Which limits hold for a client. Immutable; shared.
//
// The settings hold for everybody. The row of fraiseql_set_limits() for everybody takes the place
// of each setting that it names, and that of a role the place of both for clients with the role; of
// several roles that name a limit, the largest value counts.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "contract/limit.hpp"
#include "worker/base/options.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

class Limits {
 public:
  // Of the settings.
  static Limits FromOptions(const Options& options);

  // Nothing: no limit.
  const std::optional<LimitValue>& of(LimitKey key) const { return values_[IndexOf(key)]; }
  void Set(LimitKey key, const std::optional<LimitValue>& value) { values_[IndexOf(key)] = value; }

  bool operator==(const Limits&) const = default;

 private:
  std::array<std::optional<LimitValue>, kLimitCount> values_;
};

// A row of fraiseql_set_limits().
struct RoleLimits {
  std::optional<std::string> role;  // nothing: everybody's
  // Those that it names, each once.
  std::vector<std::pair<LimitKey, std::optional<LimitValue>>> values;
};

// From a row of the snapshot's limits. Nothing if it is none. What cannot be read of it is left
// out, and `*problems` says why: of a role, so that what holds for everybody does; of everybody, so
// that nothing is let in by it, as by a limit of 0.
std::optional<RoleLimits> ReadRoleLimits(const JsonValue& row, std::vector<std::string>* problems);

class LimitRules {
 public:
  LimitRules(const Limits& settings, std::span<const RoleLimits> rows);

  const std::shared_ptr<const Limits>& everybody() const { return everybody_; }
  std::shared_ptr<const Limits> For(std::span<const std::string> roles) const;

 private:
  std::shared_ptr<const Limits> everybody_;
  struct OfRole {
    RoleLimits named;
    std::shared_ptr<const Limits> alone;  // of clients for which no other role counts
  };
  std::unordered_map<std::string, OfRole> roles_;
};

}  // namespace fsubs
