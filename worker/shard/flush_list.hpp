// Clients that have something to write, first come, first served.
//
// One shard's thread only.
#pragma once

#include <cstddef>
#include <deque>

#include "worker/base/work_budget.hpp"
#include "worker/client/client.hpp"

namespace fsubs {

class FlushList {
 public:
  explicit FlushList(ClientHost::Flush when) : when_(when) {}

  // REQUIRES: `client` is not on the list.
  void Add(Client* client) { clients_.push_back(client); }
  // Does nothing if it is not on the list.
  void Remove(Client* client);

  // Flush clients until there are none or the budget is spent. Returns whether there are none.
  bool Continue(WorkBudget* budget);

  bool empty() const { return clients_.empty(); }

 private:
  const ClientHost::Flush when_;
  std::deque<Client*> clients_;  // null: removed
};

}  // namespace fsubs
