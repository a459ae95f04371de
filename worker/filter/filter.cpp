#include "worker/filter/filter.hpp"

#include <algorithm>
#include <cstring>

#include "worker/base/heap_size.hpp"

namespace fsubs {
namespace {

void AppendSize(size_t size, std::string* out) {
  out->append(std::to_string(size)).append(":");
}

void AppendText(std::string_view text, std::string* out) {
  AppendSize(text.size(), out);
  out->append(text);
}

// In front of each form in a key.
using PartLength = uint32_t;
constexpr size_t kPartHead = sizeof(PartLength);

// Where the part of a key that starts at `at` ends.
size_t PartEnd(std::string_view key, size_t at) {
  PartLength length;
  std::memcpy(&length, key.data() + at, kPartHead);
  return at + kPartHead + length;
}

void AppendSubgraphForm(std::string_view subgraph, std::string* form) {
  *form += subgraph.empty() ? kNullForm : kTextForm;
  form->append(subgraph);
}

// Whether each element of the value counts.
bool IsSeveral(const IndexedField& field, const std::optional<JsonValue>& value) {
  return field.demander == Demander::kRowFilter && value && value->type() == JsonType::kArray;
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

bool LeavesOpen(const JsonValue& data, const FieldPath& path) {
  JsonValue around = data;
  for (const std::string& name : path) {
    if (around.is_null()) return false;
    const std::optional<JsonValue> value = around.Find(name);
    if (!value && path.size() > 1) return true;
    if (!value) {
      const std::optional<JsonValue> row = data.Find("row");
      return row && !row->is_null();
    }
    around = *value;
  }
  return false;
}

void AppendIdentity(const Predicate& predicate, std::string* identity) {
  *identity += static_cast<char>('A' + static_cast<int>(predicate.kind));
  *identity += static_cast<char>('A' + static_cast<int>(predicate.operation));
  *identity += static_cast<char>('A' + static_cast<int>(predicate.comparison));
  *identity += predicate.exists ? '+' : '-';
  *identity += predicate.in_list ? '+' : '-';
  *identity += predicate.must_be_told ? '+' : '-';
  AppendSize(predicate.path.size(), identity);
  for (const std::string& name : predicate.path) AppendText(name, identity);
  AppendSize(predicate.operands.size(), identity);
  for (const std::string& operand : predicate.operands) AppendText(operand, identity);
  AppendSize(predicate.inner.size(), identity);
  for (const Predicate& inner : predicate.inner) AppendIdentity(inner, identity);
}

size_t HeapSize(const Predicate& predicate) {
  size_t size =
      HeapSize(predicate.path) + HeapSize(predicate.operands) + HeapArray(predicate.inner);
  for (const Predicate& inner : predicate.inner) size += HeapSize(inner);
  return size;
}

size_t HeapSize(const Filter& filter) {
  size_t size = HeapArray(filter.equal) + HeapSize(filter.keys);
  for (const IndexedField& field : filter.equal) size += HeapSize(field.path);
  if (filter.ranged) size += HeapSize(filter.ranged->path);
  size += HeapSize(filter.interval.lower) + HeapSize(filter.interval.upper);
  if (filter.residual) size += HeapBlock(sizeof(Predicate)) + HeapSize(*filter.residual);
  return size;
}

void AppendFieldForm(const IndexedField& field, const JsonValue& data,
                     const std::optional<JsonValue>& value, std::string* form) {
  if (!value && field.demander != Demander::kClient && LeavesOpen(data, field.path)) {
    *form += kUntoldForm;
  } else {
    AppendForm(field.comparison, value, form);
  }
}

void AppendKeyPart(std::string_view form, std::string* key) {
  const auto length = static_cast<PartLength>(form.size());
  char bytes[kPartHead];
  std::memcpy(bytes, &length, kPartHead);
  key->append(bytes, kPartHead).append(form);
}

std::string_view KeyFront(std::string_view key, size_t parts) {
  size_t end = 0;
  for (; parts > 0; --parts) end = PartEnd(key, end);
  return key.substr(0, end);
}

bool AppendKey(const std::vector<IndexedField>& fields, const EventView& event, std::string* key) {
  std::string form;
  for (const IndexedField& field : fields) {
    form.clear();
    if (field.demander == Demander::kFederation) {
      AppendSubgraphForm(event.subgraph, &form);
    } else {
      const std::optional<JsonValue> value = ValueAt(event.data, field.path);
      if (IsSeveral(field, value)) return false;
      AppendFieldForm(field, event.data, value, &form);
    }
    AppendKeyPart(form, key);
  }
  return true;
}

ListKeys::ListKeys(const std::vector<IndexedField>& fields, const EventView& event) {
  for (const IndexedField& field : fields) {
    std::vector<std::string>& forms = forms_.emplace_back();
    if (field.demander == Demander::kFederation) {
      AppendSubgraphForm(event.subgraph, &forms.emplace_back());
      continue;
    }
    const std::optional<JsonValue> value = ValueAt(event.data, field.path);
    if (!IsSeveral(field, value)) {
      AppendFieldForm(field, event.data, value, &forms.emplace_back());
      continue;
    }
    value->ForEachElement([&](const JsonValue& element) {
      AppendForm(field.comparison, element, &forms.emplace_back());
    });
    std::sort(forms.begin(), forms.end());
    forms.erase(std::unique(forms.begin(), forms.end()), forms.end());
  }
}

size_t ListKeys::size() const {
  size_t size = 1;
  for (const auto& forms : forms_) {
    if (__builtin_mul_overflow(size, forms.size(), &size)) return SIZE_MAX;
  }
  return size;
}

bool ListKeys::Has(std::string_view key) const {
  size_t at = 0;
  for (const auto& forms : forms_) {
    const size_t end = PartEnd(key, at);
    const std::string_view form = key.substr(at + kPartHead, end - at - kPartHead);
    if (!std::binary_search(forms.begin(), forms.end(), form, std::less<>())) return false;
    at = end;
  }
  return true;
}

void ListKeys::ForEach(const std::function<void(std::string_view key)>& visit) const {
  if (size() == 0) return;
  std::vector<size_t> chosen(forms_.size(), 0);  // of each field's forms
  std::string key;
  for (;;) {
    key.clear();
    for (size_t i = 0; i < forms_.size(); ++i) AppendKeyPart(forms_[i][chosen[i]], &key);
    visit(key);
    size_t next = forms_.size();
    while (next > 0 && ++chosen[next - 1] == forms_[next - 1].size()) chosen[--next] = 0;
    if (next == 0) return;
  }
}

bool IndexHolds(const Filter& filter, const EventView& event) {
  std::string key;
  const auto& keys = filter.keys;
  if (AppendKey(filter.equal, event, &key)) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) return false;
  } else {
    const ListKeys several(filter.equal, event);
    const auto has = [&](const std::string& wanted) { return several.Has(wanted); };
    if (std::none_of(keys.begin(), keys.end(), has)) return false;
  }
  if (!filter.ranged) return true;
  std::string form;
  AppendForm(filter.ranged->comparison, ValueAt(event.data, filter.ranged->path), &form);
  return filter.interval.Contains(form);
}

}  // namespace fsubs
