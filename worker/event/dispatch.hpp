// Finds the subscriptions that an event is for.
//
//   channel -> subscription field (event types) -> shape -> bucket -> group -> member
//
// A shape is a set of fields by which filters are indexed; what access modules demand is among
// them. Its buckets are found by a hash of the values that an event has in these fields, so a
// subscription that does not match costs nothing. A group is the members of a bucket that share a
// plan, an interval and the residual of their filter. Groups with intervals are found in a
// RangeIndex. However many groups share them, a residual is tried once per event and a plan is
// encoded once per event.
//
// One shard's thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/container/small_vector.hpp>

#include "contract/event_record.hpp"
#include "worker/base/work_budget.hpp"
#include "worker/event/encode.hpp"
#include "worker/event/event_data.hpp"
#include "worker/filter/filter.hpp"
#include "worker/filter/predicate_trial.hpp"
#include "worker/operation/operation.hpp"

namespace fsubs {

struct DispatchGroup;

// Where an event stands in the ring.
struct EventPlace {
  Position position = 0;
  uint64_t sequence = 0;
  bool is_loss = false;  // it is no event, but tells of some that are lost
};

// A subscription as the dispatcher knows it; its owner derives from it. Neither copied nor moved
// while it is added.
class Member {
 public:
  const PreparedSubscription& subscription() const { return subscription_; }

  // Takes the payload of an event that the member wants. The text, JSON, is valid during the call.
  // REQUIRES: adds and removes no member.
  virtual void Deliver(const EventPlace& place, std::string_view payload) = 0;

  // In its place, if the field has a resolver: takes the event. `data` is what subscribers may see
  // of it. All of it is valid during the call. REQUIRES: adds and removes no member.
  virtual void Hold(const EventPlace&, const EventRecord&, const JsonValue&) {}

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
  boost::container::small_vector<Place, 1> places_;  // most have one
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
    size_t matched = 0;      // members it was for; 0 for lost events
    // Members from whom a module kept it; of those whose conditions beside equality do not hold,
    // too.
    struct Denied {
      size_t by_row_filter = 0;
      size_t by_tenant = 0;
      size_t by_federation = 0;
    };
    Denied denied;
  };

  Dispatcher();
  ~Dispatcher();  // REQUIRES: all members were removed

  // Bytes that a member with that subscription takes here, if it shares nothing.
  static size_t SizeOf(const PreparedSubscription& subscription);

  // REQUIRES: `member` is not added and lives until it is removed.
  void Add(Member* member, PreparedSubscription subscription);
  void Remove(Member* member);

  // Begin to deliver an event, named `position` to clients, and go on as Continue does. A record
  // that tells of lost events is delivered to all members of its channel, or of all channels if it
  // names none, whatever they filter. Members
  // that are added meanwhile may get it or not. REQUIRES: the last event is done. Until this one
  // is, the record's texts live, with kJsonPadding readable bytes behind its data.
  bool Begin(const EventRecord& record, std::string_view position, WorkBudget* budget);

  // Go on with the event. Returns whether it is done; if not, the budget is spent.
  bool Continue(WorkBudget* budget);

  // Give back the memory of events larger than so many bytes, or for many. Returns how many bytes
  // that were. REQUIRES: the last event is done.
  size_t Shrink(size_t event_bytes);

  // What came of the event that was begun last. Complete when it is done.
  const Outcome& outcome() const { return outcome_; }

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
  // Whether the event is being delivered to the group's members just now.
  bool IsUnderWay(const DispatchGroup* group) const;
  void AddMatch(DispatchGroup* group);
  void AddMatches(Bucket* bucket, const EventView& event);
  void MatchLists(Shape* shape, const EventView& event);
  void MatchShape(Shape* shape, const EventView& event);
  void Tally(Shape* shape, const std::vector<std::string>& keys, int by);
  void CountDenied(Demander module, size_t members);
  void CollectAllGroups(const Channel& channel, WorkBudget* budget);
  void CollectGroups(const Channel& channel, const EventRecord& record, WorkBudget* budget);
  void EncodeFor(DispatchGroup* group, WorkBudget* budget);
  void DropPayload(PlanSlot* slot);
  bool TryResidual(DispatchGroup* group, WorkBudget* budget, bool* holds);
  bool WasAtEarlierPlace(const DispatchGroup* group, const Member& member, size_t place) const;
  bool Deliver(DispatchGroup* group, WorkBudget* budget);

  std::unordered_map<std::string, std::unique_ptr<Channel>, StringHash, std::equal_to<>> channels_;
  std::unordered_map<const Plan*, std::unique_ptr<PlanSlot>> plans_;
  std::unordered_map<std::string, ResidualSlot> residuals_;  // by their identity
  std::unordered_multimap<size_t, DispatchGroup*> groups_;   // by the hash of what they share
  std::string key_;
  std::string form_;
  size_t members_ = 0;

  // The event that is under way.
  uint64_t event_ = 0;  // counts events
  EventData data_;
  EventMark mark_;
  std::string mark_position_;
  EventPlace place_;
  EventRecord record_;
  std::vector<DispatchGroup*> matched_;  // groups it is for, but for their residual; null: removed
  size_t next_group_ = 0;                // in matched_
  size_t next_member_ = 0;               // in that group
  PredicateTrial trial_;                 // of the residual of that group, once begun
  bool trying_ = false;
  std::vector<PlanSlot*> large_;  // slots whose payload is large, in the order of encoding
  size_t large_bytes_ = 0;        // of them
  Outcome outcome_;
};

}  // namespace fsubs
