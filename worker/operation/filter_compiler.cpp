#include "worker/operation/filter_compiler.hpp"

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "graphql/language/print.hpp"
#include "worker/base/heap_size.hpp"

namespace fsubs {
namespace {

using graphql::FilterMember;
using graphql::InputValue;
using graphql::TypeRefKind;
using graphql::ValueKind;
using graphql::WrappedType;

bool HasVariables(const graphql::Value& literal) {
  return literal.kind == ValueKind::kVariable ||
         std::any_of(literal.items.begin(), literal.items.end(),
                     [](const graphql::Value* item) { return HasVariables(*item); }) ||
         std::any_of(literal.fields.begin(), literal.fields.end(),
                     [](const graphql::ObjectField& field) { return HasVariables(*field.value); });
}

// An input value, from the client's JSON or from a literal with variables inside.
class Input {
 public:
  Input(const Variables& variables, const GivenValue& value)
      : variables_(&variables), value_(value) {}

  bool given() const { return value_.given(); }
  bool is_null() const { return value_.is_null(); }
  bool is_true() const { return value_.is_true(); }

  Input Member(std::string_view name) const {
    if (value_.json) return Input(*variables_, {value_.json->Find(name), nullptr});
    for (const graphql::ObjectField& field : value_.literal->fields) {
      if (field.name.text == name) return Input(*variables_, variables_->Resolve(*field.value));
    }
    return Input(*variables_, {});
  }

  // A lone value counts as a list of one (specification, section 3.11). Variables that were not
  // given are null.
  template <typename Visitor>  // void(const Input&)
  void ForEachItem(const Visitor& visit) const {
    if (value_.json && value_.json->type() == JsonType::kArray) {
      value_.json->ForEachElement([&](const JsonValue& item) {
        visit(Input(*variables_, {item, nullptr}));
      });
    } else if (value_.literal != nullptr && value_.literal->kind == ValueKind::kList) {
      for (const graphql::Value* item : value_.literal->items) {
        visit(Input(*variables_, variables_->Resolve(*item)));
      }
    } else {
      visit(*this);
    }
  }

  std::string Form(Comparison comparison) const {
    std::string form;
    if (value_.literal != nullptr) {
      AppendForm(comparison, *value_.literal, &form);
    } else {
      AppendForm(comparison, value_.json, &form);
    }
    return form;
  }

  // Whether it is a literal with a variable inside, whose value is not part of it.
  bool has_variables() const { return value_.literal != nullptr && HasVariables(*value_.literal); }

  std::string Show() const {
    return value_.json ? Inspect(*value_.json) : graphql::Print(*value_.literal);
  }

 private:
  const Variables* variables_;
  GivenValue value_;
};

bool TakesList(FilterMember operation) {
  return operation == FilterMember::kIn || operation == FilterMember::kNotIn;
}

bool IsRange(FilterMember operation) {
  return operation == FilterMember::kGt || operation == FilterMember::kGte ||
         operation == FilterMember::kLt || operation == FilterMember::kLte;
}

// Counts the conditions of a filter before each is built.
class FilterMeter {
 public:
  explicit FilterMeter(const FilterLimits& limits) : limits_(limits) {}

  // Each returns whether it may be built.
  bool TakeCondition(const FieldPath& path) {
    ++conditions_;
    bytes_ += sizeof(Predicate) + HeapSize(path);
    return !is_full();
  }
  bool TakeValue(size_t bytes) {
    bytes_ += sizeof(std::string) + bytes;
    return !is_full();
  }
  bool TakeItem(size_t bytes) {
    ++conditions_;
    return TakeValue(bytes);
  }

  bool too_many() const { return conditions_ > limits_.max_conditions; }
  bool too_large() const { return bytes_ > limits_.max_bytes; }
  bool is_full() const { return too_many() || too_large(); }

 private:
  const FilterLimits limits_;
  size_t conditions_ = 0;
  size_t bytes_ = 0;
};

using Report = std::function<void(const std::string&)>;

// The form of a value that a client asks for. Reports one that is none of its type.
std::string OperandForm(Comparison comparison, const Input& operand, const graphql::Type& type,
                        const ColumnType* column, const Report& report) {
  if (operand.has_variables()) {
    report("a variable cannot be a part of a value of " + graphql::Quoted(type.name) +
           ", only all of it");
    return std::string(1, kNullForm);
  }
  std::string form = operand.Form(comparison);
  if (!operand.is_null() && !Fits(comparison, form)) {
    const bool is_columns = comparison != graphql::ComparisonOf(type);
    report(operand.Show() + " is not a value of " +
           (is_columns ? graphql::Quoted(column->name) + ", the type of its column"
                       : graphql::Quoted(type.name)));
  }
  return form;
}

// Builds the predicate that a filter input stands for, until the meter is full.
class PredicateBuilder {
 public:
  PredicateBuilder(const SubscriptionField& field, FilterMeter* meter, Report report)
      : field_(field), columns_(*field.columns), meter_(meter), report_(std::move(report)) {}

