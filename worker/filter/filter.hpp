// The conditions that a subscription's arguments put on an event's data, divided into those that an
// index finds and those that must be tried. docs/filters.md explains each condition.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/schema/filter_types.hpp"
#include "worker/filter/comparable.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

// The names of nested fields, starting in the event's data or in a list's element.
using FieldPath = std::vector<std::string>;

// The value at `path`; nothing if it or an object around it is missing.
std::optional<JsonValue> ValueAt(const JsonValue& data, const FieldPath& path);

// A condition and the conditions inside it. Immutable.
struct Predicate {
  enum class Kind : uint8_t {
    kAll,  // of `inner`
    kAny,  // of `inner`
    kNot,  // the only one of `inner`
    kCompare,
    // A list at `path`, its elements tried with the only one of `inner`.
    kSome,
    kEvery,
    kNone,
  };

  Kind kind = Kind::kAll;
  graphql::FilterMember operation = graphql::FilterMember::kEq;  // kCompare
  bool in_list = false;  // kCompare kContains: an element of the list at `path` equals
  Comparison comparison = Comparison::kText;
  FieldPath path;
  std::vector<std::string> operands;  // forms; one unless the operation takes a list
  bool exists = true;                 // kExists: what it asks for
  std::vector<Predicate> inner;
};

// Append a text that is equal only for predicates that mean the same.
void AppendIdentity(const Predicate& predicate, std::string* identity);

// Bytes that it keeps beside itself.
size_t HeapSize(const Predicate& predicate);

// A leaf of the event's data that an index looks up.
struct IndexedField {
  FieldPath path;
  Comparison comparison = Comparison::kText;
  bool operator==(const IndexedField&) const = default;
};

// The forms between two bounds of the same kind.
struct Interval {
  std::string lower;
  std::string upper;
  bool lower_included = true;
  bool upper_included = true;

  bool Contains(std::string_view form) const {
    return (lower_included ? form >= lower : form > lower) &&
           (upper_included ? form <= upper : form < upper);
  }
  bool operator==(const Interval&) const = default;
};

// A compiled filter. All parts must hold.
struct Filter {
  // Fields that must equal a value, ordered by path. Each of `keys` is a combination of values that
  // matches: their forms, joined by AppendKeyPart. Without fields there is one key, which is empty.
  std::vector<IndexedField> equal;
  std::vector<std::string> keys{std::string()};
  // A field whose form must lie in an interval.
  std::optional<IndexedField> ranged;
  Interval interval;
  // The other conditions; null if there are none.
  std::shared_ptr<const Predicate> residual;
};

// Bytes that it keeps beside itself.
size_t HeapSize(const Filter& filter);

// Append a form to a key. Keys are equal only if all their forms are.
void AppendKeyPart(std::string_view form, std::string* key);

// Append the key of the data's values of `fields`.
void AppendKey(const std::vector<IndexedField>& fields, const JsonValue& data, std::string* key);

// Whether the data satisfies what an index finds of a filter: all but the residual.
bool IndexHolds(const Filter& filter, const JsonValue& data);

}  // namespace fsubs
