#include "worker/filter/filter.hpp"

#include <algorithm>
#include <cstring>

namespace fsubs {
namespace {

using graphql::FilterMember;

std::string FormOf(const Predicate& predicate, const std::optional<JsonValue>& value) {
  std::string form;
  AppendForm(predicate.comparison, value, &form);
  return form;
}

// Whether a form compares with an operand as the operation wants. Only values of one kind have an
// order.
bool IsOrdered(FilterMember operation, std::string_view form, std::string_view operand) {
  if (form.front() != operand.front()) return false;
  switch (operation) {
    case FilterMember::kGt:
      return form > operand;
    case FilterMember::kGte:
      return form >= operand;
    case FilterMember::kLt:
      return form < operand;
    default:
      return form <= operand;
  }
}

bool HasElement(const Predicate& predicate, const std::optional<JsonValue>& list) {
  bool found = false;
  if (!list || list->type() != JsonType::kArray) return false;
  list->ForEachElement([&](const JsonValue& element) {
    found = found || FormOf(predicate, element) == predicate.operands.front();
  });
  return found;
}

bool Compare(const Predicate& predicate, const JsonValue& data) {
  const std::optional<JsonValue> value = ValueAt(data, predicate.path);
  const auto& operands = predicate.operands;
  switch (predicate.operation) {
    case FilterMember::kExists:
      return (value && !value->is_null()) == predicate.exists;
    case FilterMember::kEq:
      return FormOf(predicate, value) == operands.front();
    case FilterMember::kNe:
      return FormOf(predicate, value) != operands.front();
    case FilterMember::kIn:
    case FilterMember::kNotIn: {
      const bool in =
          std::binary_search(operands.begin(), operands.end(), FormOf(predicate, value));
      return in == (predicate.operation == FilterMember::kIn);
    }
    case FilterMember::kContains:
      if (predicate.in_list) return HasElement(predicate, value);
      [[fallthrough]];
    case FilterMember::kStartsWith: {
      const std::string form = FormOf(predicate, value);
      const std::string_view part = std::string_view(operands.front()).substr(1);
      if (form.front() != kTextForm) return false;
      const std::string_view text = std::string_view(form).substr(1);
      return predicate.operation == FilterMember::kContains ? text.find(part) != text.npos
                                                            : text.starts_with(part);
    }
    default:
      return IsOrdered(predicate.operation, FormOf(predicate, value), operands.front());
  }
}

// How many elements the list at the predicate's path has, and for how many of them the predicate
// holds. A value that is not a list has none.
struct Count {
  size_t held = 0;
  size_t all = 0;
};

Count CountElements(const Predicate& predicate, const JsonValue& data) {
  Count count;
  const std::optional<JsonValue> list = ValueAt(data, predicate.path);
  if (!list || list->type() != JsonType::kArray) return count;
  list->ForEachElement([&](const JsonValue& element) {
    ++count.all;
    if (Holds(predicate.inner.front(), element)) ++count.held;
  });
  return count;
}

void AppendSize(size_t size, std::string* out) {
  out->append(std::to_string(size)).append(":");
}

void AppendText(std::string_view text, std::string* out) {
  AppendSize(text.size(), out);
  out->append(text);
}

}  // namespace

std::optional<JsonValue> ValueAt(const JsonValue& data, const FieldPath& path) {
  std::optional<JsonValue> value = data;
  for (const std::string& name : path) {
    value = value->Find(name);
    if (!value) break;
  }
  return value;
}

bool Holds(const Predicate& predicate, const JsonValue& data) {
  const auto holds = [&](const Predicate& inner) { return Holds(inner, data); };
  const auto& inner = predicate.inner;
  switch (predicate.kind) {
    case Predicate::Kind::kAll:
      return std::all_of(inner.begin(), inner.end(), holds);
    case Predicate::Kind::kAny:
      return std::any_of(inner.begin(), inner.end(), holds);
    case Predicate::Kind::kNot:
      return !holds(inner.front());
    case Predicate::Kind::kCompare:
      return Compare(predicate, data);
    case Predicate::Kind::kSome:
      return CountElements(predicate, data).held > 0;
    case Predicate::Kind::kNone:
      return CountElements(predicate, data).held == 0;
    case Predicate::Kind::kEvery:
      break;
  }
  const Count count = CountElements(predicate, data);
  return count.held == count.all;
}

void AppendIdentity(const Predicate& predicate, std::string* identity) {
  *identity += static_cast<char>('A' + static_cast<int>(predicate.kind));
  *identity += static_cast<char>('A' + static_cast<int>(predicate.operation));
  *identity += static_cast<char>('A' + static_cast<int>(predicate.comparison));
  *identity += predicate.exists ? '+' : '-';
  *identity += predicate.in_list ? '+' : '-';
  AppendSize(predicate.path.size(), identity);
  for (const std::string& name : predicate.path) AppendText(name, identity);
  AppendSize(predicate.operands.size(), identity);
  for (const std::string& operand : predicate.operands) AppendText(operand, identity);
  AppendSize(predicate.inner.size(), identity);
  for (const Predicate& inner : predicate.inner) AppendIdentity(inner, identity);
}

void AppendKeyPart(std::string_view form, std::string* key) {
  const auto length = static_cast<uint32_t>(form.size());
  char bytes[sizeof(length)];
  std::memcpy(bytes, &length, sizeof(length));
  key->append(bytes, sizeof(length)).append(form);
}

}  // namespace fsubs
