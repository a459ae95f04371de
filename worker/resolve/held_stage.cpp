#include "worker/resolve/held_stage.hpp"

#include <algorithm>
#include <utility>

#include "contract/heartbeat.hpp"
#include "contract/ring_layout.hpp"
#include "contract/ring_reader.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/event/encode.hpp"
#include "worker/identity/digest.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/resolve/event_json.hpp"

namespace fsubs {
namespace {

// What a held event takes beside its text.
constexpr size_t kOverhead = 512;
constexpr size_t kMostRecent = 1024;
constexpr size_t kMostRecentBytes = 4 * 1024 * 1024;
constexpr std::string_view kUnexpected = "Unexpected error.";

}  // namespace

struct ResolveClass {
  HeldStage* stage;
  std::string key;
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<const Catalog> catalog;  // owns what the plan names
  std::shared_ptr<const ResolverRule> rule;
  std::shared_ptr<const ResolveCall::Audience> audience;
  size_t bytes = 0;                                   // of those that are pending
  std::map<Position, std::weak_ptr<HeldEvent>> held;  // by position
};

HeldText::~HeldText() {
  stage->bytes_ -= bytes;
}

HeldEvent::~HeldEvent() {
  if (state == State::kPending && stage != nullptr) stage->Forget(this);
}

HeldQueue::HeldQueue(HeldStage* stage, Owner* owner)
    : stage_(stage), owner_(owner), id_(++stage->last_queue_) {
  stage->queues_.emplace(id_, this);
}

HeldQueue::~HeldQueue() {
  stage_->counters_->held_events.Subtract(items_.size());
  stage_->queues_.erase(id_);
}

void HeldQueue::SetClass(const PreparedSubscription& subscription) {
  class_ = stage_->ClassFor(subscription);
}

void HeldQueue::Push(std::shared_ptr<HeldEvent> held) {
  items_.push_back(std::move(held));
  stage_->counters_->held_events.Add();
}

void HeldQueue::Append(const EventPlace& place, std::string_view response) {
  auto held = std::make_shared<HeldEvent>();
  held->place = place;
  held->state = HeldEvent::State::kReady;
  held->payload = response;
  ready_bytes_ += response.size();
  Push(std::move(held));
}

void HeldQueue::AppendLoss(const EventPlace& place) {
  stage_->counters_->held_events_lost.Add();
  if (!items_.empty() && items_.back()->state == HeldEvent::State::kLoss) {
    ++items_.back()->lost;
    items_.back()->place.position = place.position;
    items_.back()->place.sequence = place.sequence;
    return;
  }
  auto held = std::make_shared<HeldEvent>();
  held->place = place;
  held->place.is_loss = true;
  held->state = HeldEvent::State::kLoss;
  held->lost = 1;
  Push(std::move(held));
}

bool HeldQueue::Continue() {
  while (!items_.empty() && items_.front()->state != HeldEvent::State::kPending) {
    const std::shared_ptr<HeldEvent> held = items_.front();
    switch (owner_->OnHeld(*held)) {
      case Owner::Taken::kGone:
        return false;
      case Owner::Taken::kNoRoom:
        return true;
      case Owner::Taken::kTaken:
        break;
    }
    ready_bytes_ -= std::min(ready_bytes_, held->payload.size());
    items_.pop_front();
    stage_->counters_->held_events.Subtract();
  }
  return true;
}

std::shared_ptr<ResolveClass> HeldStage::ClassFor(const PreparedSubscription& subscription) {
  const std::shared_ptr<const ResolverRule>& rule = subscription.field->resolver;
  std::string key = std::to_string(reinterpret_cast<uintptr_t>(subscription.plan.get()));
  key.append(" ").append(subscription.arguments);
  ResolveCall::Audience audience;
  if (rule->per_audience) {
    const Identity& identity = *subscription.identity;
    audience.claims = identity.claims.root().raw();
    audience.role = identity.role;
    key.append(" ").append(Sha256({audience.claims, audience.role}));
  }
  std::weak_ptr<ResolveClass>& known = classes_[key];
  if (auto found = known.lock()) return found;
  audience.plan = std::to_string(index_) + "-" + std::to_string(++last_class_);
  audience.variables = subscription.arguments;
  const std::shared_ptr<ResolveClass> made(new ResolveClass(), [this](ResolveClass* last) {
    classes_.erase(last->key);
    delete last;
  });
  made->stage = this;
  made->key = std::move(key);
  made->plan = subscription.plan;
  made->catalog = subscription.catalog;
  made->rule = rule;
  made->audience = std::make_shared<const ResolveCall::Audience>(std::move(audience));
  known = made;
  return made;
}

bool HeldStage::Hold(HeldQueue* queue, const EventPlace& place, const EventRecord& record,
                     const JsonValue& data, Past past) {
  const std::shared_ptr<ResolveClass>& of = queue->class_;
  const auto known = of->held.find(place.position);
  std::shared_ptr<HeldEvent> held = known == of->held.end() ? nullptr : known->second.lock();
  if (!held) {
    const size_t size = data.raw().size() + kOverhead;
    // One that is alone may be of any size.
    const bool fits = (bytes_ == 0 || bytes_ + size <= limit_) &&
                      (of->bytes == 0 || of->bytes + size <= limit_ / 4);
    if (!fits) {
      if (past == Past::kWaits) return false;
      queue->AppendLoss(place);
      // Nothing stands before it whose result would hand it on.
      if (queue->items_.size() == 1) {
        late_.push_back(queue->id_);
        sink_->OnHeldWork();
      }
      return true;
    }
    held = HeldFor(of, place, record, data);
  }
  if (held->state == HeldEvent::State::kPending) {
    held->waiters.push_back(queue->id_);
  } else {
    queue->ready_bytes_ += held->payload.size();
    late_.push_back(queue->id_);
    sink_->OnHeldWork();
  }
  queue->Push(std::move(held));
  return true;
}

std::shared_ptr<HeldEvent> HeldStage::HeldFor(const std::shared_ptr<ResolveClass>& of,
                                              const EventPlace& place, const EventRecord& record,
                                              const JsonValue& data) {
  const std::string_view text = data.raw();
  if (!event_ || event_place_.position != place.position || event_data_ != text.data() ||
      event_size_ != text.size()) {
    event_ = std::make_shared<const std::string>(
        EventJson(record, FormatPosition(record.NameIn(epoch_)), data));
    event_place_ = place;
    event_data_ = text.data();
    event_size_ = text.size();
    event_text_.reset();
  }
  std::shared_ptr<HeldText> shared = event_text_.lock();
  if (!shared) {
    shared = std::make_shared<HeldText>();
    shared->stage = this;
    shared->bytes = text.size();
    bytes_ += shared->bytes;
    event_text_ = shared;
  }
  auto held = std::make_shared<HeldEvent>();
  held->place = place;
  held->stage = this;
  held->name = record.NameIn(epoch_);
  held->of = of;
  held->known_to = of;
  held->number = ++last_call_ * kMaxShards + index_;
  held->text = std::move(shared);
  held->class_bytes = kOverhead + text.size();
  held->commit_time_us = record.commit_time_us;
  held->is_incomplete = (record.flags & kIncomplete) != 0;
  of->held[place.position] = held;
  of->bytes += held->class_bytes;
  bytes_ += kOverhead;
  counters_->held_bytes.Set(bytes_);
  counters_->resolver_calls.Add();
  pending_.emplace(held->number, held.get());
  order_.calls.push_back({.number = held->number,
                          .rule = of->rule,
                          .event = event_,
                          .audience = of->audience,
                          .deadline_ms = MonotonicMs() + of->rule->timeout_ms});
  sink_->OnHeldWork();
  return held;
}

// It is pending, and nobody waits for it any more.
void HeldStage::Forget(HeldEvent* held) {
  pending_.erase(held->number);
  held->of->held.erase(held->place.position);
  held->of->bytes -= held->class_bytes;
  bytes_ -= kOverhead;
  held->text.reset();
  counters_->held_bytes.Set(bytes_);
  order_.cancelled.push_back(held->number);
  sink_->OnHeldWork();
  sink_->OnHeldRoom();
}

void HeldStage::Add(std::vector<ResolveResult> results) {
  for (ResolveResult& result : results) {
    const auto found = pending_.find(result.number);
    if (found == pending_.end()) continue;
    HeldEvent* const held = found->second;
    const auto known = held->of->held.find(held->place.position);
    std::shared_ptr<HeldEvent> shared = known->second.lock();
    pending_.erase(found);
    held->of->bytes -= held->class_bytes;
    bytes_ -= kOverhead;
    held->text.reset();
    Resolve(held, std::move(result));
    for (const uint64_t id : held->waiters) {
      const auto queue = queues_.find(id);
      if (queue != queues_.end()) queue->second->ready_bytes_ += held->payload.size();
    }
    held->of.reset();
    KeepForLater(shared);
    resolved_.push_back(std::move(shared));
  }
  counters_->held_bytes.Set(bytes_);
  sink_->OnHeldWork();
}

void HeldStage::KeepForLater(std::shared_ptr<HeldEvent> held) {
  recent_bytes_ += held->payload.size();
  recent_.push_back(std::move(held));
  while (recent_.size() > kMostRecent || recent_bytes_ > kMostRecentBytes) {
    const HeldEvent& oldest = *recent_.front();
    recent_bytes_ -= oldest.payload.size();
    if (const auto of = oldest.known_to.lock()) of->held.erase(oldest.place.position);
    recent_.pop_front();
  }
}

void HeldStage::Resolve(HeldEvent* held, ResolveResult result) {
  const std::string position = FormatPosition(held->name);
  const EventMark mark{position, held->commit_time_us, held->is_incomplete};
  switch (result.kind) {
    case ResolveResult::Kind::kValue:
      if (!value_.ParseCopy(result.text)) {
        Fail(held, {.message = std::string(kUnexpected), .code = kErrorResolverFailed});
        return;
      }
      held->state = HeldEvent::State::kReady;
      Encode(*held->of->plan, value_.root(), mark, &held->payload);
      counters_->payloads_encoded.Add();
      return;
    case ResolveResult::Kind::kSkip:
      held->state = HeldEvent::State::kSkipped;
      return;
    case ResolveResult::Kind::kError:
      Fail(held, {.message = std::move(result.text),
                  .code = kErrorResolverError,
                  .extensions_json = std::move(result.extensions)});
      return;
    case ResolveResult::Kind::kMaskedError:
      Fail(held, {.message = std::string(kUnexpected),
                  .code = kErrorResolverFailed,
                  .extensions = {{"correlationId", std::move(result.text)}}});
      return;
    case ResolveResult::Kind::kTimeout:
      counters_->resolver_timeouts.Add();
      Fail(held, {.message = std::string(kUnexpected),
                  .code = kErrorResolverTimeout,
                  .extensions = {{"correlationId", std::move(result.text)}}});
      return;
  }
}

void HeldStage::Fail(HeldEvent* held, Error error) {
  counters_->resolver_errors.Add();
  const std::string position = FormatPosition(held->name);
  switch (held->of->rule->on_error) {
    case ResolverRule::OnError::kNull:
      held->state = HeldEvent::State::kReady;
      held->payload = EncodeFailure(*held->of->plan, std::move(error), position);
      return;
    case ResolverRule::OnError::kSkip:
      held->state = HeldEvent::State::kSkipped;
      return;
    case ResolverRule::OnError::kComplete:
      held->state = HeldEvent::State::kEnd;
      error.locations = held->of->plan->root().locations;
      error.path = {held->of->plan->root().response};
      held->errors.push_back(std::move(error));
      return;
  }
}

void HeldStage::Continue(WorkBudget* budget) {
  if (is_idle()) return;
  while (!resolved_.empty()) {
    // What is handed on may end subscriptions, and so classes.
    const std::shared_ptr<HeldEvent> held = resolved_.front();
    for (; next_waiter_ < held->waiters.size(); ++next_waiter_) {
      if (budget->is_spent()) return;
      const auto queue = queues_.find(held->waiters[next_waiter_]);
      if (queue == queues_.end()) continue;
      budget->SpendBytes((WorkBudget::kBytesPerUnit + held->payload.size()) / 4);
      (void)queue->second->Continue();
    }
    held->waiters = {};
    next_waiter_ = 0;
    resolved_.pop_front();
  }
  for (; !late_.empty(); late_.pop_front()) {
    if (budget->is_spent()) return;
    const auto queue = queues_.find(late_.front());
    if (queue == queues_.end()) continue;
    budget->Spend(1);
    (void)queue->second->Continue();
  }
  sink_->OnHeldRoom();
}

ResolveOrder HeldStage::TakeOrder() {
  return std::exchange(order_, {});
}

}  // namespace fsubs
