#include "worker/event/dispatch.hpp"

#include <algorithm>

#include "worker/base/heap_size.hpp"
#include "worker/event/loss_notice.hpp"
#include "worker/filter/range_index.hpp"

namespace fsubs {

// Ownership runs down the path that dispatch.hpp shows: channels_ own channels, these own fields,
// and so on to groups. Pointers that run up or across own nothing. Members belong to their callers.
// A plan lives as long as a member that uses it, a field definition as long as its FieldIndex,
// which shares the catalog.
//
// A member is either added or not. While it is added it has one place for each key of its filter:
// an entry in a group. Place and entry name each other by index, so that removing swaps with the
// last entry and corrects one index. A member that is not added has no places.
//
// Between calls these hold:
//
// - Nothing is empty: a group has a member, a bucket a group, a shape a bucket, a field a shape and
//   a channel a field. The last member to leave takes them with it, in that order (RemoveGroup). It
//   gives up its subscription afterwards, since that may be all that keeps the group's plan alive.
// - No two groups of a bucket have the same plan, interval and residual. groups_ has every group by
//   a hash of the bucket and these three, so that GroupFor finds the one that exists.
// - A plan or a residual has a slot as long as groups use it. The slot counts them.
// - Buckets, residual slots and their keys stay where they are until they are erased: a map that
//   grows does not move its nodes. So pointers to them are kept.
// - A slot's `event` is the number of the event that it was last computed for. event_ grows before
//   each event, so what was computed for an earlier one is not taken for the next.
//
// An event reaches a member at most once. A member's places are in buckets of one shape, each under
// another key, and an event has one key in a shape, unless lists that a row filter looks at give it
// several: then a member gets it at the first of its places that it is for. A loss is for all
// groups of its channel, so a member is told of it at its first place.
//
// An event may be under way between calls, and members may come and go meanwhile. matched_ then has
// the groups that it is for, and next_group_ and next_member_ say how far it has come. A group that
// goes leaves null there. In the group under way, members in front of next_member_ have got the
// event: Remove moves none across that mark. A group that comes is not in matched_, so a member
// that is removed and added again between two calls may miss the event.

// A plan's payload for the event it was last encoded for.
struct Dispatcher::PlanSlot {
  size_t groups = 0;
  uint64_t event = 0;
  std::string payload;
};

// The part of a filter that no index finds, and whether it holds for the event it was last tried
// on.
struct Dispatcher::ResidualSlot {
  std::shared_ptr<const Predicate> predicate;
  const std::string* identity = nullptr;  // its own key in residuals_
  size_t groups = 0;
  uint64_t event = 0;
  const FieldIndex* field = nullptr;  // as whose subscribers see that event
  bool holds = false;
};

struct Dispatcher::Bucket {
  Shape* shape;
  const std::string* key;  // its own key in the shape's map
  boost::container::small_vector<std::unique_ptr<DispatchGroup>, 1> groups;
  std::unique_ptr<RangeIndex> ranges;  // of the same groups, if the shape has a range
  size_t members = 0;
};

struct Dispatcher::Shape {
  // For one of the modules whose fields are in `equal`: how many members there are with the same
  // values of the fields in front of those.
  struct FrontTally {
    Demander module;
    size_t fields;  // in front
    std::unordered_map<std::string, size_t, StringHash, std::equal_to<>> members;

    size_t Find(std::string_view front) const {
      const auto found = members.find(front);
      return found == members.end() ? 0 : found->second;
    }
  };

  explicit Shape(FieldIndex* in, const Filter& filter)
      : field(in), equal(filter.equal), ranged(filter.ranged), by_subgraph(filter.by_subgraph()) {
    for (size_t i = 0; i < equal.size(); ++i) {
      const Demander demander = equal[i].demander;
      if (demander == Demander::kClient) continue;
      if (i == 0 || equal[i - 1].demander != demander) tallies.push_back({demander, i, {}});
    }
  }

