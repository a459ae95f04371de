#include "graphql/schema/filter_types.hpp"

#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "graphql/language/ascii.hpp"
#include "graphql/schema/argument_directives.hpp"

namespace fsubs::graphql {
namespace {

constexpr std::string_view kFilter = "Filter";
constexpr std::string_view kListFilter = "ListFilter";

struct MemberName {
  std::string_view name;
  FilterMember member;
};

constexpr MemberName kObjectMembers[] = {
    {"and", FilterMember::kAnd},
    {"or", FilterMember::kOr},
    {"not", FilterMember::kNot},
    {"exists", FilterMember::kExists},
};

constexpr MemberName kLeafMembers[] = {
    {"eq", FilterMember::kEq},
    {"ne", FilterMember::kNe},
    {"gt", FilterMember::kGt},
    {"gte", FilterMember::kGte},
    {"lt", FilterMember::kLt},
    {"lte", FilterMember::kLte},
    {"in", FilterMember::kIn},
    {"notIn", FilterMember::kNotIn},
    {"contains", FilterMember::kContains},
    {"startsWith", FilterMember::kStartsWith},
    {"exists", FilterMember::kExists},
};

constexpr MemberName kListMembers[] = {
    {"some", FilterMember::kSome},     {"every", FilterMember::kEvery},
    {"none", FilterMember::kNone},     {"contains", FilterMember::kContains},
    {"exists", FilterMember::kExists},
};

template <size_t kSize>
FilterMember Find(const MemberName (&names)[kSize], std::string_view name) {
  for (const MemberName& known : names) {
    if (known.name == name) return known.member;
  }
  return FilterMember::kUnknown;
}

// Scalars that are known by their name, in any case.
struct ScalarName {
  std::string_view names;  // each between blanks
  Comparison comparison;
};

constexpr ScalarName kScalarNames[] = {
    {" bigint long int64 uint64 decimal bigdecimal numeric bigfloat money ", Comparison::kNumber},
    {" datetime timestamp timestamptz instant date ", Comparison::kInstant},
    {" uuid guid ", Comparison::kUuid},
    {" time localtime ", Comparison::kTime},
    {" timetz offsettime ", Comparison::kTimeTz},
    {" interval duration ", Comparison::kInterval},
    {" inet cidr ip ipaddress ipv4 ipv6 ", Comparison::kInet},
    {" mac macaddr macaddress ", Comparison::kMacAddr},
    {" macaddr8 ", Comparison::kMacAddr8},
    {" bytes bytea ", Comparison::kBytes},
    {" json jsonb jsonobject ", Comparison::kJson},
    {" citext ", Comparison::kCaseless},
};

Comparison ComparisonOfScalar(std::string_view name) {
  if (name == "String") return Comparison::kText;
  if (name == "ID") return Comparison::kIdentity;
  if (name == "Int" || name == "Float") return Comparison::kNumber;
  if (name == "Boolean") return Comparison::kBoolean;
  const std::string sought = " " + ToLower(name) + " ";
  for (const ScalarName& known : kScalarNames) {
    if (known.names.find(sought) != std::string_view::npos) return known.comparison;
  }
  return Comparison::kCustom;
}

bool IsText(Comparison comparison, bool is_enum) {
  return !is_enum && (comparison == Comparison::kText || comparison == Comparison::kIdentity ||
                      comparison == Comparison::kCustom || comparison == Comparison::kCaseless);
}

bool HasLeafMember(FilterMember member, Comparison comparison, bool is_enum) {
  switch (member) {
    case FilterMember::kGt:
    case FilterMember::kGte:
    case FilterMember::kLt:
    case FilterMember::kLte:
      return !is_enum && comparison != Comparison::kBoolean && IsOrdered(comparison);
    case FilterMember::kContains:
    case FilterMember::kStartsWith:
      return IsText(comparison, is_enum);
    case FilterMember::kIn:
    case FilterMember::kNotIn:
      return comparison != Comparison::kBoolean;
    default:
      return true;
  }
}

class Generator {
 public:
  Generator(const Document& document, const Schema* base, Checkpoint checkpoint)
      : base_(base), checkpoint_(checkpoint) {
    for (const char* scalar : {"String", "Int", "Float", "Boolean", "ID"}) {
      types_[scalar].kind = TypeKind::kScalar;
    }
    for (const TypeDefinition& type : document.types) {
      Filtered& filtered = types_[type.name.text];
      filtered.kind = type.kind;
      filtered.nodes.push_back(&type);
    }
    for (const TypeDefinition& type : document.types) {
      checkpoint_();
      for (const FieldDefinition& field : type.fields) {
        for (const InputValueDefinition& argument : field.arguments) Need(*argument.type);
      }
      for (const InputValueDefinition& field : type.input_fields) Need(*field.type);
    }
  }

