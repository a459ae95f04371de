// What a subscription's arguments demand of an event's data, taken apart into what an index can
// find and what must be tried. docs/filters.md tells the meaning of each condition.
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

// Names of fields from the event's data, or a list's element, down.
using FieldPath = std::vector<std::string>;

// The value at `path`; nothing where it, or what should hold it, is not there.
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

bool Holds(const Predicate& predicate, const JsonValue& data);

// Append a text that predicates share only if they demand the same.
void AppendIdentity(const Predicate& predicate, std::string* identity);

// A leaf that an index looks at.
struct IndexedField {
  FieldPath path;
  Comparison comparison = Comparison::kText;
  bool operator==(const IndexedField&) const = default;
};

// Forms between two bounds of one kind.
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

// All of it must hold.
struct Filter {
  // Fields that must equal, ordered by path. Each of `keys` is one combination of their values'
  // forms that will do, joined by AppendKeyPart; there is one, empty, if there are no fields.
  std::vector<IndexedField> equal;
  std::vector<std::string> keys{std::string()};
  // A field whose form must lie in an interval.
  std::optional<IndexedField> ranged;
  Interval interval;
  // The rest; null if there is none.
  std::shared_ptr<const Predicate> residual;
};

// Append a form to a key. Joined forms are equal only if each pair is.
void AppendKeyPart(std::string_view form, std::string* key);

}  // namespace fsubs
