// What of a schema a reader may see, such that what it sees is a schema by itself: whatever cannot
// be used without something hidden is hidden too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "graphql/schema/schema.hpp"

namespace fsubs::graphql {

// Why an element is hidden: a number of those who hide, the smaller the weightier.
using HidingReason = uint8_t;

class Visibility {
 public:
  // Everything is seen.
  Visibility() = default;

  bool shows_all() const { return reasons_.empty(); }
  // Any node of the schema that has an `id`.
  template <typename Node>
  bool Shows(const Node& node) const {
    return hidden_.empty() || !hidden_[node.id];
  }
  // Whether an argument's or input field's default value names nothing hidden.
  bool ShowsDefault(const InputValue& input) const {
    return shows_all() || ShowsValue(*input.default_value, *input.type);
  }
  bool ShowsValue(const Value& literal, const WrappedType& type) const;

  // REQUIRES: !Shows(node).
  template <typename Node>
  HidingReason ReasonOf(const Node& node) const {
    return reasons_.at(node.id);
  }
  // The weightiest of all. REQUIRES: !shows_all().
  HidingReason weightiest() const;

 private:
  friend class VisibilityRules;
  std::vector<bool> hidden_;  // by ElementId; empty: none
  std::unordered_map<ElementId, HidingReason> reasons_;
};

// What follows from hiding something of a schema. Immutable.
class VisibilityRules {
 public:
  // `links`: the second is hidden if the first is. The schema outlives the object.
  VisibilityRules(const Schema& schema, std::span<const std::pair<ElementId, ElementId>> links);

  // Hide these elements, and what cannot be used without them:
  // - a field, argument or input field of a hidden type, and all that a hidden type consists of;
  // - a type of which no field, value or member is left;
  // - what has a required argument or input field that is hidden;
  // - a field or argument of an interface that is hidden where an object implements it, unless
  //   the object is one of `elements`;
  // - a type to which nothing leads any more.
  // Takes as long as what is hidden, and once through the schema's types if anything is.
  Visibility Hide(std::span<const std::pair<ElementId, HidingReason>> elements) const;

 private:
  struct Element {
    std::vector<ElementId> hides;       // what cannot do without it
    std::vector<ElementId> part_of;     // types that are hidden with the last of their parts
    std::vector<ElementId> implements;  // elements of interfaces
    ElementId implementer = 0;          // the type whose part implements them
    uint32_t parts = 0;                 // how many name it in `part_of`
  };

  class Search;
  void Add(const Type& type);
  void AddInput(const InputValue& input, ElementId owner);
  void AddPart(ElementId part, ElementId type);
  void AddImplementation(const Type& type, const Type& interface);
  std::vector<bool> Reached(const Visibility& visibility) const;

  const Schema& schema_;
  std::vector<Element> elements_;    // by ElementId
  std::vector<const Type*> unused_;  // types that nothing leads to
};

}  // namespace fsubs::graphql
