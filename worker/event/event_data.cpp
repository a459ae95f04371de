#include "worker/event/event_data.hpp"

#include <string>

#include "worker/json/json_writer.hpp"

namespace fsubs {

bool EventData::Parse(std::string_view text) {
  old_is_hidden_ = false;
  return tree_.Parse(text);
}

JsonValue EventData::For(const EventRules& rules) {
  if (!OldIsOfOthers(rules, tree_.root())) return tree_.root();
  if (!old_is_hidden_) HideOld();
  return without_old_.root();
}

// In a copy, since "old" may be there more than once, and one field may hide what another shows.
void EventData::HideOld() {
  std::string text;
  JsonWriter json(&text);
  json.BeginObject();
  tree_.root().ForEachMember([&](std::string_view name, const JsonValue& value) {
    if (name == "old") return;
    json.Key(name);
    json.Raw(value.raw());
  });
  json.Key("old");
  json.Null();
  json.EndObject();
  // It was parsed before, so it can be parsed again. If not, there is nothing to see.
  if (!without_old_.ParseCopy(text)) (void)without_old_.ParseCopy("null");
  old_is_hidden_ = true;
}

size_t EventData::Shrink(size_t text_bytes) {
  old_is_hidden_ = false;
  return tree_.Shrink(text_bytes) + without_old_.Shrink(text_bytes);
}

}  // namespace fsubs
