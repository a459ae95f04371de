#include "worker/shard/flush_list.hpp"

#include <algorithm>

namespace fsubs {
namespace {

// What a system call that writes takes, in units.
constexpr size_t kFlushCost = 8;

}  // namespace

void FlushList::Remove(Client* client) {
  std::replace(clients_.begin(), clients_.end(), client, static_cast<Client*>(nullptr));
}

bool FlushList::Continue(WorkBudget* budget) {
  // Flushing may close connections and so take them off the list, and catching up may put others
  // on it: neither an iterator nor the size is kept.
  while (!clients_.empty()) {
    if (budget->is_spent()) return false;
    Client* const client = clients_.front();
    clients_.pop_front();
    if (client == nullptr) continue;
    budget->Spend(kFlushCost);
    client->Flush(when_);
  }
  return true;
}

}  // namespace fsubs
