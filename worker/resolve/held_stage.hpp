// Holds events of fields with a resolver until their values are there, and keeps them in order.
//
// A class is the subscriptions that share an answer: they have the plan and the arguments of the
// field in common, and what their resolver may know of the client. An event is held once for a
// class, and one call is made for it, whatever the number of subscriptions. Each subscription has a
// queue of what is held for it, and is handed what is at its front: so what was resolved early
// waits for what stands before it, and nobody waits for another's.
//
// Bounded in time by the resolver's timeout, which the control thread keeps, and in bytes: past
// that, events become a counted loss.
//
// One shard's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "contract/event_record.hpp"
#include "worker/base/counters.hpp"
#include "worker/base/work_budget.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/operation/error.hpp"
#include "worker/operation/operation.hpp"
#include "worker/resolve/resolve_call.hpp"

namespace fsubs {

class HeldStage;
struct ResolveClass;

// The text of an event, for as long as a class holds it: it counts once against the stage's limit.
struct HeldText {
  ~HeldText();
  HeldStage* stage = nullptr;
  size_t bytes = 0;
};

// An event that is held for a class, or something that takes its place in a queue.
struct HeldEvent {
  enum class State : uint8_t {
    kPending,
    kReady,    // `payload` is the response
    kSkipped,  // nothing is told
    kLoss,     // `lost` events are told in one
    kEnd,      // `errors` end the subscription
  };

  ~HeldEvent();

  EventPlace place;
  State state = State::kPending;
  std::string payload;
  std::vector<Error> errors;
  uint64_t lost = 0;
  std::weak_ptr<ResolveClass> known_to;  // where others find it
  // Of the call, while it is pending.
  HeldStage* stage = nullptr;
  std::shared_ptr<ResolveClass> of;
  uint64_t number = 0;
  std::shared_ptr<HeldText> text;
  EventName name;          // as clients see it
  size_t class_bytes = 0;  // that count against the part of its class
  int64_t commit_time_us = 0;
  bool is_incomplete = false;
  std::vector<uint64_t> waiters;  // ids of queues
};

// What is held for one subscription. Lives no longer than the stage.
class HeldQueue {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    enum class Taken { kTaken, kNoRoom, kGone };
    // Hand on what has come to the front. kNoRoom: it stays there until HeldQueue::Continue.
    // kGone: the queue is there no more.
    virtual Taken OnHeld(const HeldEvent& held) = 0;
  };

  // `owner` outlives it.
  HeldQueue(HeldStage* stage, Owner* owner);
  ~HeldQueue();
  HeldQueue(const HeldQueue&) = delete;
  HeldQueue& operator=(const HeldQueue&) = delete;

  // What is held from now on is for a subscription like that one, whose field has a resolver.
  void SetClass(const PreparedSubscription& subscription);

  bool empty() const { return items_.empty(); }
  // Bytes of responses that wait here for the client, or for what stands before them.
  size_t ready_bytes() const { return ready_bytes_; }

  // A response that is no resolver's waits for its turn.
  void Append(const EventPlace& place, std::string_view response);

  // Hand on what is at the front. Returns false if the queue is gone.
  bool Continue();

 private:
  friend class HeldStage;
  void Push(std::shared_ptr<HeldEvent> held);
  void AppendLoss(const EventPlace& place);

  HeldStage* const stage_;
  Owner* const owner_;
  const uint64_t id_;
  std::shared_ptr<ResolveClass> class_;
  std::deque<std::shared_ptr<HeldEvent>> items_;
  size_t ready_bytes_ = 0;
};

class HeldStage {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // There are calls to take, or something to continue.
    virtual void OnHeldWork() = 0;
    // Some of what is held has left: who waited for room may look again.
    virtual void OnHeldRoom() = 0;
  };

  // `index` is the shard's; `counters` outlive it.
  HeldStage(size_t index, ShardCounters* counters, Sink* sink)
      : index_(index), counters_(counters), sink_(sink) {}
  HeldStage(const HeldStage&) = delete;
  HeldStage& operator=(const HeldStage&) = delete;

  // Most bytes of events that wait for resolvers. Those of one class take a quarter of them at
  // most.
  void SetLimit(size_t bytes) { limit_ = bytes; }
  // Of the ring, for the names of its records.
  void SetEpoch(uint64_t epoch) { epoch_ = epoch; }

  enum class Past { kLoses, kWaits };
  // Hold an event for the queue's subscription. Past the bound it becomes a loss, or with kWaits
  // nothing is done and false returned. REQUIRES: the queue has a class; `data` is what its
  // subscription may see of `record`.
  bool Hold(HeldQueue* queue, const EventPlace& place, const EventRecord& record,
            const JsonValue& data, Past past);

  // Results of calls. Those that are not known are ignored.
  void Add(std::vector<ResolveResult> results);

  // Hand on what has been resolved, until that is done or the budget is spent.
  void Continue(WorkBudget* budget);

  // Whether nothing is to be handed on.
  bool is_idle() const { return resolved_.empty() && late_.empty(); }

  // Give back what is kept of events larger than so many bytes. Returns how many bytes that were.
  size_t Shrink(size_t event_bytes) { return value_.Shrink(event_bytes); }

  // What is to be sent to the control thread.
  ResolveOrder TakeOrder();
  bool has_order() const { return !order_.empty(); }

 private:
  friend class HeldQueue;
  friend struct HeldEvent;
  friend struct HeldText;

  std::shared_ptr<ResolveClass> ClassFor(const PreparedSubscription& subscription);
  std::shared_ptr<HeldEvent> HeldFor(const std::shared_ptr<ResolveClass>& of,
                                     const EventPlace& place, const EventRecord& record,
                                     const JsonValue& data);
  void Resolve(HeldEvent* held, ResolveResult result);
  void Fail(HeldEvent* held, Error error);
  void KeepForLater(std::shared_ptr<HeldEvent> held);
  void Forget(HeldEvent* held);

  const size_t index_;
  ShardCounters* const counters_;
  Sink* const sink_;
  size_t limit_ = 0;
  uint64_t epoch_ = 0;
  size_t bytes_ = 0;
  uint64_t last_call_ = 0;
  uint64_t last_queue_ = 0;
  uint64_t last_class_ = 0;
  std::unordered_map<std::string, std::weak_ptr<ResolveClass>> classes_;
  std::unordered_map<uint64_t, HeldQueue*> queues_;
  std::unordered_map<uint64_t, HeldEvent*> pending_;  // by number
  // Resolved, and not handed to all that wait.
  std::deque<std::shared_ptr<HeldEvent>> resolved_;
  size_t next_waiter_ = 0;     // of the first
  std::deque<uint64_t> late_;  // queues to which something was added that was resolved already
  // Those that were resolved last, for clients that come to them later.
  std::deque<std::shared_ptr<HeldEvent>> recent_;
  size_t recent_bytes_ = 0;
  ResolveOrder order_;
  JsonTree value_;
  // The event that was held last, as resolvers get it: several classes may want it.
  EventPlace event_place_;
  const char* event_data_ = nullptr;
  size_t event_size_ = 0;
  std::shared_ptr<const std::string> event_;
  std::weak_ptr<HeldText> event_text_;
};

}  // namespace fsubs