  std::string Generate() {
    std::string sdl;
    // Grows while it is read.
    for (size_t i = 0; i < needed_.size(); ++i) {
      checkpoint_();
      if (i > 0) sdl += '\n';
      const std::string name = needed_[i];
      const std::string_view base = BaseOf(name);
      if (IsListFilter(name)) {
        List(name, base, &sdl);
      } else if (IsLeaf(*KindOf(base))) {
        Leaf(name, base, &sdl);
      } else {
        Object(name, base, &sdl);
      }
    }
    return sdl;
  }

 private:
  struct Filtered {
    TypeKind kind;
    std::vector<const TypeDefinition*> nodes;
  };

  static bool IsLeaf(TypeKind kind) { return kind == TypeKind::kScalar || kind == TypeKind::kEnum; }

  // Nothing if there is no such type.
  std::optional<TypeKind> KindOf(std::string_view type) const {
    const auto known = types_.find(type);
    if (known != types_.end()) return known->second.kind;
    const Type* const in_base = base_ == nullptr ? nullptr : base_->FindType(type);
    return in_base == nullptr ? std::nullopt : std::optional(in_base->kind);
  }

  // The definition of a type and its extensions.
  std::span<const TypeDefinition* const> NodesOf(std::string_view type) const {
    const auto known = types_.find(type);
    if (known != types_.end()) return known->second.nodes;
    return base_->FindType(type)->nodes;
  }

  bool IsFilterable(std::string_view type) const {
    const std::optional<TypeKind> kind = KindOf(type);
    return kind && kind != TypeKind::kUnion && kind != TypeKind::kInputObject;
  }

  bool IsListFilter(std::string_view name) const {
    return name.ends_with(kListFilter) &&
           !IsFilterable(name.substr(0, name.size() - kFilter.size()));
  }

  // What a filter of that name is on; empty if it is on nothing.
  std::string_view BaseOf(std::string_view name) const {
    if (!name.ends_with(kFilter)) return {};
    const size_t suffix = IsListFilter(name) ? kListFilter.size() : kFilter.size();
    const std::string_view base = name.substr(0, name.size() - suffix);
    return IsFilterable(base) ? base : std::string_view();
  }

  bool Need(const std::string& name) {
    if (types_.contains(name)) return false;
    if (base_ != nullptr && base_->FindType(name) != nullptr) return true;
    if (BaseOf(name).empty()) return false;
    if (seen_.insert(name).second) needed_.push_back(name);
    return true;
  }

  void Need(const TypeRef& type) {
    const TypeRef* named = &type;
    while (named->of != nullptr) named = named->of;
    Need(std::string(named->name.text));
  }

  static void Open(std::string_view description, const std::string& name, std::string* sdl) {
    sdl->append("\"").append(description).append("\"\ninput ").append(name).append(" {\n");
  }

  static void Member(std::string_view name, const std::string& type, std::string* sdl) {
    sdl->append("  ").append(name).append(": ").append(type).append("\n");
  }

