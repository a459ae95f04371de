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

}  // namespace

std::optional<JsonValue> ValueAt(const JsonValue& data, const FieldPath& path) {
  std::optional<JsonValue> value = data;
  for (const std::string& name : path) {
    value = value->Find(name);
    if (!value) break;
  }
  return value;
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

void AppendKeyPart(std::string_view form, std::string* key) {
  const auto length = static_cast<uint32_t>(form.size());
  char bytes[sizeof(length)];
  std::memcpy(bytes, &length, sizeof(length));
  key->append(bytes, sizeof(length)).append(form);
}

void AppendKey(const std::vector<IndexedField>& fields, const JsonValue& data, std::string* key) {
  std::string form;
  for (const IndexedField& field : fields) {
    form.clear();
    AppendForm(field.comparison, ValueAt(data, field.path), &form);
    AppendKeyPart(form, key);
  }
}

bool IndexHolds(const Filter& filter, const JsonValue& data) {
  std::string key;
  AppendKey(filter.equal, data, &key);
  if (std::find(filter.keys.begin(), filter.keys.end(), key) == filter.keys.end()) return false;
  if (!filter.ranged) return true;
  std::string form;
  AppendForm(filter.ranged->comparison, ValueAt(data, filter.ranged->path), &form);
  return filter.interval.Contains(form);
}

}  // namespace fsubs
