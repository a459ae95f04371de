#include "worker/node_rows.hpp"

#include <utility>

#include "worker/base/version.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {

void CountClients(std::span<const ShardCounters> shards, BusCounters* bus) {
  uint64_t connections = 0;
  uint64_t subscriptions = 0;
  for (const ShardCounters& shard : shards) {
    connections += shard.connections.get();
    subscriptions += shard.subscriptions.get();
  }
  bus->connections.Set(connections);
  bus->subscriptions.Set(subscriptions);
}

NodeRow OwnNodeRow(const Options& options, std::string role, const BusCounters& bus,
                   int64_t since_us) {
  return {.name = NodeName(options),
          .version = kVersion,
          .bus = kBusChoices[static_cast<size_t>(options.bus)].name,
          .role = std::move(role),
          .lag = bus.behind.get(),
          .delay_us = bus.delay_us,
          .connections = bus.connections.get(),
          .subscriptions = bus.subscriptions.get(),
          .since_us = since_us,
          .trouble = bus.trouble()};
}

std::string NodeRows(const NodeRow& own, std::span<const NodeRow> nodes, std::string_view unknown) {
  std::string rows;
  JsonWriter json(&rows);
  json.BeginArray();
  json.BeginObject();
  own.WriteMembers(&json);
  json.Key("is_self");
  json.Bool(true);
  if (!unknown.empty()) {
    json.Key("others_unknown");
    json.String(unknown);
  }
  json.EndObject();
  for (const NodeRow& node : nodes) {
    if (node.name == own.name && node.since_us == own.since_us) continue;
    json.BeginObject();
    node.WriteMembers(&json);
    json.Key("is_self");
    json.Bool(false);
    json.EndObject();
  }
  json.EndArray();
  return rows;
}

}  // namespace fsubs
