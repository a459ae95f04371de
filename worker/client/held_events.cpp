#include "worker/client/held_events.hpp"

#include "worker/client/client.hpp"
#include "worker/event/loss_notice.hpp"

namespace fsubs {

bool HeldEvents::is_full() const {
  return queue_.ready_bytes() > host_->options().outbox_size;
}

bool HeldEvents::Hold(const EventPlace& place, const EventRecord& record, const JsonValue& data,
                      HeldStage::Past past) {
  if (is_full() || !host_->held_stage()->Hold(&queue_, place, record, data, past)) {
    host_->AwaitHeldRoom(subscription_->client);
    return false;
  }
  next_ = place.position + 1;
  return true;
}

bool HeldEvents::Append(const EventPlace& place, std::string_view response) {
  if (is_full()) {
    host_->AwaitHeldRoom(subscription_->client);
    return false;
  }
  queue_.Append(place, response);
  next_ = place.position + 1;
  return true;
}

HeldQueue::Owner::Taken HeldEvents::OnHeld(const HeldEvent& event) {
  Client* const client = subscription_->client;
  switch (event.state) {
    case HeldEvent::State::kPending:
    case HeldEvent::State::kSkipped:
      break;
    case HeldEvent::State::kReady:
      if (!client->SendHeld(subscription_, event.place, event.payload)) return Taken::kNoRoom;
      break;
    case HeldEvent::State::kLoss: {
      const Plan& plan = *subscription_->subscription().plan;
      const std::string loss = EncodeLoss(plan, event.lost, LossCause::kNotMade);
      if (!client->SendHeld(subscription_, event.place, loss)) return Taken::kNoRoom;
      break;
    }
    case HeldEvent::State::kEnd:
      if (client->Fail(subscription_, event.errors)) return Taken::kGone;
      break;
  }
  return Taken::kTaken;
}

}  // namespace fsubs
