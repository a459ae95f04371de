#include "graphql/schema/default_value.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "graphql/language/ascii.hpp"
#include "graphql/language/print.hpp"

namespace fsubs::graphql {
namespace {

// The deepest nesting of input objects whose fields are filled in from their defaults.
constexpr size_t kMaxNesting = 100;

bool IsInteger(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool digits = std::all_of(text.begin(), text.end(), IsDigit);
  return digits && !text.empty() && (text == "0" || text.front() != '0');
}

// A number as JavaScript's String() writes it (ECMA-262, Number::toString).
void AppendNumber(double number, std::string* out) {
  if (number < 0) *out += '-';
  char scientific[32];
  const char* const end = std::to_chars(scientific, std::end(scientific), std::fabs(number),
                                        std::chars_format::scientific)
                              .ptr;
  const char* const start = scientific;
  const char* const mark = std::find(start, end, 'e');
  std::string digits(start, 1);
  if (mark - start > 2) digits.append(start + 2, mark);
  int exponent = 0;
  std::from_chars(mark + (mark[1] == '+' ? 2 : 1), end, exponent);
  const int point = exponent + 1;  // digits in front of the decimal point
  const int count = static_cast<int>(digits.size());
  if (point > 21 || point <= -6) {
    out->append(digits, 0, 1);
    if (count > 1) out->append(".").append(digits, 1);
    out->append(exponent < 0 ? "e-" : "e+").append(std::to_string(std::abs(exponent)));
  } else if (point <= 0) {
    out->append("0.").append(static_cast<size_t>(-point), '0').append(digits);
  } else if (point >= count) {
    out->append(digits).append(static_cast<size_t>(point - count), '0');
  } else {
    out->append(digits, 0, static_cast<size_t>(point)).append(".").append(digits, point);
  }
}

class DefaultPrinter {
 public:
  explicit DefaultPrinter(std::string* out) : out_(out) {}

  [[nodiscard]] bool Append(const Value& value, const WrappedType& type) {
    if (out_->size() > kMaxDefaultText || nesting_ > kMaxNesting) return false;
    if (type.is_non_null()) return value.kind != ValueKind::kNull && Append(value, *type.of);
    if (value.kind == ValueKind::kNull) {
      *out_ += "null";
      return true;
    }
    if (type.kind == TypeRefKind::kList) return AppendList(value, *type.of);
    switch (type.type->kind) {
      case TypeKind::kInputObject:
        return value.kind == ValueKind::kObject && AppendObject(value, *type.type);
      case TypeKind::kEnum:
        *out_ += value.text;
        return value.kind == ValueKind::kEnum && type.type->FindValue(value.text) != nullptr;
      default:
        return type.type->builtin ? AppendBuiltin(value, type.type->name) : AppendCustom(value);
    }
  }

 private:
  [[nodiscard]] bool AppendList(const Value& value, const WrappedType& item) {
    *out_ += '[';
    if (value.kind != ValueKind::kList) {
      if (!Append(value, item)) return false;
    } else {
      for (const Value* element : value.items) {
        if (out_->back() != '[') *out_ += ", ";
        if (!Append(*element, item)) return false;
      }
    }
    *out_ += ']';
    return true;
  }

  [[nodiscard]] bool AppendObject(const Value& value, const Type& type) {
    ++nesting_;
    *out_ += '{';
    bool first = true;
    for (const InputValue& field : type.input_fields) {
      const auto given =
          std::find_if(value.fields.begin(), value.fields.end(),
                       [&](const ObjectField& node) { return node.name.text == field.name; });
      const Value* const shown = given == value.fields.end() ? field.default_value : given->value;
      if (shown == nullptr) {
        if (field.type->is_non_null()) return false;
        continue;
      }
      if (!first) *out_ += ", ";
      first = false;
      out_->append(field.name).append(": ");
      if (!Append(*shown, *field.type)) return false;
    }
    *out_ += '}';
    --nesting_;
    return true;
  }

  [[nodiscard]] bool AppendBuiltin(const Value& value, std::string_view type) {
    const bool integer = value.kind == ValueKind::kInt;
    const bool string = value.kind == ValueKind::kString;
    if (type == "Boolean") {
      *out_ += value.boolean ? "true" : "false";
      return value.kind == ValueKind::kBoolean;
    }
    if (type == "String" || (type == "ID" && string && !IsInteger(value.text))) {
      *out_ += PrintString(value.text);
      return string;
    }
    if (type == "ID") {
      *out_ += value.text;
      return integer || string;
    }
    if (!integer && (type == "Int" || value.kind != ValueKind::kFloat)) return false;
    double number = 0;
    const char* const end = value.text.data() + value.text.size();
    if (std::from_chars(value.text.data(), end, number).ec != std::errc()) return false;
    AppendNumber(number, out_);
    return type == "Float" || (number >= INT32_MIN && number <= INT32_MAX);
  }

  // Enum literals become strings; numbers, unlike graphql-js's, keep their digits.
  [[nodiscard]] bool AppendCustom(const Value& value) {
    const bool text = value.kind == ValueKind::kEnum || value.kind == ValueKind::kString;
    *out_ += text ? PrintString(value.text) : Print(value);
    return true;
  }

  std::string* const out_;
  size_t nesting_ = 0;
};

}  // namespace

std::optional<std::string> PrintDefault(const Value& literal, const WrappedType& type) {
  std::string text;
  if (!DefaultPrinter(&text).Append(literal, type) || text.size() > kMaxDefaultText)
    return std::nullopt;
  return text;
}

}  // namespace fsubs::graphql
