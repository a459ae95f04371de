// What this node tells of itself in Redis, once a second.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "worker/bus/bus_counters.hpp"
#include "worker/bus/node_row.hpp"
#include "worker/bus/redis/pipeline.hpp"
#include "worker/bus/redis/redis_keys.hpp"

namespace fsubs {

class NodeReport {
 public:
  struct Setup {
    const RedisKeys* keys = nullptr;  // both outlive the report
    const BusCounters* counters = nullptr;
    std::string node;
    std::string version;  // of this program
    int64_t since_us = 0;
  };

  explicit NodeReport(Setup setup) : setup_(std::move(setup)) {}

  // As a node of that role that has the events of `epoch` up to `sequence`.
  NodeRow Row(std::string role, std::string epoch, uint64_t sequence) const;

  // Add the commands that tell it.
  void AddTo(const NodeRow& row, Pipeline* pipeline) const;

 private:
  const Setup setup_;
};

}  // namespace fsubs
