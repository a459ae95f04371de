// What is held for a subscription whose field has a resolver: its queue in the shard's stage, how
// far it has taken the ring in, and the bounds of what may wait there.
//
// One shard's thread only.
#pragma once

#include <string_view>

#include "worker/client/client_host.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/operation/operation.hpp"
#include "worker/resolve/held_stage.hpp"

namespace fsubs {

struct Subscription;

class HeldEvents final : HeldQueue::Owner {
 public:
  // The host and the subscription outlive it.
  HeldEvents(ClientHost* host, Subscription* subscription)
      : host_(host), subscription_(subscription), queue_(host->held_stage(), this) {}

  // What comes from now on is held for a subscription that was prepared like that one.
  void SetClass(const PreparedSubscription& prepared) { queue_.SetClass(prepared); }

  bool empty() const { return queue_.empty(); }
  // Events before it are held, were handed on, or are not for the subscription.
  Position next() const { return next_; }
  // Events before `position` are not for it.
  void PassOver(Position position) { next_ = position; }

  // Hold an event until its resolver has answered. Returns whether there was room; if not, the
  // client is called when there is (ClientHost::AwaitHeldRoom).
  bool Hold(const EventPlace& place, const EventRecord& record, const JsonValue& data,
            HeldStage::Past past);
  // The same for a response that needs no resolver and has others before it.
  bool Append(const EventPlace& place, std::string_view response);

  // Hand on what the client had no room for. It may end the subscription, and this with it.
  void Continue() { (void)queue_.Continue(); }

 private:
  Taken OnHeld(const HeldEvent& event) override;
  // Whether the client has yet to take more than its outbox may hold.
  bool is_full() const;

  ClientHost* const host_;
  Subscription* const subscription_;
  Position next_ = 0;
  HeldQueue queue_;
};

}  // namespace fsubs
