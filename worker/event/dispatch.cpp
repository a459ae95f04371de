#include "worker/event/dispatch.hpp"

#include <algorithm>

#include "worker/filter/range_index.hpp"

namespace fsubs {

// A plan's payload for the event it was last encoded for.
struct Dispatcher::PlanSlot {
  size_t groups = 0;
  uint64_t event = 0;
  std::string payload;
};

// What filters demand beside what an index finds, and whether the event it was last tried on does.
struct Dispatcher::DemandSlot {
  std::shared_ptr<const Predicate> predicate;
  const std::string* identity = nullptr;  // its own key in demands_
  size_t groups = 0;
  uint64_t event = 0;
  bool holds = false;
};

struct Dispatcher::Bucket {
  Shape* shape;
  const std::string* key;  // its own key in the shape's map
  std::vector<std::unique_ptr<DispatchGroup>> groups;
  std::unique_ptr<RangeIndex> ranges;  // of the same groups, if the shape has a range
};

struct Dispatcher::Shape {
  FieldIndex* field;
  std::vector<IndexedField> equal;
  std::optional<IndexedField> ranged;
  std::unordered_map<std::string, Bucket, StringHash, std::equal_to<>> buckets;
};

struct Dispatcher::FieldIndex {
  Channel* channel;
  const SubscriptionField* field;
  std::shared_ptr<const Catalog> catalog;  // owns `field`
  std::vector<std::unique_ptr<Shape>> shapes;
};

struct Dispatcher::Channel {
  std::string name;
  std::vector<std::unique_ptr<FieldIndex>> fields;
};

struct DispatchGroup : RangeIndex::Item {
  DispatchGroup(Dispatcher::Bucket* in, const PreparedSubscription& subscription,
                Dispatcher::DemandSlot* demanded, size_t hashed)
      : Item(subscription.filter.interval),
        bucket(in),
        plan(subscription.plan.get()),
        demand(demanded),
        hash(hashed),
        index(in->groups.size()) {}

  struct Entry {
    Member* member;
    size_t place;  // in the member's places
  };