  FieldIndex* field;
  std::vector<IndexedField> equal;
  std::optional<IndexedField> ranged;
  bool by_subgraph;
  bool has_several_keys = false;    // the event under way, here
  std::vector<FrontTally> tallies;  // in the order of their fields
  size_t members = 0;
  std::unordered_map<std::string, Bucket, StringHash, std::equal_to<>> buckets;
};

struct Dispatcher::FieldIndex {
  Channel* channel;
  const SubscriptionField* field;
  std::shared_ptr<const Catalog> catalog;  // owns `field`
  std::vector<std::unique_ptr<Shape>> shapes;
  std::optional<JsonValue> data;  // of the event under way, if it is for this field
};

struct Dispatcher::Channel {
  std::string name;
  std::vector<std::unique_ptr<FieldIndex>> fields;
};

struct DispatchGroup : RangeIndex::Item {
  DispatchGroup(Dispatcher::Bucket* in, const PreparedSubscription& subscription,
                Dispatcher::ResidualSlot* tried, size_t hashed)
      : Item(subscription.filter.interval),
        bucket(in),
        plan(subscription.plan.get()),
        residual(tried),
        hash(hashed),
        index(in->groups.size()) {}

  struct Entry {
    Member* member;
    size_t place;  // in the member's places
  };

  Dispatcher::Bucket* bucket;
  const Plan* plan;
  Dispatcher::PlanSlot* slot = nullptr;
  Dispatcher::ResidualSlot* residual;  // null: none
  size_t hash;
  size_t index;              // in the bucket
  uint64_t matched_for = 0;  // the event that found it last
  size_t matched_at = 0;     // its place in matched_ then
  // Many groups have one member, whom an event for it alone is to find without detours.
  boost::container::small_vector<Entry, 1> members;
};

namespace {

// Payload buffers larger than this are not kept for the plan's next event.
constexpr size_t kMaxKeptPayload = 8 * 1024;

// Most bytes of payloads larger than that, beside the one that is delivered. A plan may select one
// text many times, so they can be much larger than the event.
constexpr size_t kMaxLargePayloads = 16 * 1024 * 1024;

// Shrink keeps the memory of an event for so many groups.
constexpr size_t kMaxKeptMatches = 1024;

template <typename Owned, typename Matches>
Owned* FindIn(const std::vector<std::unique_ptr<Owned>>& list, Matches matches) {
  for (const auto& item : list) {
    if (matches(*item)) return item.get();
  }
  return nullptr;
}

template <typename Owned>
void EraseFrom(std::vector<std::unique_ptr<Owned>>* list, const Owned* item) {
  const auto found = std::find_if(list->begin(), list->end(),
                                  [&](const auto& owned) { return owned.get() == item; });
  std::swap(*found, list->back());
  list->pop_back();
}

template <typename Value>
void Combine(const Value& value, size_t* hash) {
  *hash = *hash * 31 + std::hash<Value>()(value);
}

}  // namespace

size_t Dispatcher::SizeOf(const PreparedSubscription& subscription) {
  const Filter& filter = subscription.filter;
  const size_t bounds = HeapSize(filter.interval.lower) + HeapSize(filter.interval.upper);
  // A place, a bucket with its key, a group and its entry in groups_.
  size_t each = sizeof(Member::Place) + kHeapEntry<decltype(Shape::buckets)> +
                HeapBlock(sizeof(DispatchGroup)) + bounds + kHeapEntry<decltype(groups_)>;
  if (filter.ranged) each += HeapBlock(sizeof(RangeIndex)) + RangeIndex::SizeOf(filter.interval);
  for (size_t i = 0; i < filter.equal.size(); ++i) {
    const Demander demander = filter.equal[i].demander;
    const bool begins = i == 0 || filter.equal[i - 1].demander != demander;
    if (demander == Demander::kClient || !begins) continue;
    each += kHeapEntry<decltype(Shape::FrontTally::members)>;
  }
  size_t size = filter.keys.size() * each + HeapSize(filter.keys);
  if (filter.residual) size += kHeapEntry<decltype(residuals_)> + HeapSize(*filter.residual);
  return size;
}

Dispatcher::Dispatcher() = default;
Dispatcher::~Dispatcher() = default;

Dispatcher::Shape* Dispatcher::ShapeFor(const PreparedSubscription& subscription) {
  const SubscriptionField* const field = subscription.field;
  auto& channel = channels_[field->channel];
  if (!channel) channel = std::make_unique<Channel>(Channel{field->channel, {}});

  FieldIndex* index =
      FindIn(channel->fields, [&](const FieldIndex& known) { return known.field == field; });
  if (index == nullptr) {
    channel->fields.push_back(std::make_unique<FieldIndex>(
        FieldIndex{channel.get(), field, subscription.catalog, {}, {}}));
    index = channel->fields.back().get();
  }

  const Filter& filter = subscription.filter;
  Shape* const shape = FindIn(index->shapes, [&](const Shape& known) {
    return known.equal == filter.equal && known.ranged == filter.ranged;
  });
  if (shape != nullptr) return shape;
  index->shapes.push_back(std::make_unique<Shape>(index, filter));
  return index->shapes.back().get();
}

Dispatcher::ResidualSlot* Dispatcher::ResidualFor(const Filter& filter) {
  if (!filter.residual) return nullptr;
  std::string identity;
  AppendIdentity(*filter.residual, &identity);
  const auto [entry, added] = residuals_.try_emplace(std::move(identity));
  ResidualSlot* const residual = &entry->second;
  if (added) {
    residual->predicate = filter.residual;
    residual->identity = &entry->first;
  }
  return residual;
}

DispatchGroup* Dispatcher::GroupFor(Bucket* bucket, const PreparedSubscription& subscription,
                                    ResidualSlot* residual) {
  const Plan* const plan = subscription.plan.get();
  const Interval& interval = subscription.filter.interval;
  size_t hash = 0;
  Combine(bucket, &hash);
  Combine(plan, &hash);
  Combine(residual, &hash);
  Combine(interval.lower, &hash);
  Combine(interval.upper, &hash);
  const auto [first, last] = groups_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    DispatchGroup* const known = at->second;
    if (known->bucket == bucket && known->plan == plan && known->residual == residual &&
        known->interval() == interval) {
      return known;
    }
  }
  bucket->groups.push_back(std::make_unique<DispatchGroup>(bucket, subscription, residual, hash));
  DispatchGroup* const group = bucket->groups.back().get();
  groups_.emplace(hash, group);
  if (bucket->ranges) bucket->ranges->Add(group);
  auto& slot = plans_[plan];
  if (!slot) slot = std::make_unique<PlanSlot>();
  group->slot = slot.get();
  ++slot->groups;
  if (residual != nullptr) ++residual->groups;
  return group;
}