  void Object(const std::string& name, std::string_view base, std::string* sdl) {
    Open("Conditions on " + std::string(base) + "; those that are given must all hold.", name, sdl);
    std::set<std::string_view> done;
    for (const TypeDefinition* type : NodesOf(base)) {
      for (const FieldDefinition& field : type->fields) {
        if (Find(kObjectMembers, field.name.text) != FilterMember::kUnknown) continue;
        if (!done.insert(field.name.text).second) continue;
        const TypeRef* of = field.type;
        if (of->kind == TypeRefKind::kNonNull) of = of->of;
        const bool list = of->kind == TypeRefKind::kList;
        if (list) of = of->of;
        if (of->kind == TypeRefKind::kNonNull) of = of->of;
        if (of->kind != TypeRefKind::kNamed) continue;  // lists of lists are not filtered by
        const std::string filter = std::string(of->name.text).append(list ? kListFilter : kFilter);
        if (Need(filter)) Member(field.name.text, filter, sdl);
      }
    }
    Member("and", "[" + name + "!]", sdl);
    Member("or", "[" + name + "!]", sdl);
    Member("not", name, sdl);
    Member("exists", "Boolean", sdl);
    *sdl += "}\n";
  }

  void Leaf(const std::string& name, std::string_view base, std::string* sdl) {
    const bool is_enum = KindOf(base) == TypeKind::kEnum;
    const Comparison comparison = is_enum ? Comparison::kText : ComparisonOfScalar(base);
    Open("Conditions on a value of " + std::string(base) + "; those that are given must all hold.",
         name, sdl);
    for (const MemberName& known : kLeafMembers) {
      if (!HasLeafMember(known.member, comparison, is_enum)) continue;
      const bool list = known.member == FilterMember::kIn || known.member == FilterMember::kNotIn;
      const std::string type(known.member == FilterMember::kExists ? "Boolean" : base);
      Member(known.name, list ? "[" + type + "!]" : type, sdl);
    }
    *sdl += "}\n";
  }

  void List(const std::string& name, std::string_view base, std::string* sdl) {
    Open("Conditions on a list of " + std::string(base) + "; those that are given must all hold.",
         name, sdl);
    const std::string filter = std::string(base).append(kFilter);
    if (Need(filter)) {
      for (const char* member : {"some", "every", "none"}) Member(member, filter, sdl);
    }
    if (IsLeaf(*KindOf(base))) {
      Member("contains", std::string(base), sdl);
    }
    Member("exists", "Boolean", sdl);
    *sdl += "}\n";
  }

