#include "worker/bus/redis/node_report.hpp"

#include "worker/base/clock.hpp"

namespace fsubs {

NodeRow NodeReport::Row(std::string role, std::string epoch, uint64_t sequence) const {
  const BusCounters& counters = *setup_.counters;
  return {.name = setup_.node,
          .version = setup_.version,
          .bus = "redis",
          .role = std::move(role),
          .epoch = std::move(epoch),
          .sequence = sequence,
          .lag = counters.behind.get(),
          .delay_us = counters.delay_us,
          .connections = counters.connections.get(),
          .subscriptions = counters.subscriptions.get(),
          .since_us = setup_.since_us,
          .trouble = counters.trouble()};
}

void NodeReport::AddTo(const NodeRow& row, Pipeline* pipeline) const {
  const RedisKeys& keys = *setup_.keys;
  pipeline->Add("SET", keys.Node(setup_.node), row.ToJson(), "EX", NodeRow::kSeconds);
  pipeline->Add("ZADD", keys.nodes, std::to_string(NowUs() / 1'000'000), setup_.node);
}

}  // namespace fsubs
