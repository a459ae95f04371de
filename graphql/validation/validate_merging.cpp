#include "graphql/validation/validate_merging.hpp"

#include <algorithm>

namespace fsubs::graphql {
namespace {

// Details of a conflict are cut off here, whatever the size of the document.
constexpr size_t kMaxDetail = 1000;
constexpr size_t kMaxNodes = 20;

std::string Abbreviated(std::string_view text) {
  if (text.size() <= kMaxDetail) return std::string(text);
  return std::string(text.substr(0, kMaxDetail)) + "...";
}

// A form that is equal for values that mean the same: the order of an object's fields does not
// matter.
void AppendCanonical(const Value& value, std::string* out) {
  *out += static_cast<char>('a' + static_cast<int>(value.kind));
  switch (value.kind) {
    case ValueKind::kNull:
      break;
    case ValueKind::kBoolean:
      *out += value.boolean ? 't' : 'f';
      break;
    case ValueKind::kList:
      for (const Value* item : value.items) AppendCanonical(*item, out);
      *out += ']';
      break;
    case ValueKind::kObject: {
      std::vector<ObjectField> fields(value.fields.begin(), value.fields.end());
      std::stable_sort(fields.begin(), fields.end(),
                       [](const auto& a, const auto& b) { return a.name.text < b.name.text; });
      for (const ObjectField& field : fields) {
        out->append(field.name.text) += ':';
        AppendCanonical(*field.value, out);
      }
      *out += '}';
      break;
    }
    default:
      if (value.block) *out += '"';
      out->append(std::to_string(value.text.size())).append(":").append(value.text);
  }
}

}  // namespace

void FieldMerging::Check(const SelectionSet& set, const Type* parent) {
  if (set.selections.size() == 1 && set.selections.front().kind != SelectionKind::kInlineFragment) {
    return;
  }
  Fields* const fields = FieldsOf(set, parent);
  Conflicts conflicts;
  Within(fields, &conflicts);
  const NameIndex& fragments = fields->fragments;
  if (fields->names.size() > 0 || fragments.size() > 1) {
    for (size_t i = 0; i < fragments.size(); ++i) {
      BetweenFieldsAndFragment(fields, fragments[i], false, &conflicts);
      for (size_t j = i + 1; j < fragments.size(); ++j) {
        BetweenFragments(fragments[i], fragments[j], false, &conflicts);
      }
    }
  }
  for (const Conflict& conflict : conflicts) {
    std::vector<uint32_t> offsets;
    for (const Selection* node : conflict.first) offsets.push_back(node->offset);
    for (const Selection* node : conflict.second) offsets.push_back(node->offset);
    context_->Report("Fields " + Quoted(Abbreviated(conflict.response_name)) +
                         " conflict because " + conflict.reason +
                         ". Use different aliases on the fields to fetch both if this was "
                         "intentional.",
                     offsets);
  }
}

void FieldMerging::Within(Fields* fields, Conflicts* conflicts) {
  for (size_t name = 0; name < fields->groups.size(); ++name) {
    const std::vector<Occurrence>& group = fields->groups[name];
    for (size_t i = 0; i < group.size(); ++i) {
      for (size_t j = i + 1; j < group.size(); ++j) {
        Compare(fields->names[name], group[i], group[j], false, conflicts);
      }
    }
  }
}

void FieldMerging::Between(Fields* first, Fields* second, bool exclusive, Conflicts* conflicts) {
  if (first->groups.empty() || second->groups.empty()) return;
  for (const auto& [in_first, in_second] : OverlapOf(first, second)) {
    for (const Occurrence& a : first->groups[in_first]) {
      for (const Occurrence& b : second->groups[in_second]) {
        Compare(first->names[in_first], a, b, exclusive, conflicts);
      }
    }
  }
}

void FieldMerging::BetweenFieldsAndFragment(Fields* fields, std::string_view name, bool exclusive,
                                            Conflicts* conflicts) {
  const FragmentNesting nesting(context_, &depth_);
  Spend(1);
  if (fields->groups.empty()) return;
  // A comparison under exclusive parents checks less than one under others.
  const auto [compared, added] = fields->compared.try_emplace(name, exclusive);
  if (!added && (exclusive || !compared->second)) return;
  compared->second = exclusive;
  const Fragment* const fragment = context_->FindFragment(name);
  if (fragment == nullptr) return;
  Fields* const others = FieldsOf(*fragment);
  if (others == fields) return;
  Between(fields, others, exclusive, conflicts);
  for (size_t i = 0; i < others->fragments.size(); ++i) {
    BetweenFieldsAndFragment(fields, others->fragments[i], exclusive, conflicts);
  }
}

bool FieldMerging::WasCompared(std::string_view first, std::string_view second,
                               bool exclusive) const {
  for (const NamePair& pair : {NamePair{first, second}, NamePair{second, first}}) {
    const auto found = compared_fragments_.find(pair);
    if (found != compared_fragments_.end() && (exclusive || !found->second)) return true;
  }
  return false;
}

void FieldMerging::BetweenFragments(std::string_view first, std::string_view second, bool exclusive,
                                    Conflicts* conflicts) {
  const FragmentNesting nesting(context_, &depth_);
  Spend(2);
  if (first == second || WasCompared(first, second, exclusive)) return;
  compared_fragments_[{first, second}] = exclusive;
  const Fragment* const first_fragment = context_->FindFragment(first);
  const Fragment* const second_fragment = context_->FindFragment(second);
  if (first_fragment == nullptr || second_fragment == nullptr) return;
  Fields* const first_fields = FieldsOf(*first_fragment);
  Fields* const second_fields = FieldsOf(*second_fragment);
  Between(first_fields, second_fields, exclusive, conflicts);
  for (size_t i = 0; i < second_fields->fragments.size(); ++i) {
    BetweenFragments(first, second_fields->fragments[i], exclusive, conflicts);
  }
  for (size_t i = 0; i < first_fields->fragments.size(); ++i) {
    BetweenFragments(first_fields->fragments[i], second, exclusive, conflicts);
  }
}

FieldMerging::Conflicts FieldMerging::BetweenSubSelections(const Occurrence& first,
                                                           const Occurrence& second,
                                                           bool exclusive) {
  const FragmentNesting nesting(context_, &depth_);
  Conflicts conflicts;
  Fields* const a = FieldsOf(*first.selection->selection_set, first.named_type());
  Fields* const b = FieldsOf(*second.selection->selection_set, second.named_type());
  Between(a, b, exclusive, &conflicts);
  for (size_t i = 0; i < b->fragments.size(); ++i) {
    BetweenFieldsAndFragment(a, b->fragments[i], exclusive, &conflicts);
  }
  for (size_t i = 0; i < a->fragments.size(); ++i) {
    BetweenFieldsAndFragment(b, a->fragments[i], exclusive, &conflicts);
  }
  for (size_t i = 0; i < a->fragments.size(); ++i) {
    for (size_t j = 0; j < b->fragments.size(); ++j) {
      BetweenFragments(a->fragments[i], b->fragments[j], exclusive, &conflicts);
    }
  }
  return conflicts;
}

void FieldMerging::Compare(std::string_view name, const Occurrence& first, const Occurrence& second,
                           bool exclusive, Conflicts* conflicts) {
  exclusive = exclusive || (first.parent != second.parent && first.parent != nullptr &&
                            second.parent != nullptr && first.parent->kind == TypeKind::kObject &&
                            second.parent->kind == TypeKind::kObject);
  Spend(2);
  const Selection& a = *first.selection;
  const Selection& b = *second.selection;
  const bool same_name = a.name.text == b.name.text;
  if (first.simple_leaf && second.simple_leaf && first.type() == second.type() && same_name) return;
  const auto conflict = [&](std::string reason) {
    Keep({name, std::move(reason), {&a}, {&b}}, conflicts);
  };
  if (!exclusive && !same_name) {
    return conflict(Quoted(Abbreviated(a.name.text)) + " and " + Quoted(Abbreviated(b.name.text)) +
                    " are different fields");
  }
  if (!exclusive && !SameArguments(a, b)) return conflict("they have differing arguments");
  if (first.type() != nullptr && second.type() != nullptr &&
      TypesConflict(*first.type(), *second.type())) {
    return conflict("they return conflicting types " + Quoted(ToString(*first.type())) + " and " +
                    Quoted(ToString(*second.type())));
  }
  if (a.selection_set == nullptr || b.selection_set == nullptr) return;
  const Conflicts inner = BetweenSubSelections(first, second, exclusive);
  if (inner.empty()) return;
  Conflict outer{name, {}, {&a}, {&b}};
  for (const Conflict& part : inner) {
    outer.reason += outer.reason.empty() ? "" : " and ";
    outer.reason +=
        "subfields " + Quoted(Abbreviated(part.response_name)) + " conflict because " + part.reason;
    if (outer.reason.size() > kMaxDetail) break;
  }
  outer.reason = Abbreviated(outer.reason);
  // A conflict's first node encloses the others. If there is no room for all, the last stay.
  for (auto [nodes, side] :
       {std::pair(&outer.first, &Conflict::first), std::pair(&outer.second, &Conflict::second)}) {
    for (const Conflict& part : inner) {
      const std::vector<const Selection*>& from = part.*side;
      const size_t room = std::min(kMaxNodes - nodes->size(), from.size());
      nodes->insert(nodes->end(), from.end() - static_cast<ptrdiff_t>(room), from.end());
      if (nodes->size() == kMaxNodes) break;
    }
  }
  Keep(std::move(outer), conflicts);
}

// More than can be reported need not be kept.
void FieldMerging::Keep(Conflict conflict, Conflicts* conflicts) const {
  const size_t enough = std::max(context_->limits.max_errors + 1, kMaxDetail / 10);
  if (conflicts->size() < enough) conflicts->push_back(std::move(conflict));
}

FieldMerging::Fields* FieldMerging::FieldsOf(const SelectionSet& set, const Type* parent) {
  const auto [known, added] = sets_.try_emplace({&set, parent}, nullptr);
  if (added) {
    known->second = &fields_.emplace_back(arena_);
    Collect(set, parent, known->second);
  }
  return known->second;
}

FieldMerging::Fields* FieldMerging::FieldsOf(const Fragment& fragment) {
  return FieldsOf(*fragment.selection_set, context_->schema.FindType(fragment.type_condition.text));
}

void FieldMerging::Collect(const SelectionSet& set, const Type* parent, Fields* fields) {
  for (const Selection& selection : set.selections) {
    switch (selection.kind) {
      case SelectionKind::kField: {
        const size_t number = fields->names.Add(selection.response_name().text);
        if (number == fields->groups.size()) fields->groups.emplace_back();
        fields->groups[number].push_back(
            {&selection, parent,
             parent != nullptr ? parent->FindField(selection.name.text) : nullptr,
             selection.arguments.empty() && selection.selection_set == nullptr});
        break;
      }
      case SelectionKind::kInlineFragment:
        Collect(*selection.selection_set,
                selection.type_condition ? context_->schema.FindType(selection.type_condition.text)
                                         : parent,
                fields);
        break;
      case SelectionKind::kFragmentSpread:
        fields->fragments.Add(selection.name.text);
        break;
    }
  }
}

const std::vector<std::pair<size_t, size_t>>& FieldMerging::OverlapOf(Fields* first,
                                                                      const Fields* second) {
  const auto [known, added] = first->overlaps.try_emplace(second);
  if (!added) return known->second;
  for (size_t name = 0; name < first->names.size(); ++name) {
    Spend(1);
    const size_t other = second->names.Find(first->names[name]);
    if (other != NameIndex::kNone) known->second.emplace_back(name, other);
  }
  return known->second;
}

bool FieldMerging::SameArguments(const Selection& first, const Selection& second) {
  if (first.arguments.size() != second.arguments.size()) return false;
  return std::all_of(first.arguments.begin(), first.arguments.end(), [&](const Argument& argument) {
    Spend(1);
    // The last one of a name counts.
    const auto other =
        std::find_if(second.arguments.rbegin(), second.arguments.rend(),
                     [&](const Argument& b) { return b.name.text == argument.name.text; });
    return other != second.arguments.rend() &&
           CanonicalOf(*argument.value) == CanonicalOf(*other->value);
  });
}

const std::string& FieldMerging::CanonicalOf(const Value& value) {
  const auto [known, added] = canonical_.try_emplace(&value);
  if (added) AppendCanonical(value, &known->second);
  return known->second;
}

// Whether a value cannot be of both types (specification, SameResponseShape).
bool FieldMerging::TypesConflict(const WrappedType& first, const WrappedType& second) {
  if (&first == &second) return false;
  const bool named = first.kind == TypeRefKind::kNamed;
  if (named && second.kind == TypeRefKind::kNamed && first.type == second.type) return false;
  Spend(1);
  if (first.kind != second.kind) return true;
  if (!named) return TypesConflict(*first.of, *second.of);
  return first.type->is_leaf() || second.type->is_leaf();
}

void FieldMerging::Spend(size_t cost) {
  constexpr size_t kBudget = 500000;
  spent_ += cost;
  if (spent_ > kBudget) context_->Abort();
}

}  // namespace fsubs::graphql