  const Schema* const base_;
  const Checkpoint checkpoint_;
  std::unordered_map<std::string_view, Filtered> types_;
  std::unordered_set<std::string> seen_;
  std::vector<std::string> needed_;
};

}  // namespace

std::string GenerateFilterTypes(const Document& document, const Schema* base,
                                Checkpoint checkpoint) {
  return Generator(document, base, checkpoint).Generate();
}

std::string FilterChecks::Check(const Type& filter, const WrappedType& target) {
  Want(filter, target);
  while (!wanted_.empty()) {
    checkpoint_();
    const Pair next = wanted_.back();
    wanted_.pop_back();
    std::string problem = CheckMembers(*next.filter, *next.target);
    if (problem.empty()) continue;
    wanted_.clear();
    seen_.clear();
    return problem;
  }
  return {};
}

void FilterChecks::Want(const Type& filter, const WrappedType& target) {
  if (!seen_.insert({&filter, target.type, target.nullable()->kind}).second) return;
  wanted_.push_back({&filter, &target});
}

std::string FilterChecks::CheckMembers(const Type& filter, const WrappedType& target) {
  if (filter.kind != TypeKind::kInputObject) {
    return "\"" + std::string(filter.name) + "\" is not an input type";
  }
  for (const InputValue& member : filter.input_fields) {
    std::string problem = CheckMember(filter, member, target);
    if (!problem.empty()) return problem;
  }
  return {};
}

std::string FilterChecks::CheckMember(const Type& filter, const InputValue& member,
                                      const WrappedType& target) {
  const WrappedType& nullable = *target.nullable();
  const WrappedType& value = *member.type->nullable();
  const bool list = value.kind == TypeRefKind::kList;
  const auto refuse = [&](std::string_view why) {
    return "member \"" + std::string(member.name) + "\" of \"" + std::string(filter.name) + "\" " +
           std::string(why);
  };
  const auto expect = [&](bool holds) {
    return holds ? std::string() : refuse("has another type");
  };
  switch (FilterMemberOf(target, member.name)) {
    case FilterMember::kUnknown:
      return refuse("is neither an operator nor a field that can be filtered by");
    case FilterMember::kField: {
      if (list) return refuse("has another type");
      const Field* const field = nullable.type->FindField(member.name);
      conditions_.push_back({&member, field, nullable.type});
      Want(*value.type, *field->type);
      return {};
    }
    case FilterMember::kAnd:
    case FilterMember::kOr:
      return expect(list && value.of->nullable()->kind == TypeRefKind::kNamed &&
                    value.type == &filter);
    case FilterMember::kNot:
      return expect(!list && value.type == &filter);
    case FilterMember::kExists:
      return expect(!list && value.type->builtin && value.type->name == "Boolean");
    case FilterMember::kIn:
    case FilterMember::kNotIn:
      return expect(list && value.of->nullable()->kind == TypeRefKind::kNamed &&
                    value.type == nullable.type);
    case FilterMember::kSome:
    case FilterMember::kEvery:
    case FilterMember::kNone:
      if (list) return refuse("has another type");
      Want(*value.type, *nullable.of);
      return {};
    default:
      return expect(!list && value.type == nullable.type);
  }
}

FilterMember FilterMemberOf(const WrappedType& target, std::string_view member) {
  const WrappedType& nullable = *target.nullable();
  const Type& type = *nullable.type;
  if (nullable.kind == TypeRefKind::kList) {
    const WrappedType& item = *nullable.of->nullable();
    if (item.kind == TypeRefKind::kList) return FilterMember::kUnknown;
    const FilterMember found = Find(kListMembers, member);
    return found == FilterMember::kContains && !type.is_leaf() ? FilterMember::kUnknown : found;
  }
  if (type.is_leaf()) {
    const FilterMember found = Find(kLeafMembers, member);
    const bool is_enum = type.kind == TypeKind::kEnum;
    return HasLeafMember(found, ComparisonOf(type), is_enum) ? found : FilterMember::kUnknown;
  }
  const FilterMember found = Find(kObjectMembers, member);
  if (found != FilterMember::kUnknown) return found;
  return type.FindField(member) != nullptr ? FilterMember::kField : FilterMember::kUnknown;
}

bool CanFilterBy(const Field& field, std::string_view name) {
  std::set<std::tuple<const Type*, const Type*, TypeRefKind>> seen;  // filters, what they are on
  std::vector<std::pair<const Type*, const WrappedType*>> next;
  for (const InputValue& argument : field.arguments) {
    if (FiltersNothing(argument)) continue;
    const Type& type = *argument.type->type;
    if (type.kind == TypeKind::kInputObject) {
      next.emplace_back(&type, field.type);
    } else if (argument.name == name) {
      return true;
    }
  }
  while (!next.empty()) {
    const auto [filter, target] = next.back();
    next.pop_back();
    if (!seen.emplace(filter, target->type, target->nullable()->kind).second) continue;
    for (const InputValue& member : filter->input_fields) {
      if (FilterMemberOf(*target, member.name) == FilterMember::kField) {
        const WrappedType& below = *target->nullable()->type->FindField(member.name)->type;
        const bool is_leaf = below.nullable()->kind == TypeRefKind::kNamed && below.type->is_leaf();
        if (is_leaf && member.name == name) return true;
        next.emplace_back(member.type->type, &below);
      } else if (member.type->type->kind == TypeKind::kInputObject &&
                 target->nullable()->kind == TypeRefKind::kList) {
        next.emplace_back(member.type->type, target->nullable()->of);
      }
    }
  }
  return false;
}

Comparison ComparisonOf(const Type& leaf) {
  return leaf.kind == TypeKind::kEnum ? Comparison::kText : ComparisonOfScalar(leaf.name);
}

bool IsOrdered(Comparison comparison) {
  return comparison != Comparison::kJson && comparison != Comparison::kHstore;
}

}  // namespace fsubs::graphql