  // The filter of an argument, on an event's data.
  Predicate Build(const graphql::Type& filter, const WrappedType& target, const Input& input) {
    return Build(filter, {target, {}, nullptr, true}, input);
  }

 private:
  // What a condition is on.
  struct Place {
    const WrappedType& type;
    FieldPath path;            // from the event's data or a list's element
    const ColumnType* column;  // whose value it is; null if that is not known
    bool in_event;             // `path` begins in the event's data
  };

  // A member that is left out demands nothing. One that is null may be so by mistake, so it is
  // taken for what it says, where null is a value, and else refused.
  Predicate Build(const graphql::Type& filter, const Place& place, const Input& input) {
    Predicate all;
    if (input.is_null()) report_("null is not a filter: leave it out to demand nothing");
    for (const InputValue& member : filter.input_fields) {
      const Input value = input.Member(member.name);
      if (!value.given()) continue;
      if (!meter_->TakeCondition(place.path)) break;
      const FilterMember operation = FilterMemberOf(place.type, member.name);
      const bool takes_null = operation == FilterMember::kEq || operation == FilterMember::kNe;
      if (value.is_null() && !takes_null) {
        report_(graphql::Quoted(member.name) +
                " must not be null: leave it out to demand nothing, or use \"eq\" or \"exists\"");
        continue;
      }
      all.inner.push_back(BuildMember(filter, member, operation, place, value));
    }
    if (all.inner.size() == 1) return Predicate(std::move(all.inner.front()));
    all.inner.shrink_to_fit();
    return all;
  }

  Predicate BuildMember(const graphql::Type& filter, const InputValue& member,
                        FilterMember operation, const Place& place, const Input& value) {
    const WrappedType& nullable = *place.type.nullable();
    Predicate predicate;
    switch (operation) {
      case FilterMember::kField:
        return Build(*member.type->type, Below(place, member.name), value);
      case FilterMember::kAnd:
      case FilterMember::kOr:
        predicate.kind =
            operation == FilterMember::kAnd ? Predicate::Kind::kAll : Predicate::Kind::kAny;
        value.ForEachItem([&](const Input& item) {
          if (!meter_->TakeCondition(place.path)) return;
          predicate.inner.push_back(Build(filter, place, item));
        });
        predicate.inner.shrink_to_fit();
        return predicate;
      case FilterMember::kNot:
        predicate.kind = Predicate::Kind::kNot;
        predicate.inner.push_back(Build(filter, place, value));
        return predicate;
      case FilterMember::kSome:
      case FilterMember::kEvery:
      case FilterMember::kNone:
        predicate.kind = operation == FilterMember::kSome    ? Predicate::Kind::kSome
                         : operation == FilterMember::kEvery ? Predicate::Kind::kEvery
                                                             : Predicate::Kind::kNone;
        predicate.path = place.path;
        predicate.inner.push_back(
            Build(*member.type->type, {*nullable.of, {}, place.column, false}, value));
        return predicate;
      default:
        return BuildComparison(member.name, operation, place, value);
    }
  }

  // A field of what is at `place`.
  Place Below(const Place& place, std::string_view name) const {
    const WrappedType& type = *place.type.nullable()->type->FindField(name)->type;
    Place below{type, place.path, nullptr, place.in_event};
    if (place.in_event && place.path.empty() && field_.MakesOfRow(name)) {
      below.path.emplace_back("row");
    }
    if (below.in_event && below.path.size() == 1 &&
        (below.path.front() == "row" || below.path.front() == "old")) {
      const auto column = columns_.find(name);
      const bool is_list = type.nullable()->kind == TypeRefKind::kList;
      if (column != columns_.end() && column->second.is_array == is_list) {
        below.column = &column->second;
      }
    }
    below.path.emplace_back(name);
    return below;
  }

