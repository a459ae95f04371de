#include "worker/node_rows.hpp"

#include "worker/json/json_writer.hpp"

namespace fsubs {

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
