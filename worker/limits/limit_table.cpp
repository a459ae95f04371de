#include "worker/limits/limit_table.hpp"

#include <algorithm>

namespace fsubs {
namespace {

bool IsReached(const std::optional<LimitValue>& limit, size_t count) {
  return limit && count >= limit->count;
}

// Connections of one user may have different roles: the rate is that of who takes.
bool TakeFrom(std::optional<TokenBucket>* bucket, const LimitValue& rate, uint64_t now_us) {
  if (*bucket) {
    (*bucket)->SetRate(rate, now_us);
  } else {
    bucket->emplace(rate, now_us);
  }
  return (*bucket)->Take(now_us);
}

bool IsFull(std::optional<TokenBucket>* bucket, uint64_t now_us) {
  return !*bucket || (*bucket)->IsFull(now_us);
}

// A registered name has no character of that kind.
constexpr char kBehindIssuer = '\0';

}  // namespace

bool LimitTable::User::IsAtRest(uint64_t now_us) {
  const std::scoped_lock lock(mutex);
  return IsFull(&created, now_us) && IsFull(&events, now_us);
}

std::optional<LimitKey> LimitTable::Admit(const Identity& identity, const Limits& limits,
                                          uint64_t now_us, Share* share) {
  Share taken;
  const std::scoped_lock lock(mutex_);
  now_us_ = std::max(now_us_, now_us);
  if (identity.user) {
    taken.user_ = users_.Hold(identity.issuer + kBehindIssuer + *identity.user, now_us_);
  }
  if (identity.tenant) taken.tenant_ = tenants_.Hold(*identity.tenant, now_us_);
  std::optional<LimitKey> reached;
  if (taken.user_ != nullptr &&
      IsReached(limits.of(LimitKey::kConnectionsPerUser), Users::UseOf(taken.user_).connections)) {
    reached = LimitKey::kConnectionsPerUser;
  } else if (taken.tenant_ != nullptr && IsReached(limits.of(LimitKey::kConnectionsPerTenant),
                                                   Tenants::UseOf(taken.tenant_).connections)) {
    reached = LimitKey::kConnectionsPerTenant;
  }
  if (reached) {
    if (taken.user_ != nullptr) users_.Release(taken.user_, now_us_);
    if (taken.tenant_ != nullptr) tenants_.Release(taken.tenant_, now_us_);
    return reached;
  }
  if (taken.user_ != nullptr) ++Users::UseOf(taken.user_).connections;
  if (taken.tenant_ != nullptr) ++Tenants::UseOf(taken.tenant_).connections;
  share->table_ = this;
  share->user_ = taken.user_;
  share->tenant_ = taken.tenant_;
  return std::nullopt;
}

LimitTable::Share::~Share() {
  if (table_ == nullptr) return;
  const std::scoped_lock lock(table_->mutex_);
  if (user_ != nullptr) {
    --Users::UseOf(user_).connections;
    table_->users_.Release(user_, table_->now_us_);
  }
  if (tenant_ != nullptr) {
    --Tenants::UseOf(tenant_).connections;
    table_->tenants_.Release(tenant_, table_->now_us_);
  }
}

std::optional<LimitKey> LimitTable::Share::AddSubscription(const Limits& limits, uint64_t now_us) {
  if (!has_user()) return std::nullopt;
  User& user = Users::UseOf(user_);
  const std::scoped_lock lock(user.mutex);
  if (IsReached(limits.of(LimitKey::kSubscriptionsPerUser), user.subscriptions)) {
    return LimitKey::kSubscriptionsPerUser;
  }
  const auto& rate = limits.of(LimitKey::kSubscriptionsCreatedPerUser);
  if (rate && !TakeFrom(&user.created, *rate, now_us)) {
    return LimitKey::kSubscriptionsCreatedPerUser;
  }
  ++user.subscriptions;
  return std::nullopt;
}

void LimitTable::Share::RemoveSubscription() {
  if (!has_user()) return;
  User& user = Users::UseOf(user_);
  const std::scoped_lock lock(user.mutex);
  --user.subscriptions;
}

bool LimitTable::Share::TakeEvent(const LimitValue& rate, uint64_t now_us) {
  if (!has_user()) return true;
  User& user = Users::UseOf(user_);
  const std::scoped_lock lock(user.mutex);
  return TakeFrom(&user.events, rate, now_us);
}

void LimitTable::Share::PutEventBack() {
  if (!has_user()) return;
  User& user = Users::UseOf(user_);
  const std::scoped_lock lock(user.mutex);
  if (user.events) user.events->PutBack();
}

size_t LimitTable::users() {
  const std::scoped_lock lock(mutex_);
  return users_.size();
}

}  // namespace fsubs