void Dispatcher::Add(Member* member, PreparedSubscription subscription) {
  const Filter& filter = subscription.filter;
  if (!filter.keys.empty()) {
    Shape* const shape = ShapeFor(subscription);
    ++shape->members;
    Tally(shape, filter.keys, 1);
    ResidualSlot* const residual = ResidualFor(filter);
    for (const std::string& key : filter.keys) {
      const auto [entry, added] = shape->buckets.try_emplace(key);
      Bucket* const bucket = &entry->second;
      if (added) {
        bucket->shape = shape;
        bucket->key = &entry->first;
        if (shape->ranged) bucket->ranges = std::make_unique<RangeIndex>();
      }
      ++bucket->members;
      DispatchGroup* const group = GroupFor(bucket, subscription, residual);
      group->members.push_back({member, member->places_.size()});
      member->places_.push_back({group, group->members.size() - 1});
    }
  }
  member->subscription_ = std::move(subscription);
  ++members_;
}

void Dispatcher::Tally(Shape* shape, const std::vector<std::string>& keys, int by) {
  for (Shape::FrontTally& tally : shape->tallies) {
    std::vector<std::string_view> fronts;
    for (const std::string& key : keys) fronts.push_back(KeyFront(key, tally.fields));
    std::sort(fronts.begin(), fronts.end());
    fronts.erase(std::unique(fronts.begin(), fronts.end()), fronts.end());
    for (const std::string_view front : fronts) {
      const auto entry = tally.members.try_emplace(std::string(front), 0).first;
      entry->second += by;
      if (entry->second == 0) tally.members.erase(entry);
    }
  }
}

