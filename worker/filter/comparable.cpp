#include "worker/filter/comparable.hpp"

#include "graphql/language/print.hpp"
#include "worker/filter/instant.hpp"
#include "worker/json/json_number.hpp"

namespace fsubs {
namespace {

constexpr char kNumberForm = 'n';
constexpr char kBooleanForm = 'b';
constexpr char kInstantForm = 'i';
constexpr char kJsonForm = 'j';

void AppendText(char tag, std::string_view text, std::string* form) {
  *form += tag;
  form->append(text);
}

void AppendNumber(std::string_view number, std::string* form) {
  *form += kNumberForm;
  AppendNumberForm(number, form);
}

void AppendBoolean(bool value, std::string* form) {
  AppendText(kBooleanForm, value ? "1" : "0", form);
}

// Whether a text is a whole number as it would be written: "7" and not "007".
bool IsWholeNumber(std::string_view text) {
  return text.find_first_of(".eE") == std::string_view::npos && IsJsonNumber(text);
}

// Append the value's form if it is of the kind that the comparison is about. Returns whether it is.
bool AppendFitting(Comparison comparison, JsonType type, std::string_view text, std::string* form) {
  const bool number = type == JsonType::kNumber;
  const bool boolean = type == JsonType::kBoolean;
  const bool string = type == JsonType::kString;
  switch (comparison) {
    case Comparison::kText:
      return false;
    case Comparison::kIdentity: {
      if (!number) return false;
      const size_t start = form->size();
      *form += kTextForm;
      if (AppendWholeNumber(text, form)) return true;
      form->resize(start);
      AppendNumber(text, form);
      return true;
    }
    case Comparison::kNumber:
      if (boolean) {
        AppendNumber(text == "true" ? "1" : "0", form);
        return true;
      }
      if (!number && !(string && IsJsonNumber(text))) return false;
      AppendNumber(text, form);
      return true;
    case Comparison::kBoolean:
      if (!number && !boolean) return false;
      AppendBoolean(number ? !IsZero(text) : text == "true", form);
      return true;
    case Comparison::kInstant: {
      const size_t start = form->size();
      *form += kInstantForm;
      if (string && AppendInstantForm(text, form)) return true;
      form->resize(start);
      return false;
    }
    case Comparison::kCustom:
      if (boolean) {
        AppendBoolean(text == "true", form);
        return true;
      }
      if (!number && !(string && IsWholeNumber(text))) return false;
      AppendNumber(text, form);
      return true;
  }
  return false;
}

// `text` is a string's value, or what stands in the source.
void AppendValue(Comparison comparison, JsonType type, std::string_view text, std::string* form) {
  if (AppendFitting(comparison, type, text, form)) return;
  const bool container = type == JsonType::kArray || type == JsonType::kObject;
  AppendText(container ? kJsonForm : kTextForm, text, form);
}

}  // namespace

void AppendForm(Comparison comparison, const std::optional<JsonValue>& value, std::string* form) {
  if (!value || value->is_null()) {
    *form += kNullForm;
    return;
  }
  const JsonType type = value->type();
  AppendValue(comparison, type, type == JsonType::kString ? value->text() : value->raw(), form);
}

void AppendForm(Comparison comparison, const graphql::Value& literal, std::string* form) {
  using graphql::ValueKind;
  switch (literal.kind) {
    case ValueKind::kNull:
      *form += kNullForm;
      break;
    case ValueKind::kString:
    case ValueKind::kEnum:
      AppendValue(comparison, JsonType::kString, literal.text, form);
      break;
    case ValueKind::kInt:
    case ValueKind::kFloat:
      // GraphQL writes numbers as JSON does.
      AppendValue(comparison, JsonType::kNumber, literal.text, form);
      break;
    case ValueKind::kBoolean:
      AppendValue(comparison, JsonType::kBoolean, literal.boolean ? "true" : "false", form);
      break;
    default:
      AppendValue(comparison, JsonType::kObject, graphql::Print(literal), form);
  }
}

Form::Form(Comparison comparison, const std::optional<JsonValue>& value) {
  const bool is_text = value && value->type() == JsonType::kString &&
                       (comparison == Comparison::kText || comparison == Comparison::kIdentity);
  if (is_text) {
    kind_ = kTextForm;
    text_ = value->text();
    return;
  }
  AppendForm(comparison, value, &copy_);
  kind_ = copy_.front();
  text_ = std::string_view(copy_).substr(1);
}

bool Fits(Comparison comparison, std::string_view form) {
  if (comparison == Comparison::kNumber) return form.front() == kNumberForm;
  if (comparison == Comparison::kInstant) return form.front() == kInstantForm;
  return true;
}

}  // namespace fsubs
