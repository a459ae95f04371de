#include "worker/limits/event_limit.hpp"

namespace fsubs {
namespace {

void SetRate(const std::optional<LimitValue>& rate, uint64_t now_us,
             std::optional<TokenBucket>* bucket) {
  if (!rate) {
    bucket->reset();
  } else if (*bucket) {
    (*bucket)->SetRate(*rate, now_us);
  } else {
    bucket->emplace(*rate, now_us);
  }
}

}  // namespace

void EventLimit::SetRates(const EventRates& rates, uint64_t now_us) {
  SetRate(rates.of_subscription, now_us, &subscription_);
  SetRate(rates.of_field, now_us, &field_);
  user_ = rates.of_user;
}

std::optional<LimitKey> EventLimit::Take(LimitTable::Share* user, uint64_t now_us) {
  if (subscription_ && !subscription_->Take(now_us)) return LimitKey::kEventsPerSubscription;
  if (field_ && !field_->Take(now_us)) {
    if (subscription_) subscription_->PutBack();
    return LimitKey::kRateLimit;
  }
  if (user_ && !user->TakeEvent(*user_, now_us)) {
    if (subscription_) subscription_->PutBack();
    if (field_) field_->PutBack();
    return LimitKey::kEventsPerUser;
  }
  return std::nullopt;
}

void EventLimit::PutBack(LimitTable::Share* user) {
  if (subscription_) subscription_->PutBack();
  if (field_) field_->PutBack();
  if (user_) user->PutEventBack();
}

}  // namespace fsubs
