#include "worker/bus/redis/node_row.hpp"

#include "worker/json/json_writer.hpp"

namespace fsubs {

std::string NodeRow::ToJson() const {
  std::string row;
  JsonWriter json(&row);
  const auto text = [&](std::string_view key, std::string_view value) {
    json.Key(key);
    json.String(value);
  };
  const auto number = [&](std::string_view key, uint64_t value) {
    json.Key(key);
    json.Number(value);
  };
  json.BeginObject();
  text("name", name);
  text("version", version);
  text("bus", "redis");
  text("role", role);
  text("epoch", epoch);
  number("sequence", sequence);
  number("lag", lag);
  number("connections", connections);
  number("since_us", static_cast<uint64_t>(since_us));
  json.EndObject();
  return row;
}

}  // namespace fsubs
