// Brings clients that are behind up to date: reads for each what waits for it in the ring.
//
// One shard's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "contract/event_record.hpp"
#include "contract/ring_layout.hpp"
#include "contract/ring_reader.hpp"
#include "worker/base/work_budget.hpp"
#include "worker/client/client.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/event/event_data.hpp"
#include "worker/filter/predicate_trial.hpp"

namespace fsubs {

class CatchUp {
 public:
  // `ring` and `clients`, those of the shard, outlive it.
  CatchUp(const RingHeader* ring, const ClientMap* clients) : clients_(clients), reader_(ring) {}

  // The socket of a client that is behind takes more.
  void Add(Client* client);

  // Hand events to such clients, one after the other, up to those at `until`, which are for the
  // dispatcher. Returns whether no client is left that could take more; if one is, the budget is
  // spent.
  bool Continue(const EventPlace& until, WorkBudget* budget);

  // Give back the memory of events larger than so many bytes. Returns how many bytes that were.
  size_t Shrink(size_t event_bytes);

 private:
  enum class Result { kDone, kSpent };

  // An event that is looked at for one client's subscriptions.
  struct UnderWay {
    uint64_t client = 0;
    Position position = 0;
    bool parsed = false;
    bool malformed = false;
    std::string mark_position;
  };

  Result Serve(Client* client, const EventPlace& until, WorkBudget* budget);
  bool IsUnderWay(const Client& client) const;
  bool ReadNext(Client* client, const EventPlace& until);
  Result Offer(Client* client, WorkBudget* budget);
  void EncodeFor(const PreparedSubscription& subscription);
  Result Match(const PreparedSubscription& subscription, WorkBudget* budget, bool* wanted);

  const ClientMap* const clients_;
  std::deque<uint64_t> waiting_;  // ids, in the order of their turns
  RingReader reader_;
  EventRecord record_;  // of the event under way
  UnderWay under_way_;
  EventData data_;
  PredicateTrial trial_;
  std::shared_ptr<const Predicate> trying_;  // what is being tried, and kept alive for it
  std::string payload_;
};

}  // namespace fsubs
