#include "worker/shard/flush_list.hpp"

#include <algorithm>
#include <utility>

namespace fsubs {
namespace {

// What a system call that writes takes, in units.
constexpr size_t kFlushCost = 8;

}  // namespace

void FlushList::Remove(Client* client) {
  std::replace(clients_.begin() + static_cast<ptrdiff_t>(next_), clients_.end(), client,
               static_cast<Client*>(nullptr));
}

bool FlushList::Continue(WorkBudget* budget) {
  // Flushing may close connections and so take them off the list, and catching up may put others
  // on it: neither an iterator nor the size is kept.
  for (; next_ < clients_.size(); ++next_) {
    if (budget->is_spent()) return false;
    Client* const client = std::exchange(clients_[next_], nullptr);
    if (client == nullptr) continue;
    budget->Spend(kFlushCost);
    client->Flush(when_);
  }
  clients_.clear();
  next_ = 0;
  return true;
}

}  // namespace fsubs
