#include "worker/filter/json_form.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/filter/ordered_bytes.hpp"
#include "worker/filter/text_reader.hpp"
#include "worker/json/json_number.hpp"

namespace fsubs {
namespace {

constexpr char kNull = '0';
constexpr char kTrue = '+';
constexpr char kFalse = '-';
constexpr char kNumber = 'n';
constexpr char kString = 's';
constexpr char kArray = '[';
constexpr char kObject = '{';
constexpr char kEnd = ']';

void AppendSized(std::string_view text, std::string* out) {
  AppendUnsigned(static_cast<uint32_t>(text.size()), out);
  out->append(text);
}

void AppendNumber(std::string_view number, std::string* out) {
  *out += kNumber;
  AppendNumberForm(number, out);
}

void AppendString(std::string_view text, std::string* out) {
  *out += kString;
  AppendSized(text, out);
}

// Append members by name. The last one of a name counts.
template <typename Member, typename Append>
void AppendObject(std::vector<std::pair<std::string_view, Member>> members, const Append& append,
                  std::string* out) {
  std::stable_sort(members.begin(), members.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  *out += kObject;
  for (size_t i = 0; i < members.size(); ++i) {
    if (i + 1 < members.size() && members[i + 1].first == members[i].first) continue;
    AppendSized(members[i].first, out);
    append(members[i].second);
  }
  *out += kEnd;
}

struct HstorePair {
  std::string key;
  std::optional<std::string> value;
};

void AppendHstore(const std::vector<HstorePair>& pairs, std::string* out) {
  std::vector<std::pair<std::string_view, const HstorePair*>> members;
  members.reserve(pairs.size());
  for (const HstorePair& pair : pairs) members.emplace_back(pair.key, &pair);
  AppendObject(
      std::move(members),
      [out](const HstorePair* pair) {
        if (pair->value) {
          AppendString(*pair->value, out);
        } else {
          *out += kNull;
        }
      },
      out);
}

// A key or a value, with or without quotes.
bool ReadWord(TextReader* reader, std::string* word, bool* quoted) {
  reader->SkipBlanks();
  *quoted = reader->Skip('"');
  for (;;) {
    const char next = reader->front();
    if (reader->done()) return !*quoted && !word->empty();
    if (*quoted ? next == '"' : next == ',' || next == '=' || IsBlank(next)) break;
    reader->Skip(next);
    if (next == '\\') {
      if (reader->done()) return false;
      *word += reader->front();
      reader->Skip(reader->front());
    } else {
      *word += next;
    }
  }
  return *quoted ? reader->Skip('"') : !word->empty();
}

}  // namespace

void AppendJsonForm(const JsonValue& value, std::string* out) {
  switch (value.type()) {
    case JsonType::kNull:
      *out += kNull;
      break;
    case JsonType::kBoolean:
      *out += value.boolean() ? kTrue : kFalse;
      break;
    case JsonType::kNumber:
      AppendNumber(value.raw(), out);
      break;
    case JsonType::kString:
      AppendString(value.text(), out);
      break;
    case JsonType::kArray:
      *out += kArray;
      value.ForEachElement([out](const JsonValue& element) { AppendJsonForm(element, out); });
      *out += kEnd;
      break;
    case JsonType::kObject: {
      std::vector<std::pair<std::string_view, JsonValue>> members;
      value.ForEachMember([&](std::string_view name, const JsonValue& member) {
        members.emplace_back(name, member);
      });
      AppendObject(
          std::move(members), [out](const JsonValue& member) { AppendJsonForm(member, out); }, out);
      break;
    }
  }
}

void AppendJsonForm(const graphql::Value& literal, std::string* out) {
  using graphql::ValueKind;
  switch (literal.kind) {
    case ValueKind::kInt:
    case ValueKind::kFloat:
      AppendNumber(literal.text, out);
      break;
    case ValueKind::kString:
    case ValueKind::kEnum:
      AppendString(literal.text, out);
      break;
    case ValueKind::kBoolean:
      *out += literal.boolean ? kTrue : kFalse;
      break;
    case ValueKind::kList:
      *out += kArray;
      for (const graphql::Value* item : literal.items) AppendJsonForm(*item, out);
      *out += kEnd;
      break;
    case ValueKind::kObject: {
      std::vector<std::pair<std::string_view, const graphql::Value*>> members;
      for (const graphql::ObjectField& field : literal.fields) {
        members.emplace_back(field.name.text, field.value);
      }
      AppendObject(
          std::move(members), [out](const graphql::Value* member) { AppendJsonForm(*member, out); },
          out);
      break;
    }
    default:
      *out += kNull;
  }
}

bool AppendHstoreForm(const JsonValue& object, std::string* out) {
  if (object.type() != JsonType::kObject) return false;
  std::vector<HstorePair> pairs;
  bool flat = true;
  object.ForEachMember([&](std::string_view name, const JsonValue& value) {
    const JsonType type = value.type();
    flat = flat && type != JsonType::kArray && type != JsonType::kObject;
    HstorePair& pair = pairs.emplace_back(HstorePair{std::string(name), std::nullopt});
    if (!value.is_null()) pair.value = type == JsonType::kString ? value.text() : value.raw();
  });
  if (flat) AppendHstore(pairs, out);
  return flat;
}

bool AppendHstoreForm(std::string_view text, std::string* out) {
  TextReader reader(Trim(text));
  std::vector<HstorePair> pairs;
  while (!reader.done()) {
    HstorePair& pair = pairs.emplace_back();
    bool quoted = false;
    if (!ReadWord(&reader, &pair.key, &quoted)) return false;
    reader.SkipBlanks();
    if (!reader.Skip('=') || !reader.Skip('>')) return false;
    std::string value;
    if (!ReadWord(&reader, &value, &quoted)) return false;
    if (quoted || !IsSameWord(value, "null")) pair.value = std::move(value);
    reader.SkipBlanks();
    if (reader.done()) break;
    if (!reader.Skip(',')) return false;
    reader.SkipBlanks();
    if (reader.done()) return false;
  }
  // Unlike JSON, the first of those with one name counts.
  std::reverse(pairs.begin(), pairs.end());
  AppendHstore(pairs, out);
  return true;
}

}  // namespace fsubs
