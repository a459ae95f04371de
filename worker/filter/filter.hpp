// The conditions that a subscription's arguments put on an event's data, divided into those that an
// index finds and those that must be tried. docs/filters.md explains each condition.
#pragma once

#include <functional>
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

// Whether the data does not tell what is at `path`, so that it must not be taken for null: a member
// of an object is missing. Only at the top is one that is missing null, and there only in data that
// is not the change of a row, whose columns are in "row".
bool LeavesOpen(const JsonValue& data, const FieldPath& path);

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
  bool must_be_told = false;          // kCompare: does not hold where the data LeavesOpen `path`
  std::vector<Predicate> inner;
};

// Append a text that is equal only for predicates that mean the same.
void AppendIdentity(const Predicate& predicate, std::string* identity);

// Bytes that it keeps beside itself.
size_t HeapSize(const Predicate& predicate);

// Who demands something of an event, in the order in which that is decided.
enum class Demander : uint8_t { kClient, kRowFilter, kTenant, kFederation };

// A leaf of the event's data that an index looks up; for kFederation, the event's subgraph. A list
// that a row filter looks at is each of its elements.
struct IndexedField {
  FieldPath path;
  Comparison comparison = Comparison::kText;
  Demander demander = Demander::kClient;
  bool operator==(const IndexedField&) const = default;
};

// What an access module demands: that the field has one of these forms, which are sorted, none
// twice.
struct Demand {
  IndexedField field;
  std::vector<std::string> forms;
};

// What filters look at.
struct EventView {
  JsonValue data;
  std::string_view subgraph;  // empty: none
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
  // Fields that must equal a value, ordered by demander and path. Each of `keys` is a combination
  // of values that matches: their forms, joined by AppendKeyPart. Without fields there is one key,
  // which is empty.
  std::vector<IndexedField> equal;
  std::vector<std::string> keys{std::string()};
  // A field whose form must lie in an interval.
  std::optional<IndexedField> ranged;
  Interval interval;
  // The other conditions; null if there are none.
  std::shared_ptr<const Predicate> residual;

  // Whether events of a subgraph are looked up. Otherwise none of them matches, unless the field
  // has a subgraph of its own.
  bool by_subgraph() const {
    return !equal.empty() && equal.back().demander == Demander::kFederation;
  }
};

// Bytes that it keeps beside itself.
size_t HeapSize(const Filter& filter);

// Append the form of `value`, which is that of `field` in `data`.
void AppendFieldForm(const IndexedField& field, const JsonValue& data,
                     const std::optional<JsonValue>& value, std::string* form);

// Append a form to a key. Keys are equal only if all their forms are.
void AppendKeyPart(std::string_view form, std::string* key);

// The front of a key: its first `parts` parts. REQUIRES: it has so many.
std::string_view KeyFront(std::string_view key, size_t parts);

// Append the key of the event's values of `fields`. Returns false if one of them is a list, so that
// the event has the keys that ListKeys tells; then the parts in front of it were appended.
[[nodiscard]] bool AppendKey(const std::vector<IndexedField>& fields, const EventView& event,
                             std::string* key);

// The keys of an event that has lists in fields that a row filter looks at.
class ListKeys {
 public:
  ListKeys(const std::vector<IndexedField>& fields, const EventView& event);

  size_t size() const;
  bool Has(std::string_view key) const;
  void ForEach(const std::function<void(std::string_view key)>& visit) const;

 private:
  std::vector<std::vector<std::string>> forms_;  // of each field; sorted, none twice
};

// Whether the event satisfies what an index finds of a filter: all but the residual.
bool IndexHolds(const Filter& filter, const EventView& event);

}  // namespace fsubs
