// Values brought into one form, so that a client's value and an event's compare as bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "graphql/schema/filter_types.hpp"
#include "graphql/schema/schema.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

using graphql::Comparison;

// The first byte of a form says what kind of value it is. Forms of one kind order as the values do
// (memcmp). Forms of different kinds are never equal. A value that is coerced in a response
// compares as the client sees it: in a Float field the text "42.5" equals the number, in a Boolean
// field 1 equals true.
inline constexpr char kNullForm = '0';  // also of a value that is not there
inline constexpr char kTextForm = 't';
inline constexpr char kUntoldForm = '?';  // see LeavesOpen; no value has it, so nothing demands it

// A value's form. Not copied where the value's own text is its form's, so it must not outlive the
// value.
class Form {
 public:
  Form(Comparison comparison, const std::optional<JsonValue>& value);
  Form(const Form&) = delete;
  Form& operator=(const Form&) = delete;

  // The first byte, and what stands behind it.
  char kind() const { return kind_; }
  std::string_view text() const { return text_; }
  size_t size() const { return text_.size() + 1; }

  // Negative, zero or positive, as the form's bytes order before, like or behind those of `form`.
  int Compare(std::string_view form) const {
    if (kind_ != form.front()) return kind_ < form.front() ? -1 : 1;
    return text_.compare(form.substr(1));
  }

 private:
  std::string copy_;
  char kind_;
  std::string_view text_;
};

// Append the form of a value. If the comparison is about another kind of value, it is the form of
// the value's text.
void AppendForm(Comparison comparison, const std::optional<JsonValue>& value, std::string* form);
void AppendForm(Comparison comparison, const graphql::Value& literal, std::string* form);

// Whether a form is of a kind that the comparison is about: a number for kNumber, a UUID for kUuid.
bool Fits(Comparison comparison, std::string_view form);

// How values are compared by a part of them: as text, which keeps what `comparison` says of case.
Comparison PartsOf(Comparison comparison);

}  // namespace fsubs