  Predicate BuildComparison(std::string_view name, FilterMember operation, const Place& place,
                            const Input& value) {
    const WrappedType& target = *place.type.nullable();
    Predicate predicate;
    predicate.kind = Predicate::Kind::kCompare;
    predicate.operation = operation;
    predicate.path = place.path;
    if (operation == FilterMember::kExists) {
      predicate.exists = value.is_true();
      return predicate;
    }
    predicate.in_list = target.kind == TypeRefKind::kList;
    predicate.comparison = ComparisonOf(*target.type, place.column);
    const bool takes_part = !predicate.in_list && (operation == FilterMember::kContains ||
                                                   operation == FilterMember::kStartsWith);
    if (takes_part) predicate.comparison = PartsOf(predicate.comparison);
    if (IsRange(operation) && !graphql::IsOrdered(predicate.comparison)) {
      report_(graphql::Quoted(name) + " needs values that have an order");
    }
    const auto add = [&](const Input& operand) {
      if (meter_->is_full()) return;
      std::string form =
          OperandForm(predicate.comparison, operand, *target.type, place.column, report_);
      if (takes_part && form.front() != kTextForm) report_(operand.Show() + " is not a text");
      const bool taken =
          TakesList(operation) ? meter_->TakeItem(form.size()) : meter_->TakeValue(form.size());
      if (taken) predicate.operands.push_back(std::move(form));
    };
    if (TakesList(operation)) {
      value.ForEachItem(add);
      auto& operands = predicate.operands;
      std::sort(operands.begin(), operands.end());
      operands.erase(std::unique(operands.begin(), operands.end()), operands.end());
      operands.shrink_to_fit();
    } else {
      add(value);
    }
    return predicate;
  }

  const SubscriptionField& field_;
  const ColumnTypes& columns_;
  FilterMeter* const meter_;
  const Report report_;
};

// What a module demands, as a condition that is tried.
Predicate AsPredicate(Demand demand) {
  Predicate is_one;
  is_one.kind = Predicate::Kind::kCompare;
  is_one.operation = FilterMember::kIn;
  is_one.comparison = demand.field.comparison;
  is_one.path = demand.field.path;
  is_one.operands = std::move(demand.forms);
  is_one.must_be_told = true;
  if (demand.field.demander != Demander::kRowFilter) return is_one;
  Predicate has_one;
  has_one.kind = Predicate::Kind::kSome;
  has_one.path = std::exchange(is_one.path, {});
  has_one.inner.push_back(is_one);
  is_one.path = has_one.path;
  Predicate either;
  either.kind = Predicate::Kind::kAny;
  either.inner.push_back(std::move(is_one));
  either.inner.push_back(std::move(has_one));
  return either;
}

// Divides conditions among the parts of a Filter.
class FilterBuilder {
 public:
  void Add(Demand demand) {
    if (!AddEquality(demand)) rest_.inner.push_back(AsPredicate(std::move(demand)));
  }

  // Adds a condition that must hold.
  void Add(Predicate predicate) {
    if (predicate.kind == Predicate::Kind::kAll) {
      for (Predicate& inner : predicate.inner) Add(std::move(inner));
      return;
    }
    if (predicate.kind == Predicate::Kind::kCompare && !predicate.in_list &&
        (IsEquality(predicate)
             ? AddEquality({{predicate.path, predicate.comparison}, predicate.operands})
             : AddBound(predicate))) {
      return;
    }
    rest_.inner.push_back(std::move(predicate));
  }

  Filter Take() {
    std::sort(equalities_.begin(), equalities_.end(), [](const Demand& a, const Demand& b) {
      return std::tie(a.field.demander, a.field.path, a.forms) <
             std::tie(b.field.demander, b.field.path, b.forms);
    });
    for (Demand& equality : equalities_) {
      std::vector<std::string> keys;
      for (const std::string& key : filter_.keys) {
        for (const std::string& form : equality.forms) {
          AppendKeyPart(form, &keys.emplace_back(key));
        }
      }
      filter_.keys = std::move(keys);
      filter_.equal.push_back(std::move(equality.field));
    }
    if (!rest_.inner.empty())
      filter_.residual = std::make_shared<const Predicate>(std::move(rest_));
    return std::move(filter_);
  }

 private:
  static bool IsEquality(const Predicate& predicate) {
    return predicate.operation == FilterMember::kEq || predicate.operation == FilterMember::kIn;
  }

  bool AddEquality(const Demand& equality) {
    const size_t keys = keys_ * equality.forms.size();
    size_t key_bytes = key_bytes_ * equality.forms.size();
    for (const std::string& form : equality.forms) key_bytes += keys_ * form.size();
    const bool is_too_much =
        equalities_.size() >= kMaxIndexedFields || keys > kMaxKeys || key_bytes > kMaxKeyBytes;
    if (is_too_much && equality.field.demander != Demander::kFederation) return false;
    for (const Demand& known : equalities_) {
      if (known.field.path == equality.field.path &&
          known.field.demander == equality.field.demander) {
        return false;
      }
    }
    keys_ = keys;
    key_bytes_ = key_bytes;
    equalities_.push_back(equality);
    return true;
  }