void Dispatcher::Remove(Member* member) {
  if (!member->places_.empty()) {
    Shape* const shape = member->places_.front().group->bucket->shape;
    --shape->members;
    Tally(shape, member->subscription_.filter.keys, -1);
  }
  for (const Member::Place& place : member->places_) {
    DispatchGroup* const group = place.group;
    --group->bucket->members;
    auto& members = group->members;
    const auto put = [&](size_t to, size_t from) {
      members[to] = members[from];
      members[to].member->places_[members[to].place].index = to;
    };
    size_t gap = place.index;
    if (IsUnderWay(group) && gap < next_member_) {
      // The last member has not had its turn yet, so it must not move in front of the mark.
      put(gap, --next_member_);
      gap = next_member_;
    }
    put(gap, members.size() - 1);
    members.pop_back();
    if (members.empty()) RemoveGroup(group);
  }
  member->places_.clear();
  member->subscription_ = {};
  --members_;
}

bool Dispatcher::IsUnderWay(const DispatchGroup* group) const {
  return next_group_ < matched_.size() && matched_[next_group_] == group;
}

// Also removes what becomes empty with it, up to the channel.
void Dispatcher::RemoveGroup(DispatchGroup* group) {
  Bucket* const bucket = group->bucket;
  Shape* const shape = bucket->shape;
  FieldIndex* const field = shape->field;
  Channel* const channel = field->channel;
  if (IsUnderWay(group)) trying_ = false;
  if (group->matched_for == event_ && group->matched_at < matched_.size()) {
    matched_[group->matched_at] = nullptr;
  }
  const auto [first, last] = groups_.equal_range(group->hash);
  groups_.erase(
      std::find_if(first, last, [&](const auto& entry) { return entry.second == group; }));
  if (bucket->ranges) bucket->ranges->Remove(group);
  if (PlanSlot* const slot = group->slot; --slot->groups == 0) {
    DropPayload(slot);
    plans_.erase(group->plan);
  }
  if (ResidualSlot* const residual = group->residual;
      residual != nullptr && --residual->groups == 0) {
    residuals_.erase(residuals_.find(*residual->identity));
  }
  bucket->groups.back()->index = group->index;
  std::swap(bucket->groups[group->index], bucket->groups.back());
  bucket->groups.pop_back();
  if (bucket->groups.empty()) shape->buckets.erase(shape->buckets.find(*bucket->key));
  if (shape->buckets.empty()) EraseFrom(&field->shapes, shape);
  if (field->shapes.empty()) EraseFrom(&channel->fields, field);
  if (channel->fields.empty()) channels_.erase(channels_.find(channel->name));
}

// Returns whether it is known now whether the residual of the group's filters holds.
bool Dispatcher::TryResidual(DispatchGroup* group, WorkBudget* budget, bool* holds) {
  ResidualSlot* const residual = group->residual;
  if (residual == nullptr || place_.is_loss) {
    *holds = true;
    return true;
  }
  const FieldIndex* const field = group->bucket->shape->field;
  if (residual->event != event_ || residual->field != field) {
    if (!trying_) trial_.Start(*residual->predicate, *field->data);
    const std::optional<bool> tried = trial_.Continue(budget);
    trying_ = !tried;
    if (trying_) return false;
    residual->event = event_;
    residual->field = field;
    residual->holds = *tried;
  }
  *holds = residual->holds;
  return true;
}

void Dispatcher::EncodeFor(DispatchGroup* group, WorkBudget* budget) {
  PlanSlot* const slot = group->slot;
  if (place_.is_loss) {
    slot->payload = EncodeLoss(*group->plan, record_);
  } else {
    slot->payload.clear();
    Encode(*group->plan, *group->bucket->shape->field->data, mark_, &slot->payload);
  }
  slot->event = event_;
  ++outcome_.encoded;
  budget->Spend(1);
  budget->SpendBytes(slot->payload.size());
  if (slot->payload.capacity() <= kMaxKeptPayload) return;
  // Another group with an earlier one's plan has it encoded again.
  while (large_bytes_ > kMaxLargePayloads) DropPayload(large_.front());
  large_.push_back(slot);
  large_bytes_ += slot->payload.capacity();
}

