#include "worker/dispatch.hpp"

#include <algorithm>

#include "worker/encode.hpp"

namespace fsubs {

// A plan's payload for the event it was last encoded for.
struct Dispatcher::PlanSlot {
  size_t groups = 0;
  uint64_t event = 0;
  std::string payload;
};

struct Dispatcher::Bucket {
  Shape* shape;
  const std::string* key;  // its own key in the shape's map
  std::vector<std::unique_ptr<DispatchGroup>> groups;
};

struct Dispatcher::Shape {
  FieldIndex* field;
  uint64_t filtered;
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

struct DispatchGroup {
  Dispatcher::Bucket* bucket;
  const Plan* plan;
  Dispatcher::PlanSlot* slot;
  std::vector<Member*> members;
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

}  // namespace

Dispatcher::Dispatcher() = default;
Dispatcher::~Dispatcher() = default;

Dispatcher::PlanSlot* Dispatcher::SlotOf(const Plan* plan) {
  auto& slot = plans_[plan];
  if (!slot) slot = std::make_unique<PlanSlot>();
  return slot.get();
}

void Dispatcher::Add(Member* member, PreparedSubscription subscription) {
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

  Shape* shape = FindIn(
      index->shapes, [&](const Shape& known) { return known.filtered == subscription.filtered; });
  if (shape == nullptr) {
    index->shapes.push_back(std::make_unique<Shape>(Shape{index, subscription.filtered, {}}));
    shape = index->shapes.back().get();
  }

  const auto [entry, added] = shape->buckets.try_emplace(subscription.key);
  Bucket* const bucket = &entry->second;
  if (added) *bucket = {shape, &entry->first, {}};

  const Plan* const plan = subscription.plan.get();
  DispatchGroup* group =
      FindIn(bucket->groups, [&](const DispatchGroup& known) { return known.plan == plan; });
  if (group == nullptr) {
    bucket->groups.push_back(
        std::make_unique<DispatchGroup>(DispatchGroup{bucket, plan, SlotOf(plan), {}}));
    group = bucket->groups.back().get();
    ++group->slot->groups;
  }

  member->subscription_ = std::move(subscription);
  member->group_ = group;
  member->index_ = group->members.size();
  group->members.push_back(member);
  ++members_;
}

void Dispatcher::Remove(Member* member) {
  DispatchGroup* const group = member->group_;
  group->members[member->index_] = group->members.back();
  group->members[member->index_]->index_ = member->index_;
  group->members.pop_back();
  member->group_ = nullptr;
  --members_;
  if (group->members.empty()) {
    // What became empty goes, from the group up to the channel.
    Bucket* const bucket = group->bucket;
    Shape* const shape = bucket->shape;
    FieldIndex* const field = shape->field;
    Channel* const channel = field->channel;
    if (--group->slot->groups == 0) plans_.erase(group->plan);
    EraseFrom(&bucket->groups, group);
    if (bucket->groups.empty()) shape->buckets.erase(shape->buckets.find(*bucket->key));
    if (shape->buckets.empty()) EraseFrom(&field->shapes, shape);
    if (field->shapes.empty()) EraseFrom(&channel->fields, field);
    if (channel->fields.empty()) channels_.erase(channels_.find(channel->name));
  }
  member->subscription_ = {};
}

std::string_view Dispatcher::KeyOf(const FieldIndex& field, const Shape& shape,
                                   const JsonValue& data) {
  key_.clear();
  std::optional<JsonValue> row;
  bool row_sought = false;
  const auto& arguments = field.field->arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if ((shape.filtered >> i & 1) == 0) continue;
    const EqualityArgument& argument = arguments[i];
    if (!argument.in_row) {
      AppendComparable(argument.comparison, data.Find(argument.name), &key_);
      continue;
    }
    if (!row_sought) row = data.Find("row");
    row_sought = true;
    AppendComparable(argument.comparison, row ? row->Find(argument.name) : std::nullopt, &key_);
  }
  return key_;
}

Dispatcher::Outcome Dispatcher::Dispatch(const EventRecord& record, std::string_view position,
                                         Sink* sink) {
  Outcome outcome;
  const auto channel = channels_.find(record.channel);
  if (channel == channels_.end()) return outcome;
  ++event_;
  bool parsed = false;
  for (const auto& field : channel->second->fields) {
    if (!field->field->Wants(record.event_type)) continue;
    if (!parsed && !tree_.Parse(record.data)) {
      outcome.malformed = true;
      return outcome;
    }
    parsed = true;
    for (const auto& shape : field->shapes) {
      const auto found = shape->buckets.find(KeyOf(*field, *shape, tree_.root()));
      if (found == shape->buckets.end()) continue;
      for (const auto& group : found->second.groups) {
        PlanSlot* const slot = group->slot;
        if (slot->event != event_) {
          if (slot->payload.capacity() > kMaxKeptPayload) slot->payload = {};
          slot->payload.clear();
          Encode(*group->plan, tree_.root(), {position, record.commit_time_us}, &slot->payload);
          slot->event = event_;
          ++outcome.encoded;
        }
        for (Member* member : group->members) sink->Deliver(member, slot->payload);
        outcome.delivered += group->members.size();
      }
    }
  }
  return outcome;
}

}  // namespace fsubs
