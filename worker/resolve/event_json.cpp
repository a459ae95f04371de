#include "worker/resolve/event_json.hpp"

#include "worker/base/clock.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {
namespace {

void WriteName(std::string_view key, std::string_view name, JsonWriter* json) {
  json->Key(key);
  if (name.empty()) {
    json->Null();
  } else {
    json->String(name);
  }
}

}  // namespace

std::string EventJson(const EventRecord& record, std::string_view position, const JsonValue& data) {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  json.Key("id");
  json.String(position);
  WriteName("type", record.event_type, &json);
  WriteName("channel", record.channel, &json);
  json.Key("data");
  json.Raw(data.raw());
  json.Key("old");
  const auto old = data.Find("old");
  if (old) {
    json.Raw(old->raw());
  } else {
    json.Null();
  }
  json.Key("position");
  json.String(position);
  json.Key("commit_time");
  std::string time;
  AppendUtcTime(record.commit_time_us, &time);
  json.String(time);
  WriteName("correlation_id", record.correlation_id, &json);
  WriteName("subgraph", record.subgraph, &json);
  json.EndObject();
  return text;
}

}  // namespace fsubs
