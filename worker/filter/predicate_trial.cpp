#include "worker/filter/predicate_trial.hpp"

#include <algorithm>
#include <cstring>

#include "worker/filter/comparable.hpp"

namespace fsubs {
namespace {

// What a step costs beside the bytes it looks at, in bytes.
constexpr size_t kStep = WorkBudget::kBytesPerUnit / 8;

// Finding a member passes those before it, whose number is not known but by their size.
constexpr size_t kBytesPerMember = 64;

using graphql::FilterMember;
using Kind = Predicate::Kind;

// memmem takes linear time for any two texts, std::string_view::find does not.
bool Contains(std::string_view text, std::string_view part) {
  return memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

bool IsOneOf(const std::vector<std::string>& sorted, const Form& form) {
  const auto found =
      std::partition_point(sorted.begin(), sorted.end(),
                           [&](const std::string& operand) { return form.Compare(operand) > 0; });
  return found != sorted.end() && form.Compare(*found) == 0;
}

// Whether a form is ordered towards an operand. Only values of one kind are.
bool IsOrdered(FilterMember operation, const Form& form, std::string_view operand) {
  if (form.kind() != operand.front()) return false;
  const int order = form.Compare(operand);
  switch (operation) {
    case FilterMember::kGt:
      return order > 0;
    case FilterMember::kGte:
      return order >= 0;
    case FilterMember::kLt:
      return order < 0;
    default:
      return order <= 0;
  }
}

bool HasElement(const Predicate& predicate, const std::optional<JsonValue>& list,
                WorkBudget* budget) {
  if (!list) return false;
  for (auto element = list->FirstElement(); element; element = list->ElementAfter(*element)) {
    budget->SpendBytes(kStep);
    if (Form(predicate.comparison, *element).Compare(predicate.operands.front()) == 0) return true;
  }
  return false;
}

bool Compare(const Predicate& predicate, const JsonValue& data, WorkBudget* budget) {
  const std::optional<JsonValue> value = ValueAt(data, predicate.path);
  budget->SpendBytes(data.raw().size() / kBytesPerMember);
  const auto& operands = predicate.operands;
  if (predicate.operation == FilterMember::kExists) {
    return (value && !value->is_null()) == predicate.exists;
  }
  if (predicate.operation == FilterMember::kContains && predicate.in_list) {
    return HasElement(predicate, value, budget);
  }
  if (predicate.must_be_told && !value && LeavesOpen(data, predicate.path)) return false;
  const Form form(predicate.comparison, value);
  budget->SpendBytes(form.size());
  switch (predicate.operation) {
    case FilterMember::kEq:
      return form.Compare(operands.front()) == 0;
    case FilterMember::kNe:
      return form.Compare(operands.front()) != 0;
    case FilterMember::kIn:
      return IsOneOf(operands, form);
    case FilterMember::kNotIn:
      return !IsOneOf(operands, form);
    case FilterMember::kContains:
      return form.kind() == kTextForm &&
             Contains(form.text(), std::string_view(operands.front()).substr(1));
    case FilterMember::kStartsWith:
      return form.kind() == kTextForm &&
             form.text().starts_with(std::string_view(operands.front()).substr(1));
    default:
      return IsOrdered(predicate.operation, form, operands.front());
  }
}

}  // namespace

void PredicateTrial::Start(const Predicate& predicate, const JsonValue& data) {
  frames_.clear();
  settled_.reset();
  Push(predicate, data);
}

void PredicateTrial::Push(const Predicate& predicate, const JsonValue& data) {
  frames_.push_back({&predicate, data, 0, std::nullopt, std::nullopt});
}

void PredicateTrial::Settle(bool holds) {
  frames_.pop_back();
  settled_ = holds;
}

std::optional<bool> PredicateTrial::Continue(WorkBudget* budget) {
  while (!frames_.empty()) {
    if (budget->is_spent()) return std::nullopt;
    budget->SpendBytes(kStep);
    Frame* const frame = &frames_.back();
    switch (frame->predicate->kind) {
      case Kind::kCompare:
        Settle(Compare(*frame->predicate, frame->data, budget));
        break;
      case Kind::kSome:
      case Kind::kEvery:
      case Kind::kNone:
        AdvanceList(frame);
        break;
      default:
        AdvanceInner(frame);
    }
  }
  return settled_;
}

void PredicateTrial::AdvanceInner(Frame* frame) {
  const Predicate& predicate = *frame->predicate;
  if (settled_) {
    const bool held = *settled_;
    settled_.reset();
    if (predicate.kind == Kind::kNot) return Settle(!held);
    // One that does not hold decides `all`, one that does decides `any`.
    if (held == (predicate.kind == Kind::kAny)) return Settle(held);
  }
  if (frame->next == predicate.inner.size()) return Settle(predicate.kind != Kind::kAny);
  Push(predicate.inner[frame->next++], frame->data);
}

void PredicateTrial::AdvanceList(Frame* frame) {
  const Predicate& predicate = *frame->predicate;
  if (settled_) {
    const bool held = *settled_;
    settled_.reset();
    // One element that does not hold decides `every`, one that does decides `some` and `none`.
    if (held == (predicate.kind != Kind::kEvery)) return Settle(predicate.kind == Kind::kSome);
    frame->element = frame->list->ElementAfter(*frame->element);
  } else {
    frame->list = ValueAt(frame->data, predicate.path);
    if (frame->list) frame->element = frame->list->FirstElement();
  }
  if (!frame->element) return Settle(predicate.kind != Kind::kSome);
  Push(predicate.inner.front(), *frame->element);
}

}  // namespace fsubs
