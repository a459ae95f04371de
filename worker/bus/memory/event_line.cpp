#include "worker/bus/memory/event_line.hpp"

#include <algorithm>
#include <array>

namespace fsubs {
namespace {

constexpr std::array<std::string_view, 5> kMembers = {"type", "channel", "data", "correlation_id",
                                                      "subgraph"};

std::string Quote(std::string_view name) {
  constexpr size_t kLongest = 100;
  return '"' + std::string(name.substr(0, kLongest)) + '"';
}

// The one member of an object; nothing if there are others.
std::optional<JsonValue> OnlyMember(const JsonValue& object, std::string_view name) {
  size_t members = 0;
  object.ForEachMember([&](std::string_view, const JsonValue&) { ++members; });
  return members == 1 ? object.Find(name) : std::nullopt;
}

}  // namespace

EventLine::Kind EventLine::Read(std::string_view text) {
  if (text.find_first_not_of(" \t") == std::string_view::npos) return Kind::kNone;
  if (!IsUtf8(text)) return Fail("it is not UTF-8");
  if (!tree_.ParseCopy(text)) return Fail(std::string("it is not JSON: ") + tree_.error());
  const JsonValue root = tree_.root();
  if (root.type() != JsonType::kObject) return Fail("it is no JSON object");
  if (const auto catalog = OnlyMember(root, "catalog")) {
    if (catalog->type() != JsonType::kObject) return Fail("\"catalog\" is no object");
    value_ = catalog->raw();
    return Kind::kCatalog;
  }
  if (const auto sync = OnlyMember(root, "sync")) {
    value_ = sync->raw();
    return Kind::kSync;
  }
  return ReadEvent(root);
}

EventLine::Kind EventLine::ReadEvent(const JsonValue& object) {
  event_ = {};
  std::string_view unknown;
  object.ForEachMember([&](std::string_view name, const JsonValue&) {
    if (std::find(kMembers.begin(), kMembers.end(), name) == kMembers.end()) unknown = name;
  });
  if (unknown.data() != nullptr) {
    return Fail("an event has no member " + Quote(unknown) +
                "; it has type, channel, data, correlation_id and subgraph");
  }
  if (!ReadName(object, "type", true, &event_.event_type) ||
      !ReadName(object, "channel", true, &event_.channel) ||
      !ReadName(object, "correlation_id", false, &event_.correlation_id) ||
      !ReadName(object, "subgraph", false, &event_.subgraph)) {
    return Kind::kBad;
  }
  const auto data = object.Find("data");
  if (!data) return Fail("\"data\" is missing");
  event_.data = data->raw();
  return Kind::kEvent;
}

bool EventLine::ReadName(const JsonValue& object, const char* member, bool is_required,
                         std::string_view* name) {
  const std::string quoted = Quote(member);
  const auto value = object.Find(member);
  if (!value || (value->is_null() && !is_required)) {
    if (is_required) error_ = quoted + " is missing";
    return !is_required;
  }
  if (value->type() != JsonType::kString) {
    error_ = quoted + " is no string";
  } else if (value->text().empty()) {
    error_ = quoted + " cannot be empty";
  } else if (value->text().size() > kMaxNameLength) {
    error_ = quoted + " is longer than " + std::to_string(kMaxNameLength) + " bytes";
  } else {
    *name = value->text();
    return true;
  }
  return false;
}

EventLine::Kind EventLine::Fail(std::string error) {
  error_ = std::move(error);
  return Kind::kBad;
}

}  // namespace fsubs