  // The bounds of one field make the interval. Bounds of other fields are tried.
  bool AddBound(const Predicate& predicate) {
    if (!IsRange(predicate.operation)) return false;
    const std::string& operand = predicate.operands.front();
    const IndexedField field{predicate.path, predicate.comparison};
    if (!filter_.ranged) {
      filter_.ranged = field;
      // All forms of one kind: from its tag alone to, not included, the next tag.
      filter_.interval.lower = operand.substr(0, 1);
      filter_.interval.upper = std::string(1, static_cast<char>(operand.front() + 1));
      filter_.interval.upper_included = false;
    } else if (*filter_.ranged != field || filter_.interval.lower.front() != operand.front()) {
      return false;
    }
    Interval& interval = filter_.interval;
    const bool included =
        predicate.operation == FilterMember::kGte || predicate.operation == FilterMember::kLte;
    if (predicate.operation == FilterMember::kGt || predicate.operation == FilterMember::kGte) {
      if (operand > interval.lower || (operand == interval.lower && !included)) {
        interval.lower = operand;
        interval.lower_included = included;
      }
    } else if (operand < interval.upper || (operand == interval.upper && !included)) {
      interval.upper = operand;
      interval.upper_included = included;
    }
    return true;
  }

  Filter filter_;
  std::vector<Demand> equalities_;
  size_t keys_ = 1;
  size_t key_bytes_ = 0;
  Predicate rest_;
};

}  // namespace

std::vector<Predicate> CompileArguments(const graphql::Document& document,
                                        const SubscriptionField& field,
                                        const graphql::Selection& root, const Variables& variables,
                                        const FilterLimits& limits, std::vector<Error>* errors) {
  std::vector<Predicate> conditions;
  FilterMeter meter(limits);
  for (size_t i = 0; i < field.arguments.size(); ++i) {
    const FieldArgument& argument = field.arguments[i];
    if (argument.filters_nothing) continue;
    const InputValue& definition = field.definition->arguments[i];
    const auto given = std::find_if(
        root.arguments.begin(), root.arguments.end(),
        [&](const graphql::Argument& node) { return node.name.text == argument.name; });
    GivenValue value;
    if (given != root.arguments.end()) value = variables.Resolve(*given->value);
    const auto report = [&](std::string message) {
      const uint32_t offset = given != root.arguments.end() ? given->value->offset : root.offset;
      errors->push_back({std::move(message), kErrorBadUserInput, {document.LocationOf(offset)}});
    };
    if (value.is_null() && definition.type->is_non_null()) {
      report("Argument \"" + argument.name + "\" of non-null type \"" + ToString(*definition.type) +
             "\" must not be null.");
    }
    const bool by_default = !value.given();
    if (by_default) value.literal = definition.default_value;
    if (!value.given()) continue;
    const Input input(variables, value);
    const auto report_value = [&](const std::string& problem) {
      report("Argument \"" + argument.name + "\" has an invalid value: " + problem + ".");
    };
    if (argument.is_where) {
      // The default of a definition is no mistake of the client.
      if (input.is_null() && by_default) continue;
      Predicate where = PredicateBuilder(field, &meter, report_value)
                            .Build(*definition.type->type, *field.definition->type, input);
      if (meter.too_many()) {
        report_value("it has more than " + std::to_string(limits.max_conditions) + " conditions");
        return {};
      }
      if (meter.too_large()) {
        report_value("it makes a filter of more than " + std::to_string(limits.max_bytes) +
                     " bytes");
        errors->back().code = kErrorMemoryLimit;
        return {};
      }
      conditions.push_back(std::move(where));
      continue;
    }
    Predicate equal;
    equal.kind = Predicate::Kind::kCompare;
    equal.comparison = argument.comparison;
    if (argument.in_row) equal.path.emplace_back("row");
    equal.path.push_back(argument.key);
    equal.operands.push_back(OperandForm(argument.comparison, input, *definition.type->type,
                                         argument.column, report_value));
    conditions.push_back(std::move(equal));
  }
  return conditions;
}

Filter MakeFilter(std::vector<Demand> demands, std::vector<Predicate> conditions) {
  FilterBuilder filter;
  for (Demand& demand : demands) filter.Add(std::move(demand));
  for (Predicate& condition : conditions) filter.Add(std::move(condition));
  return filter.Take();
}

}  // namespace fsubs
