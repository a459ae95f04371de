#include "worker/comparable.hpp"

#include <charconv>

#include "graphql/print.hpp"

namespace fsubs {
namespace {

void Append(char tag, std::string_view bytes, std::string* form) {
  const auto length = static_cast<uint32_t>(bytes.size());
  *form += tag;
  form->append(reinterpret_cast<const char*>(&length), sizeof(length));
  *form += bytes;
}

// Sign, digits without leading and trailing zeros, and the power of ten of the last digit.
void AppendNumber(std::string_view text, std::string* form) {
  std::string digits;
  bool negative = false;
  int64_t exponent = 0;
  size_t at = 0;
  if (at < text.size() && text[at] == '-') {
    negative = true;
    ++at;
  }
  bool fraction = false;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    if (fraction) --exponent;
    if (!digits.empty() || text[at] != '0') digits += text[at];
  }
  if (at < text.size()) {
    ++at;
    if (at < text.size() && text[at] == '+') ++at;
    int64_t written = 0;
    // An exponent beyond 64 bits saturates: such values differ from all others but not always from
    // each other.
    if (std::from_chars(text.data() + at, text.data() + text.size(), written).ec ==
        std::errc::result_out_of_range) {
      written = text[at] == '-' ? INT32_MIN : INT32_MAX;
    }
    exponent += written;
  }
  while (!digits.empty() && digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  if (digits.empty()) {
    Append('n', "0", form);
    return;
  }
  std::string canonical = negative ? "-" : "";
  canonical.append(digits).append("e").append(std::to_string(exponent));
  Append('n', canonical, form);
}

}  // namespace

Comparison ComparisonOf(const graphql::Type& leaf) {
  if (leaf.builtin && (leaf.name == "Int" || leaf.name == "Float")) return Comparison::kNumber;
  if (leaf.builtin && leaf.name == "Boolean") return Comparison::kBoolean;
  return Comparison::kText;
}

void AppendComparable(Comparison comparison, const std::optional<JsonValue>& value,
                      std::string* form) {
  if (!value || value->is_null()) {
    *form += '0';
    return;
  }
  switch (value->type()) {
    case JsonType::kString:
      Append('t', value->text(), form);
      break;
    case JsonType::kNumber:
      if (comparison == Comparison::kNumber) {
        AppendNumber(value->raw(), form);
      } else {
        Append('t', value->raw(), form);
      }
      break;
    case JsonType::kBoolean:
      Append(comparison == Comparison::kText ? 't' : 'b', value->raw(), form);
      break;
    default:
      Append('j', value->raw(), form);
  }
}

void AppendComparable(Comparison comparison, const graphql::Value& literal, std::string* form) {
  using graphql::ValueKind;
  switch (literal.kind) {
    case ValueKind::kNull:
      *form += '0';
      break;
    case ValueKind::kString:
    case ValueKind::kEnum:
      Append('t', literal.text, form);
      break;
    case ValueKind::kInt:
    case ValueKind::kFloat:
      if (comparison == Comparison::kNumber) {
        AppendNumber(literal.text, form);
      } else {
        Append('t', literal.text, form);
      }
      break;
    case ValueKind::kBoolean:
      Append(comparison == Comparison::kText ? 't' : 'b', literal.boolean ? "true" : "false", form);
      break;
    default:
      Append('j', graphql::Print(literal), form);
  }
}

}  // namespace fsubs
