// Field selection merging (specification, section 5.3.2; OverlappingFieldsCanBeMerged of
// graphql-js): fields of one response name must be the same field with the same arguments, all the
// way down. Private to validate*.cpp.
//
// Every selection set is compared with itself, and pairs of them where two fields meet. Fragments
// are not expanded but compared, each pair once, so that the work does not multiply. What can still
// grow is charged to a budget, as in graphql-js; when that is spent, validation aborts.
#pragma once

#include <deque>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graphql/language/ast.hpp"
#include "graphql/language/name_index.hpp"
#include "graphql/schema/schema.hpp"
#include "graphql/validation/validation_context.hpp"

namespace fsubs::graphql {

class FieldMerging {
 public:
  explicit FieldMerging(ValidationContext* context)
      : context_(context), arena_(context->arena()), sets_(arena_), compared_fragments_(arena_) {}

  // Report what cannot be merged within `set`, on the type `parent` (null where unknown).
  void Check(const SelectionSet& set, const Type* parent);

 private:
  struct Occurrence {
    const Selection* selection;
    const Type* parent;       // null where unknown
    const Field* definition;  // null where unknown or a meta field
    bool simple_leaf;         // without arguments and selections

    const WrappedType* type() const { return definition != nullptr ? definition->type : nullptr; }
    const Type* named_type() const { return definition != nullptr ? type()->type : nullptr; }
  };

  // The fields of a selection set and its inline fragments by response name, and the fragments that
  // it spreads.
  struct Fields {
    explicit Fields(std::pmr::memory_resource* arena)
        : names(arena), fragments(arena), compared(arena), overlaps(arena) {}
    NameIndex names;
    std::vector<std::vector<Occurrence>> groups;  // by the numbers of names
    NameIndex fragments;
    // Fragments that these fields were compared with; true: under exclusive parents only.
    std::pmr::unordered_map<std::string_view, bool> compared;
    // The names that these and other fields share, by their numbers in both.
    std::pmr::unordered_map<const Fields*, std::vector<std::pair<size_t, size_t>>> overlaps;
  };

  struct Conflict {
    std::string_view response_name;
    std::string reason;
    std::vector<const Selection*> first;
    std::vector<const Selection*> second;
  };
  using Conflicts = std::vector<Conflict>;

  struct SetKey {
    const SelectionSet* set;
    const Type* parent;
    bool operator==(const SetKey&) const = default;
  };
  struct NamePair {
    std::string_view first;
    std::string_view second;
    bool operator==(const NamePair&) const = default;
  };
  struct Hash {
    template <typename T>
    static size_t Join(const T& a, const auto& b) {
      return std::hash<T>()(a) * 31 + std::hash<std::remove_cvref_t<decltype(b)>>()(b);
    }
    size_t operator()(const SetKey& key) const { return Join(key.set, key.parent); }
    size_t operator()(const NamePair& pair) const { return Join(pair.first, pair.second); }
  };

  // `exclusive`: the fields' parents are different object types, so that they never meet.
  void Within(Fields* fields, Conflicts* conflicts);
  void Between(Fields* first, Fields* second, bool exclusive, Conflicts* conflicts);
  void BetweenFieldsAndFragment(Fields* fields, std::string_view fragment, bool exclusive,
                                Conflicts* conflicts);
  void BetweenFragments(std::string_view first, std::string_view second, bool exclusive,
                        Conflicts* conflicts);
  Conflicts BetweenSubSelections(const Occurrence& first, const Occurrence& second, bool exclusive);
  void Compare(std::string_view name, const Occurrence& first, const Occurrence& second,
               bool exclusive, Conflicts* conflicts);
  void Keep(Conflict conflict, Conflicts* conflicts) const;
  bool WasCompared(std::string_view first, std::string_view second, bool exclusive) const;

  Fields* FieldsOf(const SelectionSet& set, const Type* parent);
  Fields* FieldsOf(const Fragment& fragment);
  void Collect(const SelectionSet& set, const Type* parent, Fields* fields);
  const std::vector<std::pair<size_t, size_t>>& OverlapOf(Fields* first, const Fields* second);

  bool SameArguments(const Selection& first, const Selection& second);
  const std::string& CanonicalOf(const Value& value);
  bool TypesConflict(const WrappedType& first, const WrappedType& second);
  void Spend(size_t cost);

  ValidationContext* const context_;
  std::pmr::memory_resource* const arena_;
  std::deque<Fields> fields_;
  std::pmr::unordered_map<SetKey, Fields*, Hash> sets_;
  std::pmr::unordered_map<NamePair, bool, Hash> compared_fragments_;  // as Fields::compared
  std::unordered_map<const Value*, std::string> canonical_;
  size_t spent_ = 0;
  size_t depth_ = 0;
};

}  // namespace fsubs::graphql
