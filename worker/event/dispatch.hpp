// Finds the subscriptions that an event is for.
//
//   channel -> subscription field (event types) -> shape -> bucket -> group -> member
//
// A shape is a set of fields by which filters are indexed. Its buckets are found by a hash of the
// values that an event has in these fields, so a subscription that does not match costs nothing. A
// group is the members of a bucket that share a plan, an interval and the residual of their filter.
// Groups with intervals are found in a RangeIndex. However many groups share them, a residual is
// tried once per event and a plan is encoded once per event.
//
// One shard's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "contract/event_record.hpp"
#include "worker/event/encode.hpp"
#include "worker/filter/filter.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {

struct DispatchGroup;

// A subscription as the dispatcher knows it; its owner derives from it. Neither copied nor moved
// while it is added.
class Member {
 public:
  const PreparedSubscription& subscription() const { return subscription_; }

  // Takes the payload of an event that the member wants. The text, JSON, is valid during the call.
  // REQUIRES: adds and removes no member.
  virtual void Deliver(std::string_view payload) = 0;

 protected:
  Member() = default;
  ~Member() = default;  // REQUIRES: removed

 private:
  friend class Dispatcher;
  // A member's entry in a group. There is one for each key of the filter.
  struct Place {
    DispatchGroup* group;
    size_t index;  // in the group
  };
  PreparedSubscription subscription_;
  std::vector<Place> places_;
};

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

class Dispatcher {
 public:
  struct Outcome {
    bool malformed = false;  // somebody wanted the event but its data could not be parsed
    size_t encoded = 0;      // payloads
    size_t delivered = 0;    // members
  };

  Dispatcher();
  ~Dispatcher();  // REQUIRES: all members were removed

  // REQUIRES: `member` is not added and lives until it is removed.
  void Add(Member* member, PreparedSubscription subscription);
  void Remove(Member* member);

  // Deliver an event to its subscriptions. REQUIRES: kJsonPadding readable bytes behind
  // record.data.
  Outcome Dispatch(const EventRecord& record, std::string_view position);

  size_t members() const { return members_; }

 private:
  struct Channel;
  struct FieldIndex;
  struct Shape;
  struct Bucket;
  struct PlanSlot;
  struct ResidualSlot;
  friend struct DispatchGroup;

  Shape* ShapeFor(const PreparedSubscription& subscription);
  DispatchGroup* GroupFor(Bucket* bucket, const PreparedSubscription& subscription,
                          ResidualSlot* residual);
  ResidualSlot* ResidualFor(const Filter& filter);
  void RemoveGroup(DispatchGroup* group);
  void Deliver(DispatchGroup* group, const EventMark& mark, Outcome* outcome);
  std::string_view KeyOf(const Shape& shape, const JsonValue& data);

  std::unordered_map<std::string, std::unique_ptr<Channel>, StringHash, std::equal_to<>> channels_;
  std::unordered_map<const Plan*, std::unique_ptr<PlanSlot>> plans_;
  std::unordered_map<std::string, ResidualSlot> residuals_;  // by their identity
  std::unordered_multimap<size_t, DispatchGroup*> groups_;   // by the hash of what they share
  JsonTree tree_;
  std::string key_;
  std::string form_;
  uint64_t event_ = 0;  // counts dispatched events
  size_t members_ = 0;
};

}  // namespace fsubs
