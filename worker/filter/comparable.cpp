#include "worker/filter/comparable.hpp"

#include "worker/filter/date_time.hpp"
#include "worker/filter/interval.hpp"
#include "worker/filter/json_form.hpp"
#include "worker/filter/network.hpp"
#include "worker/filter/range.hpp"
#include "worker/filter/sql_value.hpp"
#include "worker/json/json_number.hpp"

namespace fsubs {
namespace {

constexpr char kNumberForm = 'n';
constexpr char kBooleanForm = 'b';
constexpr char kTypeForm = 'v';  // of one of PostgreSQL's types, or a moment
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

// Append what the type makes of a text. Returns false, having appended perhaps a part, if it is
// none of the type's values.
bool AppendOfType(Comparison comparison, std::string_view text, std::string* form) {
  switch (comparison) {
    case Comparison::kUuid:
      return AppendUuidForm(text, form);
    case Comparison::kTime:
      return AppendTimeForm(text, form);
    case Comparison::kTimeTz:
      return AppendTimeTzForm(text, form);
    case Comparison::kInterval:
      return AppendIntervalForm(text, form);
    case Comparison::kInet:
      return AppendInetForm(text, form);
    case Comparison::kMacAddr:
      return AppendMacAddrForm(text, form);
    case Comparison::kMacAddr8:
      return AppendMacAddr8Form(text, form);
    case Comparison::kBytes:
      return AppendBytesForm(text, form);
    case Comparison::kFloat4:
      return AppendFloat4Form(text, form);
    case Comparison::kFloat8:
      return AppendFloat8Form(text, form);
    case Comparison::kMoney:
      return AppendMoneyForm(text, form);
    case Comparison::kDate:
      return AppendDateForm(text, form);
    case Comparison::kTimestamp:
      return AppendTimestampForm(text, form);
    case Comparison::kTimestampTz:
      return AppendTimestampTzForm(text, form);
    case Comparison::kInstant:
      return AppendInstantForm(text, form);
    case Comparison::kBits:
      return AppendBitsForm(text, form);
    case Comparison::kLsn:
      return AppendLsnForm(text, form);
    case Comparison::kIntegerRange:
      return AppendRangeForm(RangeOf::kInteger, text, form);
    case Comparison::kNumberRange:
      return AppendRangeForm(RangeOf::kNumber, text, form);
    case Comparison::kDateRange:
      return AppendRangeForm(RangeOf::kDate, text, form);
    case Comparison::kTimestampRange:
      return AppendRangeForm(RangeOf::kTimestamp, text, form);
    case Comparison::kTimestampTzRange:
      return AppendRangeForm(RangeOf::kTimestampTz, text, form);
    case Comparison::kIntegerMultirange:
      return AppendMultirangeForm(RangeOf::kInteger, text, form);
    case Comparison::kNumberMultirange:
      return AppendMultirangeForm(RangeOf::kNumber, text, form);
    case Comparison::kDateMultirange:
      return AppendMultirangeForm(RangeOf::kDate, text, form);
    case Comparison::kTimestampMultirange:
      return AppendMultirangeForm(RangeOf::kTimestamp, text, form);
    case Comparison::kTimestampTzMultirange:
      return AppendMultirangeForm(RangeOf::kTimestampTz, text, form);
    default:
      return false;
  }
}

// Append a tag and the form that `append` makes. Where it makes none nothing is appended.
template <typename Append>
bool AppendTagged(char tag, std::string* form, const Append& append) {
  const size_t start = form->size();
  *form += tag;
  if (append()) return true;
  form->resize(start);
  return false;
}

// Append the form of a number, boolean or string if it is of the kind that the comparison is about.
// Returns whether it is.
bool AppendFitting(Comparison comparison, JsonType type, std::string_view text, std::string* form) {
  const bool number = type == JsonType::kNumber;
  const bool boolean = type == JsonType::kBoolean;
  const bool string = type == JsonType::kString;
  switch (comparison) {
    case Comparison::kText:
      return false;
    case Comparison::kIdentity:
      if (!number) return false;
      if (!AppendTagged(kTextForm, form, [&] { return AppendWholeNumber(text, form); })) {
        AppendNumber(text, form);
      }
      return true;
    case Comparison::kNumber:
      if (!string) {
        AppendNumber(number ? text : text == "true" ? "1" : "0", form);
        return true;
      }
      return AppendTagged(kNumberForm, form, [&] { return AppendSqlNumber(text, form); });
    case Comparison::kBoolean:
      if (!number && !boolean) return false;
      AppendBoolean(number ? !IsZero(text) : text == "true", form);
      return true;
    case Comparison::kTruth: {
      bool value = false;
      if (!ReadSqlBoolean(text, &value)) return false;
      AppendBoolean(value, form);
      return true;
    }
    case Comparison::kCustom:
      if (boolean) {
        AppendBoolean(text == "true", form);
        return true;
      }
      if (!number && !(string && IsWholeNumber(text))) return false;
      AppendNumber(text, form);
      return true;
    case Comparison::kCaseless:
      *form += kTextForm;
      AppendLower(text, form);
      return true;
    case Comparison::kPadded:
      AppendText(kTextForm, text.substr(0, text.find_last_not_of(' ') + 1), form);
      return true;
    default:
      return AppendTagged(kTypeForm, form, [&] { return AppendOfType(comparison, text, form); });
  }
}

// A number, boolean or string. `text` is a string's value, or what stands in the source.
void AppendScalar(Comparison comparison, JsonType type, std::string_view text, std::string* form) {
  if (!AppendFitting(comparison, type, text, form)) AppendText(kTextForm, text, form);
}

}  // namespace

void AppendForm(Comparison comparison, const std::optional<JsonValue>& value, std::string* form) {
  if (!value || value->is_null()) {
    *form += kNullForm;
    return;
  }
  const JsonType type = value->type();
  const bool is_container = type == JsonType::kArray || type == JsonType::kObject;
  const std::string_view text = type == JsonType::kString ? value->text() : value->raw();
  if (comparison == Comparison::kHstore && AppendTagged(kJsonForm, form, [&] {
        return is_container ? AppendHstoreForm(*value, form) : AppendHstoreForm(text, form);
      })) {
    return;
  }
  if (is_container || comparison == Comparison::kJson) {
    *form += kJsonForm;
    AppendJsonForm(*value, form);
  } else {
    AppendScalar(comparison, type, text, form);
  }
}

void AppendForm(Comparison comparison, const graphql::Value& literal, std::string* form) {
  using graphql::ValueKind;
  if (literal.kind == ValueKind::kNull) {
    *form += kNullForm;
    return;
  }
  if (literal.kind == ValueKind::kList || literal.kind == ValueKind::kObject ||
      comparison == Comparison::kJson) {
    *form += kJsonForm;
    AppendJsonForm(literal, form);
    return;
  }
  if (comparison == Comparison::kHstore &&
      AppendTagged(kJsonForm, form, [&] { return AppendHstoreForm(literal.text, form); })) {
    return;
  }
  switch (literal.kind) {
    case ValueKind::kInt:
    case ValueKind::kFloat:
      // GraphQL writes numbers as JSON does.
      AppendScalar(comparison, JsonType::kNumber, literal.text, form);
      break;
    case ValueKind::kBoolean:
      AppendScalar(comparison, JsonType::kBoolean, literal.boolean ? "true" : "false", form);
      break;
    default:
      AppendScalar(comparison, JsonType::kString, literal.text, form);
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
  const char kind = form.front();
  switch (comparison) {
    case Comparison::kText:
    case Comparison::kIdentity:
    case Comparison::kBoolean:
    case Comparison::kCustom:
    case Comparison::kCaseless:
    case Comparison::kPadded:
    case Comparison::kJson:
      return true;
    case Comparison::kHstore:
      return kind == kJsonForm;
    case Comparison::kNumber:
      return kind == kNumberForm;
    case Comparison::kTruth:
      return kind == kBooleanForm;
    default:
      return kind == kTypeForm;
  }
}

Comparison PartsOf(Comparison comparison) {
  const bool kept = comparison == Comparison::kIdentity || comparison == Comparison::kCaseless;
  return kept ? comparison : Comparison::kText;
}

}  // namespace fsubs