// Does nothing unless the slot is in large_.
void Dispatcher::DropPayload(PlanSlot* slot) {
  if (std::erase(large_, slot) == 0) return;
  large_bytes_ -= slot->payload.capacity();
  std::string().swap(slot->payload);
  slot->event = 0;
}

// Whether the event under way was for the member at a place before this one.
bool Dispatcher::WasAtEarlierPlace(const DispatchGroup* group, const Member& member,
                                   size_t place) const {
  if (place_.is_loss) return true;
  if (!group->bucket->shape->has_several_keys) return false;
  const auto& places = member.places_;
  return std::any_of(places.begin(), places.begin() + place, [&](const Member::Place& earlier) {
    return earlier.group->matched_for == event_;
  });
}

// Returns whether the group is done.
bool Dispatcher::Deliver(DispatchGroup* group, WorkBudget* budget) {
  bool holds = false;
  if (!TryResidual(group, budget, &holds)) return false;
  if (!holds) return true;
  const FieldIndex& field = *group->bucket->shape->field;
  const bool is_held = field.field->resolver && !place_.is_loss;
  PlanSlot* const slot = group->slot;
  if (!is_held && slot->event != event_) EncodeFor(group, budget);
  for (; next_member_ < group->members.size(); ++next_member_) {
    if (budget->is_spent()) return false;
    const DispatchGroup::Entry& entry = group->members[next_member_];
    if (entry.place > 0 && WasAtEarlierPlace(group, *entry.member, entry.place)) continue;
    if (!place_.is_loss) ++outcome_.matched;
    if (is_held) {
      entry.member->Hold(place_, record_, *field.data);
      budget->SpendBytes(WorkBudget::kBytesPerUnit / 4);
      continue;
    }
    entry.member->Deliver(place_, slot->payload);
    budget->SpendBytes((WorkBudget::kBytesPerUnit + slot->payload.size()) / 4);
  }
  return true;
}

void Dispatcher::AddMatch(DispatchGroup* group) {
  group->matched_for = event_;
  group->matched_at = matched_.size();
  matched_.push_back(group);
}

void Dispatcher::CollectAllGroups(const Channel& channel, WorkBudget* budget) {
  for (const auto& field : channel.fields) {
    for (const auto& shape : field->shapes) {
      for (const auto& [key, bucket] : shape->buckets) {
        for (const auto& group : bucket.groups) AddMatch(group.get());
        budget->SpendBytes(WorkBudget::kBytesPerUnit / 4 * bucket.groups.size());
      }
    }
  }
}

void Dispatcher::AddMatches(Bucket* bucket, const EventView& event) {
  const Shape& shape = *bucket->shape;
  if (shape.ranged) {
    form_.clear();
    AppendForm(shape.ranged->comparison, ValueAt(event.data, shape.ranged->path), &form_);
    bucket->ranges->ForEachContaining(
        form_, [&](RangeIndex::Item* item) { AddMatch(static_cast<DispatchGroup*>(item)); });
  } else {
    for (const auto& group : bucket->groups) AddMatch(group.get());
  }
}

void Dispatcher::CountDenied(Demander module, size_t members) {
  Outcome::Denied& denied = outcome_.denied;
  switch (module) {
    case Demander::kClient:
      break;
    case Demander::kRowFilter:
      denied.by_row_filter += members;
      break;
    case Demander::kTenant:
      denied.by_tenant += members;
      break;
    case Demander::kFederation:
      denied.by_federation += members;
  }
}

void Dispatcher::MatchShape(Shape* shape, const EventView& event) {
  key_.clear();
  shape->has_several_keys = !AppendKey(shape->equal, event, &key_);
  if (shape->has_several_keys) {
    MatchLists(shape, event);
    return;
  }
  const auto found = shape->buckets.find(key_);
  Bucket* const bucket = found == shape->buckets.end() ? nullptr : &found->second;
  if (bucket != nullptr) AddMatches(bucket, event);
  // A module denies the event to those who are left when those before it have decided.
  const auto& tallies = shape->tallies;
  size_t left = tallies.empty() ? 0 : tallies.front().Find(KeyFront(key_, tallies.front().fields));
  for (auto tally = tallies.begin(); left > 0 && tally != tallies.end(); ++tally) {
    const auto next = tally + 1;
    const size_t kept = next != tallies.end() ? next->Find(KeyFront(key_, next->fields))
                        : bucket != nullptr   ? bucket->members
                                              : 0;
    CountDenied(tally->module, left - kept);
    left = kept;
  }
}

