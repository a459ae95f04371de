// What users and tenants hold of the server, over all shards.
//
// A user is who an issuer says it is: the same name from another issuer is somebody else. What
// counts per user does not count for clients without one, nor per tenant for those without a
// tenant.
//
// Any thread: the kernel spreads the connections of a user over the shards.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "worker/identity/identity.hpp"
#include "worker/limits/limits.hpp"
#include "worker/limits/token_bucket.hpp"
#include "worker/limits/use_table.hpp"

namespace fsubs {

class LimitTable {
  struct User {
    bool IsAtRest(uint64_t now_us);

    size_t connections = 0;  // guarded by the table's mutex
    std::mutex mutex;
    // Guarded by it.
    size_t subscriptions = 0;
    std::optional<TokenBucket> created;
    std::optional<TokenBucket> events;
  };
  struct Tenant {
    bool IsAtRest(uint64_t) const { return true; }

    size_t connections = 0;  // guarded by the table's mutex
  };
  using Users = UseTable<std::string, User>;
  using Tenants = UseTable<std::string, Tenant>;

 public:
  // One connection's part in what its user and tenant hold. Destroy it before the table. One that
  // was made by itself is of nobody, whom no limit holds.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept
        : table_(std::exchange(other.table_, nullptr)),
          user_(other.user_),
          tenant_(other.tenant_) {}
    Share& operator=(Share&&) = delete;
    ~Share();

    bool is_taken() const { return table_ != nullptr; }
    bool has_user() const { return table_ != nullptr && user_ != nullptr; }

    // Count a subscription, and that it was made. Returns the limit that forbids it.
    std::optional<LimitKey> AddSubscription(const Limits& limits, uint64_t now_us);
    // REQUIRES: one was added.
    void RemoveSubscription();

    // Whether the user may have an event, and undoing that. What is no user's passes.
    bool TakeEvent(const LimitValue& rate, uint64_t now_us);
    void PutEventBack();

   private:
    friend class LimitTable;
    LimitTable* table_ = nullptr;
    Users::Handle user_ = nullptr;
    Tenants::Handle tenant_ = nullptr;
  };

  // Count a connection of that client into `*share`, which is of nobody. Returns the limit that
  // forbids it; then nothing is counted.
  std::optional<LimitKey> Admit(const Identity& identity, const Limits& limits, uint64_t now_us,
                                Share* share);

  // Users of whom something is known.
  size_t users();

 private:
  std::mutex mutex_;
  // Guarded by it.
  Users users_;
  Tenants tenants_;
  uint64_t now_us_ = 0;  // the latest time that was handed in
};

}  // namespace fsubs
