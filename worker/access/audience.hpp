// Who may see what of a catalog's schema: the rules that its directives and registrations make, and
// the answer that clients have to them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "graphql/schema/access_directives.hpp"
#include "graphql/schema/schema.hpp"
#include "graphql/schema/visibility.hpp"
#include "worker/access/denial.hpp"
#include "worker/access/field_access.hpp"
#include "worker/identity/identity.hpp"

namespace fsubs {

// The clients that meet the same demands, and so see the same of the schema. Immutable; what is
// shared between clients is shared within an audience only.
class Audience {
 public:
  explicit Audience(graphql::Visibility visibility) : visibility_(std::move(visibility)) {}

  bool sees_all() const { return visibility_.shows_all(); }
  const graphql::Visibility& visibility() const { return visibility_; }
  // Any node of the schema that has an `id`.
  template <typename Node>
  bool Sees(const Node& node) const {
    return visibility_.Shows(node);
  }
  // REQUIRES: !Sees(node).
  template <typename Node>
  Denial DenialOf(const Node& node) const {
    return static_cast<Denial>(visibility_.ReasonOf(node));
  }
  // REQUIRES: !sees_all().
  Denial denial() const { return static_cast<Denial>(visibility_.weightiest()); }

 private:
  const graphql::Visibility visibility_;
};

class AccessRules {
 public:
  // A subscription field and how it is registered.
  using Registered = std::pair<const graphql::Field*, const FieldAccess*>;
  // The second element looks at the first: a filter's member at the field that it filters by.
  using Looks = std::vector<std::pair<graphql::ElementId, graphql::ElementId>>;

  // The schema outlives the object.
  AccessRules(const graphql::Schema& schema, std::span<const Registered> fields,
              const Looks& looks);

  // Equal answers have one audience as long as it is used, and for some time longer. Threads may
  // call it at the same time.
  std::shared_ptr<const Audience> AudienceOf(const std::shared_ptr<const Identity>& identity) const;

 private:
  // A place in `demands_`.
  using DemandId = uint32_t;

  DemandId Number(graphql::AccessDemand demand);
  template <typename Node>
  void Add(const Node& node, std::span<const graphql::Directive> directives);
  void AddInputs(const std::vector<graphql::InputValue>& inputs);
  void AddType(const graphql::Type& type);
  void Inherit(const graphql::Schema& schema);
  std::shared_ptr<const Audience> FindAudience(const Identity& identity) const;
  std::shared_ptr<const Audience> MakeAudience(const std::string& answer) const;

  std::vector<graphql::AccessDemand> demands_;  // each once
  std::map<graphql::AccessDemand, DemandId> numbers_;
  std::vector<std::pair<graphql::ElementId, DemandId>> elements_;  // what is demanded for them
  std::unique_ptr<const graphql::VisibilityRules> visibility_;     // null: there are no demands
  std::shared_ptr<const Audience> everybody_;

  mutable std::mutex mutex_;
  mutable std::unordered_map<std::string, std::shared_ptr<const Audience>> audiences_;
  // Those of clients, so that only the first operation of each costs the trial of all demands. By
  // owner: an identity whose address another one had is not taken for it.
  mutable std::map<std::weak_ptr<const Identity>, std::weak_ptr<const Audience>, std::owner_less<>>
      known_;
  static constexpr size_t kMinKnown = 256;
  mutable size_t max_known_ = kMinKnown;  // then the identities that are gone are looked for
};

}  // namespace fsubs