// The event has as many keys as its lists have combinations of elements: those are looked up,
// unless the buckets are fewer.
void Dispatcher::MatchLists(Shape* shape, const EventView& event) {
  // Lists begin behind the client's own fields.
  const Shape::FrontTally& tally = shape->tallies.front();
  const size_t asked = tally.Find(KeyFront(key_, tally.fields));
  const ListKeys keys(shape->equal, event);
  size_t members = 0;
  const auto match = [&](Bucket* bucket) {
    members += bucket->members;
    AddMatches(bucket, event);
  };
  if (keys.size() <= shape->buckets.size()) {
    keys.ForEach([&](std::string_view key) {
      const auto found = shape->buckets.find(key);
      if (found != shape->buckets.end()) match(&found->second);
    });
  } else {
    for (auto& [key, bucket] : shape->buckets) {
      if (keys.Has(key)) match(&bucket);
    }
  }
  CountDenied(tally.module, asked - std::min(asked, members));
}

void Dispatcher::CollectGroups(const Channel& channel, const EventRecord& record,
                               WorkBudget* budget) {
  bool parsed = false;
  for (const auto& field : channel.fields) {
    if (!field->field->Wants(record.event_type)) continue;
    const EventRules& rules = field->field->rules;
    if (!rules.subgraph.empty() && record.subgraph != rules.subgraph) {
      for (const auto& shape : field->shapes) {
        CountDenied(Demander::kFederation, shape->members);
      }
      continue;
    }
    if (!parsed && !data_.Parse(record.data)) {
      outcome_.malformed = true;
      return;
    }
    if (!parsed) budget->SpendBytes(record.data.size());
    parsed = true;
    field->data = data_.For(rules);
    const EventView event{*field->data, record.subgraph};
    for (const auto& shape : field->shapes) {
      if (rules.subgraph.empty() && !record.subgraph.empty() && !shape->by_subgraph) {
        CountDenied(Demander::kFederation, shape->members);
        continue;
      }
      MatchShape(shape.get(), event);
    }
    budget->SpendBytes(WorkBudget::kBytesPerUnit / 4 * field->shapes.size());
  }
}

bool Dispatcher::Begin(const EventRecord& record, std::string_view position, WorkBudget* budget) {
  outcome_ = {};
  const bool is_loss = record.kind == RecordKind::kEventsLost;
  const auto channel = channels_.find(record.channel);
  if (channel == channels_.end() && !(is_loss && record.channel.empty())) return true;
  ++event_;
  place_ = {record.position, record.sequence, is_loss};
  record_ = record;
  mark_position_ = position;
  mark_ = {mark_position_, record.commit_time_us, (record.flags & kIncomplete) != 0};
  if (!is_loss) {
    CollectGroups(*channel->second, record, budget);
  } else if (record.channel.empty()) {
    for (const auto& [name, any] : channels_) CollectAllGroups(*any, budget);
  } else {
    CollectAllGroups(*channel->second, budget);
  }
  return Continue(budget);
}

bool Dispatcher::Continue(WorkBudget* budget) {
  for (; next_group_ < matched_.size(); ++next_group_, next_member_ = 0) {
    DispatchGroup* const group = matched_[next_group_];
    if (group != nullptr && !Deliver(group, budget)) return false;
  }
  matched_.clear();
  next_group_ = 0;
  for (PlanSlot* const slot : large_) std::string().swap(slot->payload);
  large_.clear();
  large_bytes_ = 0;
  return true;
}

size_t Dispatcher::Shrink(size_t event_bytes) {
  if (matched_.capacity() > kMaxKeptMatches) matched_ = std::vector<DispatchGroup*>();
  return data_.Shrink(event_bytes);
}

}  // namespace fsubs