  Dispatcher::Bucket* bucket;
  const Plan* plan;
  Dispatcher::PlanSlot* slot = nullptr;
  Dispatcher::DemandSlot* demand;  // null: none
  size_t hash;
  size_t index;  // in the bucket
  std::vector<Entry> members;
};

namespace {

// Payload buffers larger than this are not kept for the plan's next event.
constexpr size_t kMaxKeptPayload = 64 * 1024;

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

Dispatcher::Dispatcher() = default;
Dispatcher::~Dispatcher() = default;

Dispatcher::Shape* Dispatcher::ShapeFor(const PreparedSubscription& subscription) {
  const SubscriptionField* const field = subscription.field;
  auto& channel = channels_[field->channel];
  if (!channel) channel = std::make_unique<Channel>(Channel{field->channel, {}});

  FieldIndex* index =
      FindIn(channel->fields, [&](const FieldIndex& known) { return known.field == field; });
  if (index == nullptr) {
    channel->fields.push_back(
        std::make_unique<FieldIndex>(FieldIndex{channel.get(), field, subscription.catalog, {}}));
    index = channel->fields.back().get();
  }

  const Filter& filter = subscription.filter;
  Shape* const shape = FindIn(index->shapes, [&](const Shape& known) {
    return known.equal == filter.equal && known.ranged == filter.ranged;
  });
  if (shape != nullptr) return shape;
  index->shapes.push_back(std::make_unique<Shape>(Shape{index, filter.equal, filter.ranged, {}}));
  return index->shapes.back().get();
}

Dispatcher::DemandSlot* Dispatcher::DemandFor(const Filter& filter) {
  if (!filter.residual) return nullptr;
  std::string identity;
  AppendIdentity(*filter.residual, &identity);
  const auto [entry, added] = demands_.try_emplace(std::move(identity));
  DemandSlot* const demand = &entry->second;
  if (added) {
    demand->predicate = filter.residual;
    demand->identity = &entry->first;
  }
  return demand;
}

DispatchGroup* Dispatcher::GroupFor(Bucket* bucket, const PreparedSubscription& subscription,
                                    DemandSlot* demand) {
  const Plan* const plan = subscription.plan.get();
  const Interval& interval = subscription.filter.interval;
  size_t hash = 0;
  Combine(bucket, &hash);
  Combine(plan, &hash);
  Combine(demand, &hash);
  Combine(interval.lower, &hash);
  Combine(interval.upper, &hash);
  const auto [first, last] = groups_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    DispatchGroup* const known = at->second;
    if (known->bucket == bucket && known->plan == plan && known->demand == demand &&
        known->interval() == interval) {
      return known;
    }
  }
  bucket->groups.push_back(std::make_unique<DispatchGroup>(bucket, subscription, demand, hash));
  DispatchGroup* const group = bucket->groups.back().get();
  groups_.emplace(hash, group);
  if (bucket->ranges) bucket->ranges->Add(group);
  auto& slot = plans_[plan];
  if (!slot) slot = std::make_unique<PlanSlot>();
  group->slot = slot.get();
  ++slot->groups;
  if (demand != nullptr) ++demand->groups;
  return group;
}

void Dispatcher::Add(Member* member, PreparedSubscription subscription) {
  const Filter& filter = subscription.filter;
  if (!filter.keys.empty()) {
    Shape* const shape = ShapeFor(subscription);
    DemandSlot* const demand = DemandFor(filter);
    for (const std::string& key : filter.keys) {
      const auto [entry, added] = shape->buckets.try_emplace(key);
      Bucket* const bucket = &entry->second;
      if (added) {
        bucket->shape = shape;
        bucket->key = &entry->first;
        if (shape->ranged) bucket->ranges = std::make_unique<RangeIndex>();
      }
      DispatchGroup* const group = GroupFor(bucket, subscription, demand);
      group->members.push_back({member, member->places_.size()});
      member->places_.push_back({group, group->members.size() - 1});
    }
  }
  member->subscription_ = std::move(subscription);
  ++members_;
}

void Dispatcher::Remove(Member* member) {
  for (const Member::Place& place : member->places_) {
    auto& members = place.group->members;
    members[place.index] = members.back();
    members[place.index].member->places_[members[place.index].place].index = place.index;
    members.pop_back();
    if (members.empty()) RemoveGroup(place.group);
  }
  member->places_.clear();
  member->subscription_ = {};
  --members_;
}

// And what becomes empty with it, up to the channel.
void Dispatcher::RemoveGroup(DispatchGroup* group) {
  Bucket* const bucket = group->bucket;
  Shape* const shape = bucket->shape;
  FieldIndex* const field = shape->field;
  Channel* const channel = field->channel;
  const auto [first, last] = groups_.equal_range(group->hash);
  groups_.erase(
      std::find_if(first, last, [&](const auto& entry) { return entry.second == group; }));
  if (bucket->ranges) bucket->ranges->Remove(group);
  if (--group->slot->groups == 0) plans_.erase(group->plan);
  if (DemandSlot* const demand = group->demand; demand != nullptr && --demand->groups == 0) {
    demands_.erase(demands_.find(*demand->identity));
  }
  bucket->groups.back()->index = group->index;
  std::swap(bucket->groups[group->index], bucket->groups.back());
  bucket->groups.pop_back();
  if (bucket->groups.empty()) shape->buckets.erase(shape->buckets.find(*bucket->key));
  if (shape->buckets.empty()) EraseFrom(&field->shapes, shape);
  if (field->shapes.empty()) EraseFrom(&channel->fields, field);
  if (channel->fields.empty()) channels_.erase(channels_.find(channel->name));
}

std::string_view Dispatcher::KeyOf(const Shape& shape, const JsonValue& data) {
  key_.clear();
  for (const IndexedField& field : shape.equal) {
    form_.clear();
    AppendForm(field.comparison, ValueAt(data, field.path), &form_);
    AppendKeyPart(form_, &key_);
  }
  return key_;
}

void Dispatcher::Deliver(DispatchGroup* group, const EventMark& mark, Outcome* outcome) {
  if (DemandSlot* const demand = group->demand; demand != nullptr) {
    if (demand->event != event_) {
      demand->event = event_;
      demand->holds = Holds(*demand->predicate, tree_.root());
    }
    if (!demand->holds) return;
  }
  PlanSlot* const slot = group->slot;
  if (slot->event != event_) {
    if (slot->payload.capacity() > kMaxKeptPayload) slot->payload = {};
    slot->payload.clear();
    Encode(*group->plan, tree_.root(), mark, &slot->payload);
    slot->event = event_;
    ++outcome->encoded;
  }
  for (const DispatchGroup::Entry& entry : group->members) {
    entry.member->Deliver(slot->payload);
  }
  outcome->delivered += group->members.size();
}

Dispatcher::Outcome Dispatcher::Dispatch(const EventRecord& record, std::string_view position) {
  Outcome outcome;
  const auto channel = channels_.find(record.channel);
  if (channel == channels_.end()) return outcome;
  ++event_;
  const EventMark mark{position, record.commit_time_us};
  bool parsed = false;
  for (const auto& field : channel->second->fields) {
    if (!field->field->Wants(record.event_type)) continue;
    if (!parsed && !tree_.Parse(record.data)) {
      outcome.malformed = true;
      return outcome;
    }
    parsed = true;
    for (const auto& shape : field->shapes) {
      const auto found = shape->buckets.find(KeyOf(*shape, tree_.root()));
      if (found == shape->buckets.end()) continue;
      const auto deliver = [&](RangeIndex::Item* item) {
        Deliver(static_cast<DispatchGroup*>(item), mark, &outcome);
      };
      if (shape->ranged) {
        form_.clear();
        AppendForm(shape->ranged->comparison, ValueAt(tree_.root(), shape->ranged->path), &form_);
        found->second.ranges->ForEachContaining(form_, deliver);
      } else {
        for (const auto& group : found->second.groups) deliver(group.get());
      }
    }
  }
  return outcome;
}

}  // namespace fsubs
