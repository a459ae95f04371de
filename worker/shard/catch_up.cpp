#include "worker/shard/catch_up.hpp"

#include <algorithm>

#include "worker/event/encode.hpp"
#include "worker/event/loss_notice.hpp"

namespace fsubs {

// A client that is behind has one place, `behind_from`: that of the first event that it may not
// have got in full. Each of its subscriptions knows where it stands (Subscription::from), so an
// event may be offered to a client again without being delivered twice. That makes every step here
// one that can be given up: when the socket is full, when the budget is spent, when the client
// leaves or its subscriptions change.
//
// The dispatcher is ahead of every client that is behind. It skips them while they are, and a
// client becomes current only here, at the dispatcher's place: nothing falls in between.

void CatchUp::Add(Client* client) {
  if (std::find(waiting_.begin(), waiting_.end(), client->id()) != waiting_.end()) return;
  waiting_.push_back(client->id());
}

bool CatchUp::Continue(const EventPlace& until, WorkBudget* budget) {
  while (!waiting_.empty()) {
    const uint64_t id = waiting_.front();
    const auto found = clients_->find(id);
    if (found == clients_->end() || Serve(found->second, until, budget) == Result::kDone) {
      waiting_.pop_front();
      continue;
    }
    // The others have their turns before this one's next event, but not in the middle of one: what
    // was done for it so far would be lost.
    if (!IsUnderWay(*found->second)) {
      waiting_.pop_front();
      waiting_.push_back(id);
    }
    return false;
  }
  return true;
}

size_t CatchUp::Shrink(size_t event_bytes) {
  if (!waiting_.empty()) return 0;  // an event may be under way
  under_way_ = {};
  trying_ = nullptr;
  size_t freed = data_.Shrink(event_bytes) + reader_.Shrink(event_bytes);
  if (payload_.capacity() > event_bytes) {
    freed += payload_.capacity();
    std::string().swap(payload_);
  }
  return freed;
}

CatchUp::Result CatchUp::Serve(Client* client, const EventPlace& until, WorkBudget* budget) {
  while (client->is_behind() && client->can_take()) {
    if (budget->is_spent()) return Result::kSpent;
    if (!IsUnderWay(*client)) {
      if (!ReadNext(client, until)) return Result::kDone;
      budget->Spend(1);
    }
    if (Offer(client, budget) == Result::kSpent) return Result::kSpent;
  }
  return Result::kDone;
}

bool CatchUp::IsUnderWay(const Client& client) const {
  return client.is_behind() && under_way_.client == client.id() &&
         under_way_.position == client.behind_from().position;
}

// Returns whether there is an event for it; if not, it is current.
bool CatchUp::ReadNext(Client* client, const EventPlace& until) {
  under_way_ = {};
  trying_ = nullptr;
  const EventPlace& from = client->behind_from();
  reader_.Resume(from.position, from.sequence);
  uint64_t lost = 0;
  if (from.position >= until.position) {
    client->SetCurrent();
    return false;
  }
  if (reader_.Next(&record_, &lost) != RingReader::Result::kRecord ||
      record_.position >= until.position) {
    // The reader was lapped and went on behind `until`. What follows `until` is the dispatcher's.
    const uint64_t unread = until.sequence - from.sequence;
    client->SetCurrent();
    client->ReportLoss(unread);
    return false;
  }
  if (lost > 0) client->ReportLoss(lost);
  client->MoveBehindFrom({record_.position, record_.sequence});
  under_way_.client = client->id();
  under_way_.position = record_.position;
  under_way_.mark_position = FormatPosition(record_.NameIn(reader_.epoch()));
  return true;
}

// The event under way, to all subscriptions that have not got it.
CatchUp::Result CatchUp::Offer(Client* client, WorkBudget* budget) {
  if (record_.kind != RecordKind::kCatalogChanged) {
    for (auto& [id, subscription] : *client->subscriptions()) {
      if (budget->is_spent()) return Result::kSpent;
      if (record_.position < subscription.next()) continue;
      const PreparedSubscription& prepared = subscription.subscription();
      bool wanted = false;
      if (Match(prepared, budget, &wanted) == Result::kSpent) return Result::kSpent;
      if (!wanted) {
        // It is not tried again if the budget is spent with another.
        subscription.PassOver(record_.position + 1);
        continue;
      }
      const bool is_loss = record_.kind == RecordKind::kEventsLost;
      const EventPlace place{record_.position, record_.sequence, is_loss};
      if (prepared.field->resolver && !is_loss) {
        budget->Spend(1);
        const JsonValue data = data_.For(prepared.field->rules);
        if (client->TakeToHold(&subscription, place, record_, data, HeldStage::Past::kWaits)) {
          continue;
        }
        return Result::kDone;  // it is called when there is room
      }
      EncodeFor(prepared);
      budget->SpendBytes(WorkBudget::kBytesPerUnit + payload_.size());
      if (!client->Take(&subscription, place, payload_)) {
        return Result::kDone;  // the socket calls when it takes more
      }
    }
  }
  client->MoveBehindFrom({reader_.cursor(), record_.sequence + 1});
  return Result::kDone;
}

void CatchUp::EncodeFor(const PreparedSubscription& subscription) {
  const Plan& plan = *subscription.plan;
  if (record_.kind == RecordKind::kEventsLost) {
    payload_ = EncodeLoss(plan, record_);
    return;
  }
  payload_.clear();
  const EventMark mark = {under_way_.mark_position, record_.commit_time_us,
                          (record_.flags & kIncomplete) != 0};
  Encode(plan, data_.For(subscription.field->rules), mark, &payload_);
}

CatchUp::Result CatchUp::Match(const PreparedSubscription& subscription, WorkBudget* budget,
                               bool* wanted) {
  const SubscriptionField& field = *subscription.field;
  if (record_.kind == RecordKind::kEventsLost) {
    // A filter without keys lets nothing through.
    *wanted = IsLossOf(record_, field.channel) && !subscription.filter.keys.empty();
    return Result::kDone;
  }
  if (field.channel != record_.channel || !field.Wants(record_.event_type)) return Result::kDone;
  if (!under_way_.parsed) {
    under_way_.parsed = true;
    under_way_.malformed = !data_.Parse(record_.data);
    budget->SpendBytes(record_.data.size());
  }
  if (under_way_.malformed) return Result::kDone;
  const Filter& filter = subscription.filter;
  const JsonValue data = data_.For(field.rules);
  if (trying_ != filter.residual || trying_ == nullptr) {
    budget->SpendBytes(WorkBudget::kBytesPerUnit / 4);
    if (!FitsSubgraph(field.rules, filter, record_.subgraph)) return Result::kDone;
    if (!IndexHolds(filter, {data, record_.subgraph})) return Result::kDone;
    if (!filter.residual) {
      *wanted = true;
      return Result::kDone;
    }
    trying_ = filter.residual;
    trial_.Start(*trying_, data);
  }
  const std::optional<bool> holds = trial_.Continue(budget);
  if (!holds) return Result::kSpent;
  trying_ = nullptr;
  *wanted = *holds;
  return Result::kDone;
}

}  // namespace fsubs
