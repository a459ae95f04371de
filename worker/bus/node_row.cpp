#include "worker/bus/node_row.hpp"

#include <algorithm>
#include <limits>

#include "worker/json/json_number.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {
namespace {

constexpr size_t kMostText = 1000;
constexpr auto kMostNumber = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
constexpr int64_t kYear10000Us = 253'402'300'800'000'000;
constexpr int64_t kMostDelayUs = kYear10000Us;

// One that is missing leaves the value as it is: other versions have others.
class Members {
 public:
  explicit Members(const JsonValue& object) : object_(object) {}

  void Take(std::string_view name, std::string* text) {
    const auto value = object_.Find(name);
    if (!value) return;
    if (value->type() != JsonType::kString || value->text().size() > kMostText) return Spoil();
    *text = value->ToString();
    const bool has_controls = std::any_of(text->begin(), text->end(),
                                          [](unsigned char c) { return c < ' ' || c == 127; });
    if (has_controls) Spoil();
  }

  template <typename Integer>
  void Take(std::string_view name, Integer least, Integer most, Integer* number) {
    const auto value = object_.Find(name);
    if (!value) return;
    if (!ReadInteger(value->raw(), number) || *number < least || *number > most) Spoil();
  }

  bool make_sense() const { return make_sense_; }

 private:
  void Spoil() { make_sense_ = false; }

  const JsonValue object_;
  bool make_sense_ = true;
};

}  // namespace

void NodeRow::WriteMembers(JsonWriter* json) const {
  const auto text = [&](std::string_view key, std::string_view value) {
    json->Key(key);
    json->String(value);
  };
  const auto number = [&](std::string_view key, auto value) {
    json->Key(key);
    json->Number(value);
  };
  text("name", name);
  text("version", version);
  text("bus", bus);
  text("role", role);
  text("epoch", epoch);
  number("sequence", sequence);
  number("lag", lag);
  if (delay_us >= 0) number("delay_us", delay_us);
  number("connections", connections);
  number("subscriptions", subscriptions);
  number("since_us", since_us);
  if (!trouble.empty()) text("trouble", trouble);
}

std::string NodeRow::ToJson() const {
  std::string row;
  JsonWriter json(&row);
  json.BeginObject();
  WriteMembers(&json);
  json.EndObject();
  return row;
}

std::optional<NodeRow> NodeRow::Read(std::string_view json) {
  JsonTree tree;
  if (!tree.ParseCopy(json) || tree.root().type() != JsonType::kObject) return std::nullopt;
  NodeRow row;
  Members members(tree.root());
  members.Take("name", &row.name);
  members.Take("version", &row.version);
  members.Take("bus", &row.bus);
  members.Take("role", &row.role);
  members.Take("epoch", &row.epoch);
  members.Take("sequence", uint64_t{0}, kMostNumber, &row.sequence);
  members.Take("lag", uint64_t{0}, kMostNumber, &row.lag);
  members.Take("delay_us", int64_t{0}, kMostDelayUs, &row.delay_us);
  members.Take("connections", uint64_t{0}, kMostNumber, &row.connections);
  members.Take("subscriptions", uint64_t{0}, kMostNumber, &row.subscriptions);
  members.Take("since_us", int64_t{0}, kYear10000Us, &row.since_us);
  members.Take("trouble", &row.trouble);
  if (!members.make_sense()) return std::nullopt;
  return row;
}

}  // namespace fsubs
